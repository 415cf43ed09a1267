"""`baseload ledger`: facts into the ledger and out of it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.database import ledger_url, origin_of
from planner.cli.ledger_money import charges, export
from planner.cli.options import FleetOption, JsonOption, say, screen
from planner.cli.reconcile import reconcile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from planner.exchange.facts import Facts
    from planner.exchange.kinds import FileKind
    from planner.fleet import Fleet
    from planner.ledger import Batch, MonthOfFacts, PriceInForce
    from planner.store import Ledger


ledger_app = typer.Typer(no_args_is_help=True)
ledger_app.command("charges")(charges)
ledger_app.command("export")(export)
ledger_app.command("reconcile")(reconcile)


@ledger_app.callback()
def ledger() -> None:
    """Facts: what was rented, what was served, what else was invoiced, which plans were made."""


@ledger_app.command("import")
def import_files(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="CSV, or JSON of LiteLLM and of plans; plain or gzip.")],
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind", help="leases, usage, costs, prices, plan, litellm, opencost; none: told by the columns."
        ),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="NAME[=COLUMN]", help="Keep a column as a tag, such as team or team=team_id."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Whose tokens, where the usage has no model column.")
    ] = None,
    model_column: Annotated[
        str | None, typer.Option("--model-column", help="The column of the model, where it has another name.")
    ] = None,
    covers: Annotated[
        str | None,
        typer.Option("--covers", metavar="MONTH", help="Usage is of this whole month: hours without a row were empty."),
    ] = None,
    add: Annotated[
        bool, typer.Option("--add", help="Add to usage that is held already; leases and costs: replace what is held.")
    ] = False,
    config: FleetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take facts from files: all of a call's files, or none if one is wrong.

    Example: baseload ledger import leases.csv usage.csv --tag team
    """
    from planner.files import read_text
    from planner.store import open_ledger

    texts = [(str(path), read_text(path)) for path in files]
    refuse_same(texts)
    with open_ledger(ledger_url(config), create=True) as held:
        is_new = not held.exists
        found, remarks = facts_of(
            texts,
            kind,
            known=held.prices(),
            config=config,
            tags=tags_named(tag or []),
            model=model,
            model_column=model_column,
        )
        found = covering_month(found, covers)
        with held.together():
            batches = [add_facts(held, one, add=add) for one in found]
        for facts, batch in zip(found, batches, strict=True):
            remarks = (*remarks, *held_already(facts, batch), *counted_twice(held, facts))
        if is_new:
            remarks = (*remarks, f"made the ledger {held.address}")
    print_batches(batches, (), as_json=as_json)
    say(context, remarks)


@ledger_app.command("list")
def list_batches(context: typer.Context, config: FleetOption = None, as_json: JsonOption = False) -> None:
    """Batches of facts in the order they came, and what the ledger holds of each month.

    Example: baseload ledger list
    """
    from planner.store import open_ledger

    with open_ledger(ledger_url(config)) as held:
        batches, months = held.batches(), held.months()
        say(context, [f"the ledger is {held.address}"])
    print_batches(batches, months, as_json=as_json)


@ledger_app.command("retract")
def retract(
    context: typer.Context,
    batch: Annotated[int, typer.Argument(metavar="BATCH", help="Number of the batch, as in `baseload ledger list`.")],
    why: Annotated[str, typer.Option("--why", help="The reason, kept with it.")],
    config: FleetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a batch back: its facts are not read any more; they stay in the database with the reason.

    Example: baseload ledger retract 3 --why "wrong month"
    """
    from planner.store import open_ledger

    with open_ledger(ledger_url(config)) as held:
        taken = held.retract(batch, why=why, at=datetime.now(UTC))
    print_batches([taken], (), as_json=as_json)
    say(context, [f"batch {batch} is retracted"])


def facts_of(
    texts: "Sequence[tuple[str, str]]",
    kind: str | None,
    *,
    known: "Sequence[PriceInForce]",
    config: Path | None,
    tags: "Mapping[str, str]",
    model: str | None,
    model_column: str | None,
) -> "tuple[list[Facts], tuple[str, ...]]":
    """The facts of files (name, text), prices first, so that leases beside them are priced by them; and remarks."""
    from planner.case import load_catalog, load_fleet
    from planner.catalog.offer import Catalog
    from planner.errors import InputError
    from planner.exchange.facts import read_facts
    from planner.exchange.kinds import FileKind, header_names
    from planner.exchange.price_in_force import PricesInForce

    kinds = [kind_named(kind, text, source) for source, text in texts]
    refuse_unused(kinds, model=model, column=model_column)
    headers = {name for _, text in texts for name in header_names(text)}
    for tag, column in tags.items():
        if len(texts) > 1 and column.partition(".")[0] not in headers:
            raise InputError(f"--tag {tag}: no file has a column {column!r}; expected one that has")
    fleet, _ = load_fleet(config)
    is_priced = FileKind.LEASES in kinds
    catalog = load_catalog(fleet, prices=fleet.catalog.prices) if is_priced else Catalog(offers=())  # may be the first
    prices = PricesInForce(known, fleet, catalog)
    found = []
    in_order = sorted(zip(texts, kinds, strict=True), key=lambda pair: pair[1] is not FileKind.PRICES)
    for (source, text), one in in_order:
        names = header_names(text)
        kept = {tag: column for tag, column in tags.items() if len(texts) == 1 or column.partition(".")[0] in names}
        facts = read_facts(text, one, source=source, price_of=prices, tags=kept, model=model, model_column=model_column)
        prices.add(facts.prices)
        found.append(facts)
    said = (remark for one in found for remark in one.remarks)
    return found, (*prices.remarks, *said, *prices_of_no_offer(found, fleet))


def prices_of_no_offer(found: "Sequence[Facts]", fleet: "Fleet") -> "Iterator[str]":
    """A remark for each offer a file has a price of, and no catalog of the fleet: no plan will ask for it."""
    from dataclasses import replace

    from planner.case import load_catalog
    from planner.catalog.nearest import nearest

    if not any(facts.prices for facts in found):
        return
    whole = replace(fleet, catalog=replace(fleet.catalog, only=(), without=()), policy_offers=())
    known = [offer.id for offer in load_catalog(whole, prices="files")]
    for facts in found:
        for offer in sorted({price.offer for price in facts.prices}.difference(known)):
            near = nearest(offer, known)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            yield f"{facts.source}: {offer} is no offer of the catalog, and its price one of leases alone{meant}"


def add_facts(held: "Ledger", facts: "Facts", *, add: bool) -> "Batch":
    """The batch made of the facts of a file."""
    origin = origin_of(facts.source, facts.text, facts.tags)
    if facts.usage is not None:
        return held.add_served(facts.usage, origin, adds=add)
    if facts.plan is not None:
        return held.add_plan(facts.text, origin, start=facts.plan.start, end=facts.plan.end)
    if facts.prices:
        return held.add_prices(facts.prices, origin)
    if facts.costs:
        return held.add_other_costs(facts.costs, origin, newer=add)
    return held.add_leases(facts.leases, origin, newer=add)


def refuse_same(texts: "Sequence[tuple[str, str]]") -> None:
    """Raises InputError where two files of one call have the same text."""
    from planner.errors import InputError

    known: dict[str, str] = {}
    for source, text in texts:
        if text in known:
            raise InputError(f"{source}: has the same text as {known[text]}; expected each file once")
        known[text] = source


def refuse_unused(kinds: "Sequence[FileKind]", *, model: str | None, column: str | None) -> None:
    """Raises InputError where an option is about files of another kind than those of the call."""
    from planner.errors import InputError
    from planner.exchange.kinds import FileKind

    if model is not None and {FileKind.USAGE, FileKind.OPENCOST}.isdisjoint(kinds):
        raise InputError("--model: none of the files takes it; expected usage or OpenCost's costs")
    if column is not None and {FileKind.USAGE, FileKind.LITELLM, FileKind.OPENCOST}.isdisjoint(kinds):
        raise InputError("--model-column: none of the files takes it; expected usage or OpenCost's costs")


def held_already(facts: "Facts", batch: "Batch") -> "Iterator[str]":
    """A remark where the ledger held some leases or costs of a file just as they are."""
    left_out = len(facts.leases or facts.costs) - batch.rows
    if left_out > 0:
        yield f"{facts.source}: {left_out} rows are in the ledger already, just as they are, and were left out"


def counted_twice(held: "Ledger", facts: "Facts") -> "Iterator[str]":
    """A remark where costs of a cluster's workloads stand beside leases, which may be its nodes."""
    from planner.exchange.opencost import PROVIDER

    costs = [cost for cost in facts.costs if cost.provider == PROVIDER]
    if costs and held.leases(min(cost.start for cost in costs), max(cost.end for cost in costs)):
        yield (
            f"{facts.source}: the ledger holds leases of these days too; where they are the cluster's nodes, their"
            " cost counts twice: keep one of the two"
        )


def covering_month(found: "list[Facts]", month: str | None) -> "list[Facts]":
    """The facts; usage said to cover a whole month where one is named."""
    from dataclasses import replace

    from planner.demand.horizon import month_span
    from planner.errors import InputError
    from planner.exchange.usage import covering

    if month is None:
        return found
    if all(one.usage is None for one in found):
        raise InputError("--covers: none of the files holds usage; expected one")
    span = month_span(month)
    return [one if one.usage is None else replace(one, usage=covering(one.usage, *span)) for one in found]


def kind_named(name: str | None, text: str, source: str) -> "FileKind":
    """The kind asked for, else the one the file's columns tell."""
    from planner.catalog.nearest import nearest
    from planner.errors import InputError
    from planner.exchange.kinds import FileKind, kind_of

    if name is None:
        return kind_of(text, source=source)
    if name not in tuple(FileKind):
        near = nearest(name, [kind.value for kind in FileKind])
        meant = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(FileKind)}"
        raise InputError(f"--kind {name}: unknown; {meant}")
    return FileKind(name)


def tags_named(options: "Sequence[str]") -> dict[str, str]:
    """Tag -> column of `--tag NAME` and `--tag NAME=COLUMN`."""
    from planner.errors import InputError

    tags: dict[str, str] = {}
    for option in options:
        name, equals, column = (part.strip() for part in option.partition("="))
        if not name.isidentifier() or bool(equals) != bool(column):
            raise InputError(f"--tag {option}: expected NAME or NAME=COLUMN, such as team or team=team_id")
        if name in tags:
            raise InputError(f"--tag {option}: the tag {name} is named twice; expected once")
        tags[name] = column or name
    return tags


def print_batches(batches: "Sequence[Batch]", months: "Sequence[MonthOfFacts]", *, as_json: bool) -> None:
    """Batches and months on stdout: tables for people or the JSON document."""
    from planner.report.ledger import ledger_document, render_ledger

    if as_json:
        typer.echo(json.dumps(ledger_document(batches, months), indent=2, ensure_ascii=False))
    else:
        typer.echo(render_ledger(batches, months, screen=screen()), nl=False)
