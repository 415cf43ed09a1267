"""Sentences on what is not known: the aim and its proof, the dearest outcomes, the worth of knowing more. Pure."""

from decimal import Decimal

from planner.plan import ForesightValue, Plan, ScenarioReduction, SpotLossOutcome, Uncertainty, WaitingValue
from planner.report.numbers import Currency, number, percent
from policies.planning import Aim


def aim_sentence(plan: Plan, known: Uncertainty, currency: Currency) -> str:
    """What the aim made least, how far it is from its bound, and what it costs against the cheapest plan."""
    if known.aim is Aim.SERVICE:
        return _service_sentence(plan, known, currency)
    level = percent(1 - plan.policy.cvar_level, 0)
    what = f"the most that hindsight would have saved, {_money(known.aimed_usd, currency)},"
    if known.aim is Aim.CVAR:
        what = f"the mean total of the dearest {level} % of outcomes"
        if plan.policy.cvar_weight < 1:
            weight = percent(plan.policy.cvar_weight, 0)
            what = f"{weight} % of {what} with {number(100 - float(weight), 0)} % of the expected total"
        what += f", {_money(known.aimed_usd, currency)},"
    over = known.aimed_usd - known.aimed_bound_usd
    proof = "proven" if plan.search == "proven" else "not proven (search limit)"
    cost = plan.gap.aim_usd
    return (
        f"Aim {known.aim}: {what} is at most {_money(over, currency)} above the least there is; base counts {proof} "
        f"before launch overhead. In expectation this costs at most {_money(cost, currency)} "
        f"({percent(_ratio(cost, plan.total_usd), 2)} %) more than the cheapest plan before launch overhead."
    )


def _service_sentence(plan: Plan, known: Uncertainty, currency: Currency) -> str:
    policy, over = plan.policy, known.aimed_usd - known.aimed_bound_usd
    proof = "proven before launch overhead" if plan.search == "proven" else "best with burst in fractions"
    return (
        f"Aim service: more than {percent(policy.max_unserved_ratio, 2)} % of tokens unserved with a probability of "
        f"{percent(known.short_probability, 1)} %, at most {percent(policy.max_short_probability, 1)} % allowed; the "
        f"expected total is at most {_money(over, currency)} above the least that keeps to this; base counts {proof}."
    )


def uncertainty_sentences(plan: Plan, currency: Currency) -> list[str]:
    """The dearest outcomes, what planning on the mean and a perfect forecast would change; none with one scenario."""
    known = plan.uncertainty
    if known is None:
        return []
    level = percent(1 - plan.policy.cvar_level, 0)
    lines = [
        f"Totals by scenario: dearest {known.worst_scenario}, {_money(known.worst_usd, currency)}; mean of the dearest "
        f"{level} % of outcomes {_money(known.cvar_usd, currency)}."
    ]
    if known.foresight is not None:
        lines += _foresight_lines(plan, known.foresight, currency)
    if known.spot_loss is not None:
        lines.append(_spot_loss_line(plan, known.spot_loss, currency))
    if known.waiting is not None:
        lines.append(_waiting_line(known.waiting, currency))
    if known.reduction is not None:
        lines.append(_reduction_line(known.reduction, currency))
    return lines


def _spot_loss_line(plan: Plan, loss: SpotLossOutcome, currency: Currency) -> str:
    pools = " or ".join(loss.pools)
    price, saved = plan.total_usd - loss.unaware_usd, loss.ignored_usd - plan.total_usd
    left = percent(loss.worst_unserved_ratio, 2)
    ignoring = f"would cost {_money(abs(saved), currency)} {'more' if saved >= 0 else 'less'}"
    if abs(saved) < Decimal("0.005"):
        ignoring = "would cost the same"
    return (
        f"Loss of spot for {loss.outage_hours} h ({pools}; {percent(loss.probability, 1)} % probable in this time): "
        f"surviving it costs {_money(price, currency)} in expectation, against "
        f"{_money(loss.unaware_usd, currency)} if spot were never lost; base counts that ignore it {ignoring}; "
        f"at most {left} % unserved in any scenario."
    )


def _waiting_line(value: WaitingValue, currency: Currency) -> str:
    saved = value.keep_usd - value.wait_usd
    nodes = " + ".join(f"{count} {offer}" for offer, count in value.adjust_base.items()) or "no base"
    best = value.keep_usd - value.adjust_usd
    return (
        f"Over {value.months} months, if the scenario that shows in the first goes on, with burst in fractions: "
        f"committing now and keeping it costs {_money(value.keep_usd, currency)}; a month of burst alone, then the "
        f"best base, {_money(abs(saved), currency)} {'less' if saved >= 0 else 'more'}; beginning with {nodes} and "
        f"adjusting it after the month {_money(best, currency)} less."
    )


def _reduction_line(reduction: ScenarioReduction, currency: Currency) -> str:
    lost = reduction.all_usd - reduction.least_usd
    return (
        f"Planned for {reduction.kept} of {reduction.scenarios} scenarios, with burst in fractions: the least there is "
        f"moves by at most {_money(reduction.bound_usd, currency)}; over all of them these base counts cost "
        f"{_money(reduction.all_usd, currency)}, {_money(lost, currency)} "
        f"({percent(_ratio(lost, reduction.least_usd), 2)} %) above the least."
    )


def _foresight_lines(plan: Plan, value: ForesightValue, currency: Currency) -> list[str]:
    saved = value.perfect_saves_at_most_usd
    perfect = (
        f"A perfect forecast would save at most {_money(saved, currency)} "
        f"({percent(_ratio(saved, plan.total_usd), 1)} %)"
    )
    if value.perfect_whole_usd is not None:
        perfect += f"; in whole nodes about {_money(value.perfect_whole_usd, currency)}"
    perfect += (
        f"; with burst in fractions {_money(value.perfect_relaxed_usd, currency)} (expected value of information)."
    )
    nodes = " + ".join(f"{count} {offer}" for offer, count in value.mean_base.items()) or "no base"
    mean = f"Planning on the mean ({nodes}) would cost"
    if value.mean_whole_usd is not None:
        whole = value.mean_whole_usd
        mean += f" {_money(abs(whole), currency)} {'more' if whole >= 0 else 'less'} in whole nodes;"
    mean += (
        f" with burst in fractions {_money(value.mean_relaxed_usd, currency)} more (value of the stochastic solution)."
    )
    most = _money(value.regret_usd, currency)
    regret = f"Hindsight would save at most {most} in any scenario (in {value.regret_scenario})."
    return [perfect, mean, regret]


def _ratio(part: Decimal, whole: Decimal) -> float:
    return float(part / whole) if whole else 0.0


def _money(usd: Decimal, currency: Currency) -> str:
    return f"{currency.code} {number(currency.amount(usd), 2)}"
