"""Facts of a file: whatever its kind, read into the values the ledger takes. Text in, values out. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from planner.exchange.costs import read_costs
from planner.exchange.kinds import FileKind
from planner.exchange.leases import PriceLookup, read_leases, read_prices
from planner.exchange.litellm import read_spend_logs
from planner.exchange.opencost import read_allocations
from planner.exchange.plan_file import read_plan
from planner.exchange.usage import read_usage
from planner.ledger import Lease, OtherCost, PriceInForce, ServedHours, Tags
from planner.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a file holds; exactly the field of its kind is set."""

    source: str
    text: str
    tags: tuple[str, ...] = ()
    """Names of the tags kept."""
    leases: tuple[Lease, ...] = ()
    prices: tuple[PriceInForce, ...] = ()
    costs: tuple[OtherCost, ...] = ()
    usage: ServedHours | None = None
    plan: Plan | None = None
    remarks: tuple[str, ...] = ()


def read_facts(
    text: str,
    kind: FileKind,
    *,
    source: str,
    price_of: PriceLookup,
    tags: Mapping[str, str] | None = None,
    model: str | None = None,
    model_column: str | None = None,
) -> Facts:
    """The facts of a file of a kind. `tags`: tag -> column.

    `model`: whose tokens or costs, where nothing in a row says so; `model_column`: the column that does.
    """
    match kind:
        case FileKind.LEASES:
            found = read_leases(text, source=source, price_of=price_of, tags=tags)
            kept = _names(lease.tags for lease in found.leases)
            return Facts(source=source, text=text, tags=kept, leases=found.leases, remarks=found.remarks)
        case FileKind.PRICES:
            return Facts(source=source, text=text, prices=read_prices(text, source=source))
        case FileKind.COSTS:
            other = read_costs(text, source=source, tags=tags)
            kept = _names(cost.tags for cost in other.costs)
            return Facts(source=source, text=text, tags=kept, costs=other.costs, remarks=other.remarks)
        case FileKind.USAGE:
            usage = read_usage(text, source=source, tags=tags, model=model, model_column=model_column)
            kept = _names(usage.usage.tags)
            return Facts(source=source, text=text, tags=kept, usage=usage.usage, remarks=usage.remarks)
        case FileKind.LITELLM:
            logs = read_spend_logs(text, source=source, tags=tags, model_column=model_column)
            kept = _names(logs.usage.tags)
            return Facts(source=source, text=text, tags=kept, usage=logs.usage, remarks=logs.remarks)
        case FileKind.OPENCOST:
            other = read_allocations(text, source=source, tags=tags, model=model, model_column=model_column)
            kept = _names(cost.tags for cost in other.costs)
            return Facts(source=source, text=text, tags=kept, costs=other.costs, remarks=other.remarks)
        case FileKind.PLAN:
            return Facts(source=source, text=text, plan=read_plan(text, source=source))


def _names(tag_sets: Iterable[Tags]) -> tuple[str, ...]:
    return tuple(sorted({name for tags in tag_sets for name, _ in tags}))
