"""`baseload base`: what people order and cancel at providers of monthly servers, so that a plan holds."""

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planner.cli.options import CurrencyCode, CurrencyOption, FleetOption, JsonOption, currency_of, say, screen
from planner.errors import InputError

if TYPE_CHECKING:
    from autoscaler.providers.hetzner.orders import BaseOrders, Trial
    from planner.catalog.sources.robot import Robot
    from planner.fleet import Fleet

base_app = typer.Typer(no_args_is_help=True)

CREDENTIALS = ("HETZNER_ROBOT_USER", "HETZNER_ROBOT_PASSWORD")

PlanOption = Annotated[
    Path | None, typer.Option("--plan", help="The saved plan (`baseload plan -o`); without it [autoscale] plan's.")
]
CheckOption = Annotated[
    bool, typer.Option("--check", help="Try each dedicated order by Robot's test=true, which orders nothing.")
]
LocationOption = Annotated[
    str | None, typer.Option("--location", help="Where dedicated servers are bought, such as FSN1; else the cheapest.")
]
AddonOption = Annotated[
    list[str] | None,
    typer.Option("--addon", help="Addon of a tried order, such as primary_ipv4; without it a server has IPv6 alone."),
]
LeadOption = Annotated[
    float | None,
    typer.Option("--lead-hours", min=0, help="From order to machine, where the catalog does not know, such as 72."),
]


@base_app.callback()
def base() -> None:
    """Base servers: what to buy and what to cancel. Nothing here orders or cancels anything."""


@base_app.command("orders")
def orders(
    context: typer.Context,
    plan: PlanOption = None,
    config: FleetOption = None,
    check: CheckOption = False,
    location: LocationOption = None,
    addon: AddonOption = None,
    lead_hours: LeadOption = None,
    currency: CurrencyOption = CurrencyCode.USD,
    as_json: JsonOption = False,
) -> None:
    """The list of base servers to buy and cancel for a plan. Never orders, never cancels.

    With HETZNER_ROBOT_USER and HETZNER_ROBOT_PASSWORD set, or [providers.hetzner] secret_file, prices are the account's
    of today, and each server to cancel is named with the earliest date it can end.

    Example: baseload base orders --plan plan.json -c fleet.toml --check
    """
    from autoscaler.providers.hetzner.orders import base_orders
    from autoscaler.report.base_orders import base_orders_document, render_base_orders
    from planner import files
    from planner.case import fleet_and_catalog, load_fleet
    from planner.catalog.read import shipped_fx
    from planner.catalog.stale import catalog_stale_remarks
    from planner.cli.clock import today
    from planner.exchange.owned_fees import coming_remarks
    from planner.exchange.plan_file import read_plan

    fleet, remarks = load_fleet(config)
    path = plan or _plan_of(fleet)
    saved = read_plan(files.read_text(path), source=str(path))
    fleet, catalog = fleet_and_catalog(fleet, as_of=today())
    remarks = (*remarks, *coming_remarks(fleet, today()), *catalog_stale_remarks(catalog))
    usd_per_eur = catalog.usd_per_eur or shipped_fx().usd_per_eur
    now = datetime.now(UTC)
    lead_time = None if lead_hours is None else timedelta(hours=lead_hours)
    found = base_orders(saved, fleet, catalog, usd_per_eur=usd_per_eur, as_of=now, lead_time=lead_time)
    if any(one.order_by is None for one in found.buys):
        remarks = (*remarks, "order by: the catalog knows no lead time; --lead-hours says one")
    robot = _robot(fleet)
    if robot is not None:
        found = _with_account(found, robot, fleet, usd_per_eur=usd_per_eur, location=location)
        if check:
            found = _tried(found, robot, addon or [])
    elif check or location is not None or addon:
        option = "--check" if check else "--location" if location is not None else "--addon"
        raise InputError(
            f"{option}: asks Robot; expected {' and '.join(CREDENTIALS)} in the environment, or a file named by "
            "[providers.hetzner] secret_file"
        )
    else:
        remarks = (*remarks, f"{' and '.join(CREDENTIALS)} are not set: prices are the catalog's, no server is named")
    if as_json:
        typer.echo(json.dumps(base_orders_document(found), indent=2, ensure_ascii=False))
    else:
        shown = currency_of(currency, catalog)
        typer.echo(render_base_orders(found, screen=screen(), currency=shown), nl=False)
    say(context, (*remarks, *found.remarks))


def _plan_of(fleet: "Fleet") -> Path:
    """The plan the fleet names. Raises InputError where it names none."""
    named = fleet.daemon.autoscale.plan
    if named is None:
        raise InputError("--plan is missing; expected a plan.json, or [autoscale] plan in the fleet file")
    return Path(fleet.daemon.folder) / named


def _robot(fleet: "Fleet") -> "Robot | None":
    """Robot with the credentials that are given; None: there are none."""
    from autoscaler.settings import Secrets
    from planner.catalog.sources.robot import Robot
    from planner.fleet.daemon import RobotSettings

    settings = fleet.daemon.providers.hetzner or RobotSettings()
    secrets = Secrets(os.environ, folder=fleet.daemon.folder)
    pair = secrets.pair(CREDENTIALS, settings.secret_file, key="[providers.hetzner] secret_file")
    if pair is None:
        return None
    user, password = pair
    return Robot(user=user, password=password, endpoint_url=settings.endpoint_url)


def _with_account(
    found: "BaseOrders", robot: "Robot", fleet: "Fleet", *, usd_per_eur: Any, location: str | None
) -> "BaseOrders":
    """The list with the account's prices, servers and dates, as far as the list needs them."""
    from autoscaler.providers.hetzner.orders import ROBOT, at_robots_prices, with_servers
    from autoscaler.providers.hetzner.provider import HetznerProvider
    from planner.catalog.sources.hetzner import product_prices
    from planner.fleet.daemon import RobotSettings

    settings = fleet.daemon.providers.hetzner or RobotSettings()
    if any(one.offer.startswith(f"{ROBOT}/") for one in found.buys):
        prices = product_prices(robot)
        found = at_robots_prices(found, prices, usd_per_eur=usd_per_eur, location=location)
    if any(one.offer.startswith(f"{ROBOT}/") for one in found.cancels):
        provider = HetznerProvider(
            settings, robot=robot, fleet=fleet.daemon.autoscale.fleet, clock=lambda: datetime.now(UTC)
        )
        found = with_servers(
            found, provider.servers(), base=settings.base, dates=lambda number: _cancellation(robot, number)
        )
    return found


def _cancellation(robot: "Robot", number: int) -> tuple[date | None, date | None]:
    """Earliest date a server can be cancelled for, and the booked one. Raises SourceError."""
    row = robot.item(f"/server/{number}/cancellation", "cancellation")
    try:
        earliest, booked = (
            None if not row.get(key) else date.fromisoformat(row[key])
            for key in ("earliest_cancellation_date", "cancellation_date")
        )
    except (TypeError, ValueError):
        return None, None
    return earliest, booked


def _tried(found: "BaseOrders", robot: "Robot", addons: list[str]) -> "BaseOrders":
    """The list with what Robot says of each order, tried and not placed."""
    from autoscaler.providers.hetzner.orders import Trial, tried
    from planner.catalog.sources.robot import RobotRefused

    def trial_of(product: str, location: str) -> "Trial":
        try:
            row = robot.try_order(product, location=location, addons=addons)
        except RobotRefused as error:
            return Trial(is_accepted=False, said=str(error))
        name = (row.get("product") or {}).get("name") or product
        return Trial(is_accepted=True, said=f"{name} in {location} would be ordered")

    return tried(found, trial_of)
