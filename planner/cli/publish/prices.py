"""What `publish` makes its prices of: a plan, or what the ledger holds."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from planner.cli.database import ledger_url

if TYPE_CHECKING:
    from planner.cli.publish.command import PublishGiven
    from planner.fleet import Fleet
    from planner.month.gather import Setting
    from planner.publish.basis import PriceBasis
    from planner.publish.entry import Price


def prices_by(fleet: "Fleet", given: "PublishGiven", now: datetime) -> "tuple[tuple[Price, ...], tuple[str, ...]]":
    """The price of each model, and remarks. Raises InputError."""
    from planner.cli.month_facts import setting_of
    from planner.exchange.hosted_prices import shipped_hosted_prices
    from planner.publish.prices import Known, prices_of

    setting = setting_of(fleet)
    basis = _basis(given, setting, now)
    known = Known(
        basis=basis,
        fleet=fleet,
        catalog=setting.catalog,
        profiles=setting.profiles,
        hosted=shipped_hosted_prices(),
    )
    return prices_of(known), basis.remarks


def _basis(given: "PublishGiven", setting: "Setting", now: datetime) -> "PriceBasis":
    from planner import files
    from planner.exchange.plan_file import read_plan
    from planner.month.facts import reckon
    from planner.month.gather import gather, gather_span
    from planner.month.price_basis import month_basis, trailing_basis
    from planner.publish.basis import plan_basis
    from planner.store import open_ledger

    if given.plan is not None:
        return plan_basis(read_plan(files.read_text(given.plan), source=str(given.plan)), source=str(given.plan))
    with open_ledger(ledger_url(given.config)) as held:
        if given.month is not None:
            return month_basis(
                reckon(gather(held, given.month, setting, as_of=now, with_earlier=False, with_plan=False))
            )
        end = now.replace(minute=0, second=0, microsecond=0)
        start = end - timedelta(days=given.trailing_days or 0)
        found = gather_span(held, start, end, setting, as_of=now)
        return trailing_basis([reckon(one) for one in found], start, end)
