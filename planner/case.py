"""Case: everything a plan needs, read and merged; and the plan of it. The journey from files to Solved.

A case is a value: a what-if changes it and solves again. Only `load_case` opens files. The solvers, 10 MB of memory,
are imported where a case is solved: the daemon reads its catalog here and never solves.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from planner import files
from planner.catalog.nearest import nearest
from planner.catalog.offer import Catalog, Offer
from planner.catalog.read import FxRate, merge, read_catalog, shipped_catalog, shipped_fx
from planner.catalog.select import matches, only, without
from planner.catalog.stale import catalog_stale_remarks, with_stale
from planner.demand.forecast import Forecast
from planner.demand.horizon import for_models, select_month
from planner.demand.read import read_forecast
from planner.errors import InputError
from planner.exchange.owned_fees import OwnedInForce, coming_remarks, needs_fee, with_fees
from planner.exchange.quotes import at_prices, newest_rate
from planner.fleet import Fleet, Owned, default_fleet, read_fleet_file, with_policy
from planner.ledger import NOTHING_OF_SPOT, SpotFacts
from planner.profile.curve import Profile
from planner.profile.document import read_profile
from planner.profile.model import Model, Rates, Unfit
from planner.profile.rate import rates_for
from planner.profile.shipped import shipped_profiles
from policies.planning import SpotLoss

if TYPE_CHECKING:
    from sqlalchemy import URL

    from planner.ledger import PriceInForce
    from planner.optimize.assemble import Origin
    from planner.optimize.prepare import OwnedServers, Prepared
    from planner.optimize.problem import Problem
    from planner.optimize.reduce import Reduction
    from planner.optimize.solve import Solved
    from planner.optimize.walk import Effort, Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A forecast, the fleet that serves it, and what can be rented."""

    fleet: Fleet
    catalog: Catalog
    forecast: Forecast
    profiles: Mapping[str, Profile]
    remarks: tuple[str, ...] = ()
    """What the reader of the plan should know of the inputs."""
    base_counts: Mapping[str, int] | None = None
    """Base nodes that are given, by key, owned ones apart; None: the plan chooses."""

    @property
    def models(self) -> tuple[Model, ...]:
        """The fleet's models that have demand, in the forecast's order."""
        by_name = {model.name: model for model in self.fleet.models}
        return tuple(by_name[name] for name in self.forecast.models)


def load_fleet(path: Path | None, policy: str | None = None) -> tuple[Fleet, tuple[str, ...]]:
    """The fleet of a file, or the packaged one with a remark; under another policy where one is named."""
    remarks: tuple[str, ...] = ()
    if path is None:
        fleet = default_fleet()
        remarks = (
            "no fleet.toml given (-c): using the packaged default fleet, "
            f"model {', '.join(fleet.model_names)}; `baseload init` writes it out",
        )
    else:
        fleet = read_fleet_file(path)
    if policy is None:
        return fleet, remarks
    under = with_policy(fleet, policy)
    return under, (*remarks, *policy_remarks(under))


def policy_remarks(fleet: Fleet) -> tuple[str, ...]:
    """What a named policy does beside its numbers: the offers it keeps to, or why it does not."""
    if not fleet.policy_offers:
        return ()
    kept = f"{fleet.policy_source} keeps to offers of {', '.join(fleet.policy_offers)}"
    if fleet.catalog.only:
        return (f"{kept}; not so here, because [catalog] only of {fleet.source} says {', '.join(fleet.catalog.only)}",)
    return (f"{kept} where the catalog has any; [catalog] only of a fleet.toml wins over it",)


def load_catalog(
    fleet: Fleet, prices: Literal["files", "ledger"] | None = None, *, as_of: date | None = None
) -> Catalog:
    """What the fleet may rent: shipped catalogs and its own files, at its exchange rate, cut by its selectors.

    `prices`: whose they are, in place of what its [catalog] says; a ledger asked for so may be missing. `as_of`: the
    day on which old prices are marked as such; None: none are.
    """
    return _catalog(fleet, _kept(fleet, prices), as_of)


def _kept(fleet: Fleet, prices: Literal["files", "ledger"] | None) -> "Recorded":
    """What the ledger has where prices are its own; a fleet that says so, and has no ledger, is refused."""
    if (prices or fleet.catalog.prices) != "ledger":
        return Recorded()
    kept = recorded(fleet)
    if prices is None and kept.missing_at is not None:
        raise InputError(
            f'{fleet.source}, [catalog] prices = "ledger": no ledger at {kept.missing_at}; expected one there '
            "(`baseload catalog refresh` makes one), or its address in BASELOAD_DATABASE_URL"
        )
    return kept


def _catalog(fleet: Fleet, kept: "Recorded", as_of: date | None) -> Catalog:
    settings = fleet.catalog
    fx = rate_of(fleet) or newest_rate(kept.prices)
    parts = []
    if settings.shipped is not False:
        shipped = shipped_catalog(fx)
        parts.append(shipped if settings.shipped is True else only(shipped, settings.shipped))
    parts.extend(read_catalog(files.read_text(path), path, fx=fx) for path in settings.files)
    catalog = at_prices(merge(*parts), kept.prices, kept.spot)
    for group in settings.group_max:
        if group not in {offer.count_group for offer in catalog}:
            raise InputError(f"{fleet.source}, [catalog] group_max.{group}: no offer has this count_group")
    _check_measured_offers(fleet, catalog)
    catalog = replace(catalog, group_max={**catalog.group_max, **settings.group_max})
    if as_of is not None:
        catalog = with_stale(
            catalog,
            as_of,
            max_price_age_days=settings.max_price_age_days,
            max_spot_age_days=settings.max_spot_age_days,
        )
    catalog = only(catalog, settings.only) if settings.only else kept_to(catalog, fleet.policy_offers)
    return without(catalog, settings.without) if settings.without else catalog


def _check_measured_offers(fleet: Fleet, catalog: Catalog) -> None:
    """Raises InputError where a model names an offer that is not there: its factor would be of nothing."""
    for model in fleet.models:
        for offer in model.throughput_factor_by_offer:
            if offer not in catalog:
                near = nearest(offer, [one.id for one in catalog])
                hint = f"; did you mean {near[0]!r}?" if near else ""
                where = f"{fleet.source}, [[model]] {model.name} throughput_factor_by_offer"
                raise InputError(f"{where}: no offer is called {offer!r}{hint}")


def fleet_and_catalog(fleet: Fleet, *, as_of: date | None = None) -> tuple[Fleet, Catalog]:
    """The fleet with its owned servers at the price of the day they were ordered, and what it may rent.

    Both are of one reading of the ledger, where prices come from it. With `prices = "files"` there is one price of an
    offer, and nothing to look up. `as_of` as in `load_catalog`.
    """
    kept = _kept(fleet, None)
    if fleet.catalog.prices == "ledger" and any(map(needs_fee, fleet.owned)):
        fleet = replace(fleet, owned=with_fees(fleet.owned, kept.prices, _catalog(fleet, Recorded(), None)))
    return fleet, _catalog(fleet, kept, as_of)


def rate_of(fleet: Fleet) -> FxRate | None:
    """The exchange rate the fleet says; None: it says none."""
    settings = fleet.catalog
    if settings.usd_per_eur is None or settings.usd_per_eur_date is None:
        return None
    return FxRate(usd_per_eur=settings.usd_per_eur, date=settings.usd_per_eur_date, source=fleet.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a ledger keeps of the market."""

    prices: "tuple[PriceInForce, ...]" = ()
    spot: SpotFacts = NOTHING_OF_SPOT
    """How often spot offers are taken back, and what they cost on average; the changes of prices are not read."""
    missing_at: str | None = None
    """Where no ledger is; None: one is there, or none was looked for."""


def recorded(fleet: Fleet) -> Recorded:
    """The prices in force that the fleet's ledger keeps, and what it keeps of spot; none where there is no ledger."""
    from planner.store import open_ledger

    with open_ledger(database_of(fleet), create=True) as held:  # reads alone: none is made
        spot = SpotFacts(interruptions=held.interruptions(), means=held.spot_means())
        return Recorded(prices=held.prices(), spot=spot, missing_at=None if held.exists else held.address)


def database_of(fleet: Fleet) -> "URL":
    """The fleet's ledger: BASELOAD_DATABASE_URL, else its [database], else the user's data folder."""
    from planner.store.address import VARIABLE, database_url

    settings = fleet.database
    if settings.url_file is not None and not os.environ.get(VARIABLE, "").strip():
        return database_url(os.environ, files.read_text(settings.url_file).strip(), fleet_source=settings.url_file)
    return database_url(os.environ, settings.url, fleet_source=f"{fleet.source}, [database] url")


def kept_to(catalog: Catalog, selectors: Iterable[str]) -> Catalog:
    """The catalog with the offers a policy keeps to; selectors that mean none of it are passed over."""
    known = [selector for selector in selectors if any(matches(offer, selector) for offer in catalog)]
    return only(catalog, known) if known else catalog


def load_profiles(fleet: Fleet) -> Mapping[str, Profile]:
    """Shipped profiles, and the fleet's own, which win over shipped ones of the same name."""
    own = [read_profile(files.read_text(path), path) for path in fleet.profile_files]
    profiles = shipped_profiles() if not own else {**shipped_profiles(), **{one.name: one for one in own}}
    for model in fleet.models:
        if model.profile not in profiles:
            raise InputError(
                f"{fleet.source}, [[model]] {model.name}: unknown profile {model.profile!r}; "
                f"expected one of {', '.join(sorted(profiles))}"
            )
    return profiles


def load_case(
    *,
    forecast: Path,
    fleet: Fleet,
    month: str | None = None,
    fill: Literal["weekly"] | None = None,
    quantile: float | None = None,
    remarks: Iterable[str] = (),
    as_of: date | None = None,
) -> Case:
    """The case of a forecast file and a fleet; `month` cuts the forecast to a calendar month.

    `as_of`: the day on which old prices, and servers ordered on a later one, are said; None: they are not.
    """
    demand = read_forecast(files.read_text(forecast), source=str(forecast), quantile=quantile)
    demand = for_models(demand, fleet.model_names)
    if month is not None:
        demand = select_month(demand, month, fill)
    elif fill is not None:
        raise InputError("--fill needs --month; expected both")
    fleet, catalog = fleet_and_catalog(fleet, as_of=as_of)
    return Case(
        fleet=fleet,
        catalog=catalog,
        forecast=demand,
        profiles=load_profiles(fleet),
        remarks=(*remarks, *demand.remarks, *coming_remarks(fleet, as_of)),
    )


def solve_case(case: Case, effort: "Effort | None" = None, on_progress: "Report | None" = None) -> "Solved":
    """The cheapest plan of a case."""
    from planner.optimize.solve import solve

    return solve(prepare_case(case), origin_of(case), effort, on_progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReducedCase:
    """A case with some of its scenarios, and what is needed to tell what that may cost."""

    case: Case
    whole: "Problem"
    """Of all scenarios."""
    reduction: "Reduction"


def reduced_case(case: Case, count: int) -> ReducedCase:
    """The case with `count` of its scenarios, chosen by what they cost."""
    from planner.optimize.reduce import reduce_scenarios

    whole = prepare_case(case).problem
    found = reduce_scenarios(whole, count)
    forecast, kept = case.forecast, list(found.kept)
    few = replace(
        forecast,
        scenarios=tuple(forecast.scenarios[s] for s in kept),
        probability=found.probability,
        input_tok_s=forecast.input_tok_s[kept],
        output_tok_s=forecast.output_tok_s[kept],
    )
    return ReducedCase(case=replace(case, forecast=few), whole=whole, reduction=found)


def prepare_case(case: Case, *, keeps_base: bool = False) -> "Prepared":
    """The problem of a case; `keeps_base` as in `prepare`."""
    from planner.optimize.prepare import prepare
    from planner.optimize.spot_loss import read_outages

    policy = case.fleet.policy

    def rate_of(model: Model, offer: Offer) -> Rates | Unfit:
        return rates_for(model, offer, case.profiles, measured_only=policy.measured_only)

    prepared = prepare(
        forecast=case.forecast,
        models=case.models,
        catalog=case.catalog,
        owned=owned_servers(case),
        policy=policy,
        rate_of=rate_of,
        keeps_base=keeps_base,
        base_counts=case.base_counts,
    )
    if policy.survive_spot_loss is not SpotLoss.NONE:
        outages = read_outages(files.packaged_text("defaults/spot_outages.csv"))
        prepared = replace(prepared, spot_outages=outages)
    return replace(prepared, remarks=(*case.remarks, *catalog_stale_remarks(case.catalog), *prepared.remarks))


def owned_servers(case: Case) -> "tuple[OwnedServers, ...]":
    """The owned servers of the fleet, each at the price in force for it."""
    from planner.optimize.prepare import OwnedServers

    servers = []
    rate = case.catalog.usd_per_eur or shipped_fx().usd_per_eur
    for block in case.fleet.owned:
        try:
            offer = case.catalog[block.offer]
        except KeyError:
            known = ", ".join(sorted(one.id for one in case.catalog if one.role == "base")) or "none"
            raise InputError(
                f"{case.fleet.source}, [[owned]] {block.offer}: no such offer in the catalog; base offers: {known}"
            ) from None
        if offer.role != "base":
            raise InputError(f"{case.fleet.source}, [[owned]] {block.offer}: is a burst offer; expected a base one")
        servers.append(OwnedServers(offer=_in_force(offer, block, rate, case.fleet.source), count=block.count))
    return tuple(servers)


def _in_force(offer: Offer, block: Owned, usd_per_eur: Decimal, source: str) -> Offer:
    """The offer as the block's servers pay it: fee, and day and source of the fee, where they are known."""
    fee = block.fee_in_force_usd(usd_per_eur)
    if fee is None:
        return offer
    paid = replace(offer, fee_usd_month=fee, is_price_stale=False)
    if isinstance(block, OwnedInForce):
        return replace(paid, price_date=block.price_date, source=block.source)
    if block.ordered_on is None:
        return paid
    return replace(paid, price_date=block.ordered_on, source=f"{source}, [[owned]]")


def origin_of(case: Case) -> "Origin":
    """Where the inputs of a case come from, in words."""
    from planner.optimize.assemble import Origin

    dates = sorted({offer.price_date for offer in case.catalog})
    oldest, newest = (dates[0], dates[-1]) if dates else (None, None)
    span = f"{oldest}" if oldest == newest else f"{oldest} to {newest}"
    euro = ""
    if any(offer.currency == "EUR" for offer in case.catalog):
        euro = f"; EUR at {case.catalog.usd_per_eur} USD of {case.catalog.usd_per_eur_date}"
    providers = ", ".join(sorted({offer.provider for offer in case.catalog}))
    return Origin(
        catalog=f"{providers}; {len(case.catalog.offers)} offers, prices of {span}",
        forecast=case.forecast.source,
        policy=case.fleet.policy_source,
        price_basis=f"USD net of VAT, calendar hours, prices of {span}{euro}",
        version=version("baseload"),
    )
