"""Sections about what to charge: tiers, market, break-even, profit scenarios, the card, claims."""

from collections.abc import Sequence
from dataclasses import dataclass

from planner import files
from planner.case import load_fleet
from planner.cli.price.card import card_of
from planner.cli.price.charge_options import ChargeOptions
from planner.cli.price.cost import cost_with, one_spend
from planner.cli.price.market import hosted_prices, market_view, wants_market, with_ours
from planner.cli.price.subject import Subject
from planner.cli.price.traffic import break_evens, named_scenarios
from planner.economics.claims import Claim
from planner.economics.model_cost import cost_of_machine, costs_of_spend
from planner.economics.profit import outcome_of
from planner.economics.tiers import ModelCost, all_splits, in_band, margin_on, suggested_price, tier_rows
from planner.economics.traffic_cost import capacity_mtok
from planner.economics.volume import commitment_rows, discount_rows
from planner.errors import InputError
from planner.exchange.claims import check_claims, read_claims
from planner.exchange.hidden_file import read_hidden
from planner.report.price.break_even import break_even_section
from planner.report.price.card import card_section
from planner.report.price.claims import claims_section
from planner.report.price.document import PriceHead, price_document
from planner.report.price.market import MarketView, market_section
from planner.report.price.per_token import TokenPrice, per_token_section
from planner.report.price.registry import section_keys
from planner.report.price.scenarios import scenarios_section
from planner.report.price.section import Json, Section
from planner.report.price.tiers import ModelPrices, tiers_section
from policies.hidden import HiddenCost
from policies.pricing import DEFAULT_PRICING, PricingPolicy

DEFAULT_POLICY = "the default pricing policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """The sections, and what was read for them."""

    sections: tuple[Section, ...]
    claims: tuple[tuple[str, tuple[Claim, ...]], ...]
    """By the file they are of."""
    market: MarketView | None
    remarks: tuple[str, ...]


def charge_sections(subject: Subject, asked: ChargeOptions) -> Charged:
    """Every section asked for."""
    policy, source, remarks = _policy(asked)
    hidden = policy.hidden
    if asked.hidden is not None:
        hidden = read_hidden(files.read_text(asked.hidden), source=str(asked.hidden))
    costs = _costs(subject, hidden, asked) if asked.needs_subject else ()
    prices = hosted_prices(asked)
    view = market_view(policy, costs, prices, asked) if costs and wants_market(policy, asked) else None
    made = tuple(_prices_of(policy, subject, cost, view) for cost in costs)
    sections: list[Section] = []
    if asked.tiers:
        sections.append(tiers_section(policy, source, made))
    if asked.per_token:
        sections.append(per_token_section([_token_price(one) for one in made]))
    if view is not None and (asked.market or asked.card):
        view = with_ours(view, made)
    if view is not None and asked.market:
        sections.append(market_section(view))
    if asked.card:
        sections.append(card_section(card_of(subject, hidden, made, view, prices)))
    scenarios, claims = named_scenarios(asked)
    if scenarios:
        sections.append(scenarios_section([outcome_of(one) for one in scenarios]))
    if asked.break_even_usd_mtok:
        sections.append(break_even_section(break_evens(subject, hidden, scenarios, asked)))
    return Charged(sections=tuple(sections), claims=claims, market=view, remarks=remarks)


def claim_sections(
    head: PriceHead, sections: Sequence[Section], subject: Subject, asked: ChargeOptions, charged: Charged
) -> list[Section]:
    """The claims of every file, held against the document the sections make; none where there are no claims.

    Of a sheet or of scenarios, claims about sections that were not asked for are passed over; of --claims they are not.
    """
    document = price_document(head, sections)
    beside = [*charged.claims, (subject.source, subject.claims)]
    shown = [(source, [one for one in claims if not _is_left_out(one, document)]) for source, claims in beside]
    if asked.claims is not None:
        claims = list(read_claims(files.read_text(asked.claims), source=str(asked.claims)))
        if not claims:
            raise InputError(f"{asked.claims}: no [[claim]]; expected at least one with of and claimed")
        shown.append((str(asked.claims), claims))
    held = [one for source, claims in shown for one in check_claims(claims, document, source)]
    return [claims_section(held)] if held else []


def _is_left_out(claim: Claim, document: Json) -> bool:
    section = claim.steps[0]
    return section in section_keys() and section not in document


# Policy and cost


def _policy(asked: ChargeOptions) -> tuple[PricingPolicy, str, tuple[str, ...]]:
    """The pricing policy in force, what it is called, and what naming it says."""
    if asked.policy is None and asked.config is None:
        return DEFAULT_PRICING, DEFAULT_POLICY, ()
    fleet, remarks = load_fleet(asked.config, asked.policy)
    if asked.config is None:
        remarks = ()  # which models and offers a fleet has is not asked here
    return fleet.pricing, fleet.policy_source, tuple(one for one in remarks if "keeps to offers" not in one)


def _costs(subject: Subject, hidden: tuple[HiddenCost, ...], asked: ChargeOptions) -> tuple[ModelCost, ...]:
    """Cost of each model of a spend, or of each machine quoted at each utilization."""
    if subject.machines and subject.throughout is not None:
        uses = tuple(dict.fromkeys((subject.throughout, *subject.utilizations)))
        return tuple(
            cost_of_machine(one, uses, input_per_output=subject.input_per_output, hidden=hidden)
            for one in subject.machines
        )
    spend = one_spend(subject, "--tiers")
    cost_with(
        spend, hidden, str(asked.hidden or "hidden costs of the policy")
    )  # says what is wrong with the hidden lines, where anything is
    costs = costs_of_spend(spend, hidden)
    if not costs:
        raise InputError(f"{subject.source}: nothing is served, so there is no cost per million tokens to price")
    return costs


def _prices_of(policy: PricingPolicy, subject: Subject, cost: ModelCost, view: MarketView | None) -> ModelPrices:
    suggested = suggested_price(policy, cost)
    asked = suggested.price_usd_mtok
    first = cost.points[0].true_usd_mtok
    band = in_band(policy, asked)
    capacity = None if subject.spend is None else capacity_mtok(subject.spend)
    return ModelPrices(
        cost=cost,
        suggested=suggested,
        suggested_margins=tuple(margin_on(policy, asked, point) for point in cost.points),
        suggested_in_band=None if band is None else band.value,
        splits=all_splits(policy, suggested.exact_usd_mtok, cost),
        tiers=tier_rows(policy, cost, None if view is None else view.market.reference_usd_mtok),
        discounts=discount_rows(policy, asked, first),
        commitments=commitment_rows(policy.commitments, asked, first, capacity_mtok_month=capacity),
    )


def _token_price(one: ModelPrices) -> TokenPrice:
    if not one.splits:
        raise InputError(f"--per-token: {one.cost.model} has no split; expected output_price_ratio in the policy")
    split = one.splits[0]
    return TokenPrice(model=one.cost.model, input_usd_mtok=split.input_usd_mtok, output_usd_mtok=split.output_usd_mtok)
