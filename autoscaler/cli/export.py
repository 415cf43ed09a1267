"""`baseload export`: what a plan means to other tools."""

import json
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planner.cli.option_groups import with_options
from planner.cli.options import FleetOption, JsonOption, say
from planner.cli.paths import check_paths
from planner.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planner.fleet import Fleet
    from planner.plan import Plan

export_app = typer.Typer(no_args_is_help=True)


@export_app.callback()
def export() -> None:
    """What a plan means to other tools."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KarpenterGiven:
    """What NodePools are made of, as written."""

    plan: Annotated[Path, typer.Option("--plan", help="The saved plan (`baseload plan -o`).", show_default=False)]
    config: FleetOption = None
    node_class: Annotated[
        str, typer.Option("--node-class", help="The EC2NodeClass that says image, subnets and role.")
    ] = "default"
    headroom: Annotated[
        float, typer.Option("--headroom", min=1.0, max=100.0, help="Limit over the nodes the plan has at once.")
    ] = 1.5
    families: Annotated[
        bool, typer.Option("--families", help="Any size of the type's family that is no smaller, not the type alone.")
    ] = False
    fallback: Annotated[
        bool, typer.Option("--fallback/--no-fallback", help="On demand beside each spot pool, after it.")
    ] = True
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write them to this file.")] = None
    as_json: JsonOption = False


@export_app.command("karpenter")
@with_options(KarpenterGiven)
def karpenter(context: typer.Context, given: KarpenterGiven) -> None:
    """Karpenter NodePools of the plan's burst pools at AWS: types, capacity, limits, and weights by merit.

    Example: baseload export karpenter --plan plan.json -c fleet.toml | kubectl apply -f -
    """
    from autoscaler.cluster.karpenter import Wanted, node_pools
    from planner import files
    from planner.case import load_catalog, load_fleet
    from planner.exchange.plan_file import read_plan
    from planner.fleet.daemon import ClusterSettings

    check_paths(read=(("--plan", given.plan), ("-c", given.config)), write=(("-o", given.output),))
    plan = read_plan(files.read_text(given.plan), source=str(given.plan))
    fleet, remarks = load_fleet(given.config)
    _check_models(plan, str(given.plan), fleet)
    wanted = Wanted(
        node_class=given.node_class,
        headroom_ratio=given.headroom,
        by_family=given.families,
        with_fallback=given.fallback,
    )
    found = node_pools(
        plan,
        load_catalog(fleet),
        wanted,
        cluster=fleet.daemon.cluster or ClusterSettings(),
        scaling=fleet.scaling,
    )
    text = _json(found.node_pools) if given.as_json else _yaml(found.node_pools)
    if given.output is None:
        typer.echo(text, nl=False)
    else:
        files.write_atomic(given.output, text)
    wrote = () if given.output is None else (f"wrote {given.output}",)
    say(context, (*remarks, *found.remarks, *wrote))


def _check_models(plan: "Plan", source: str, fleet: "Fleet") -> None:
    """Raises InputError where the fleet is not the one that was planned for: labels and durations are the fleet's."""
    unknown = [name for name in plan.models if name not in fleet.model_names]
    if unknown:
        raise InputError(
            f"{source}: plans for {', '.join(unknown)}, which {fleet.source} does not have (it has "
            f"{', '.join(fleet.model_names)}); expected the plan's fleet with -c"
        )


def _json(objects: "Sequence[dict[str, Any]]") -> str:
    """One document, as kubectl takes it."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}, indent=2) + "\n"


def _yaml(objects: "Sequence[dict[str, Any]]") -> str:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.explicit_start = True
    text = StringIO()
    yaml.dump_all(list(objects), text)
    return text.getvalue()
