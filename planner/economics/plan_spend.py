"""The spend of a plan: its bill by kind and by model, and what it serves. Pure.

The bill is an expectation over scenarios, the hours are those of one scenario. So the hours say how cost and tokens
divide among models, and the plan's own expected figures say how much there is: with one scenario both are the same.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from planner.dispatch import Rented, served_shares, work_nodes
from planner.economics.spend import ModelSpend, Spend, SpendBasis, SpendLine
from planner.economics.unit import exact
from planner.plan import ModelHour, Plan
from policies.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK

SECOND = timedelta(seconds=1)
ZERO = Decimal(0)


def spend_of_plan(plan: Plan, *, source: str = "the plan") -> Spend:
    """What the plan is expected to cost, in lines that sum to its bill, and to serve."""
    uses = {name: _Use() for name in plan.models}
    for hour in plan.hours_detail:
        for name, part in hour.by_model.items():
            uses[name].add(plan, name, part)
    for lease in plan.leases:
        hours = Decimal((lease.end - lease.start) // SECOND) * lease.count / SECONDS_PER_HOUR
        use = uses[lease.model]
        use.held[lease.offer] = use.held.get(lease.offer, ZERO) + hours
        use.charged[lease.offer] = use.charged.get(lease.offer, ZERO) + lease.charge_usd
    costs = _Costs(plan, uses)
    scale = _Expected(plan, uses)
    remarks: tuple[str, ...] = ()
    if len(plan.scenarios) > 1:
        remarks = (
            f"bill and tokens are expected over {len(plan.scenarios)} scenarios; how they divide among models, and "
            f"utilization by model, are of scenario {plan.scenario_shown!r}",
        )
    return Spend(
        basis=SpendBasis.PLAN,
        source=source,
        price_basis=plan.price_basis,
        start=plan.start,
        end=plan.end,
        hours=Decimal(plan.hours),
        lines=_lines(plan),
        models=tuple(_model(name, use, costs, scale) for name, use in uses.items()),
        node_hours=Decimal(sum(plan.base.values()) * plan.hours)
        + sum((sum(use.held.values(), ZERO) for use in uses.values()), ZERO),
        remarks=remarks,
    )


def _lines(plan: Plan) -> tuple[SpendLine, ...]:
    """The bill's lines; interruption cost and the penalty of unserved demand are in no bill."""
    cost = plan.cost
    lines = (
        SpendLine(what="base fees", amount_usd=cost.base_fees_usd, grows_with_traffic=False),
        SpendLine(
            what=f"setup over {plan.policy.tenure_months} months", amount_usd=cost.setup_usd, grows_with_traffic=False
        ),
        SpendLine(what="burst", amount_usd=cost.burst_usd, grows_with_traffic=True),
        SpendLine(what="egress", amount_usd=cost.egress_usd, grows_with_traffic=True),
    )
    return tuple(line for line in lines if line.amount_usd)


@dataclass(slots=True)
class _Use:
    """What one model uses over the hours shown."""

    input_tokens: float = 0.0
    output_tokens: float = 0.0
    input_work: float = 0.0
    output_work: float = 0.0
    egress_usd: Decimal = ZERO
    base_hours: dict[str, Decimal] = field(default_factory=dict)
    """Node-hours on base offers."""
    busy: dict[str, float] = field(default_factory=dict)
    """Node-hours busy full time, by offer."""
    held: dict[str, Decimal] = field(default_factory=dict)
    """Node-hours of burst leases."""
    charged: dict[str, Decimal] = field(default_factory=dict)

    def add(self, plan: Plan, model: str, part: ModelHour) -> None:
        """One hour of the model: tokens served, and where."""
        for offer, count in part.base.items():
            self.base_hours[offer] = self.base_hours.get(offer, ZERO) + count
        if part.input_tok_s + part.output_tok_s <= 0:
            return
        terms = plan.models[model]
        on = {offer: part.base.get(offer, 0) + part.burst.get(offer, 0) for offer in (*part.base, *part.burst)}
        shares = served_shares(
            [
                Rented(
                    offer=offer,
                    is_base=plan.offers[offer].role == "base",
                    nodes=count,
                    work_nodes=work_nodes(
                        part.input_tok_s, part.output_tok_s, terms.cache_hit_ratio, terms.rates[offer]
                    ),
                    egress_usd_mtok=float(plan.offers[offer].egress_usd_mtok),
                    rate_usd_hour=float(plan.offers[offer].rate_usd_hour or 0),
                )
                for offer, count in on.items()
                if offer in terms.rates
            ],
            target_utilization=plan.policy.target_utilization,
            unserved_ratio=part.unserved_ratio,
        )
        for offer, share in shares.items():
            rates = terms.rates[offer]
            input_work = share * part.input_tok_s * (1 - terms.cache_hit_ratio) / rates.prefill_tok_s
            output_work = share * part.output_tok_s / rates.decode_tok_s
            self.input_work += input_work
            self.output_work += output_work
            self.busy[offer] = self.busy.get(offer, 0.0) + input_work + output_work
            mtok = exact(share * part.output_tok_s * SECONDS_PER_HOUR) / TOKENS_PER_MTOK
            self.egress_usd += mtok * plan.offers[offer].egress_usd_mtok
        self.input_tokens += (1 - part.unserved_ratio) * part.input_tok_s * SECONDS_PER_HOUR
        self.output_tokens += (1 - part.unserved_ratio) * part.output_tok_s * SECONDS_PER_HOUR


class _Costs:
    """The bill, divided among models: fees and setup by node-hours on each base offer, burst by leases, egress by use.

    Base nodes that no model used in an hour are paid by those that used the offer in others.
    """

    def __init__(self, plan: Plan, uses: dict[str, _Use]) -> None:
        cost = plan.cost
        fees: dict[str, dict[str, Decimal]] = {name: {} for name in uses}
        for offer, count in plan.base.items():
            terms = plan.offers[offer]
            paid = ((terms.fee_usd_horizon or ZERO) + (terms.setup_usd_horizon or ZERO)) * count
            by = {name: use.base_hours.get(offer, ZERO) for name, use in uses.items()}
            for name, part in _divided(paid, by).items():
                fees[name][offer] = part
        total = sum((sum(parts.values(), ZERO) for parts in fees.values()), ZERO)
        owed = cost.base_fees_usd + cost.setup_usd
        factor = owed / total if total else ZERO
        self.base = {name: {offer: part * factor for offer, part in parts.items()} for name, parts in fees.items()}
        work = {name: exact(use.input_work + use.output_work) for name, use in uses.items()}
        if not total:
            for name, part in _divided(owed, work).items():
                self.base[name][""] = part
        charged = {name: sum(use.charged.values(), ZERO) for name, use in uses.items()}
        self.burst = _divided(cost.burst_usd, charged if any(charged.values()) else work)
        egress = {name: use.egress_usd for name, use in uses.items()}
        self.egress = _divided(cost.egress_usd, egress if any(egress.values()) else work)
        self.hours = plan.hours
        self.counts = plan.base

    def of(self, name: str) -> Decimal:
        """The model's part of the bill."""
        return sum(self.base[name].values(), ZERO) + self.burst[name] + self.egress[name]

    def usage_of(self, name: str, use: _Use) -> Decimal:
        """The part of it that paid for busy time: each offer's cost by its busy share; egress is all use."""
        usage = self.egress[name]
        for offer, paid in self.base[name].items():
            hours = self._base_hours(offer, name, use)
            usage += paid * exact(use.busy.get(offer, 0.0)) / hours if hours else ZERO
        charged = sum(use.charged.values(), ZERO)
        for offer, paid in use.charged.items():
            scaled = paid * self.burst[name] / charged
            usage += scaled * exact(use.busy.get(offer, 0.0)) / use.held[offer]
        return min(usage, self.of(name))

    def paid_hours_of(self, name: str, use: _Use) -> Decimal:
        """Node-hours paid for the model in the scenario shown."""
        base = sum((self._base_hours(offer, name, use) for offer in self.base[name]), ZERO)
        return base + sum(use.held.values(), ZERO)

    def _base_hours(self, offer: str, name: str, use: _Use) -> Decimal:
        """Its node-hours on a base offer, with its part of those no model used."""
        used = use.base_hours.get(offer, ZERO)
        paid_by_all = sum((parts.get(offer, ZERO) for parts in self.base.values()), ZERO)
        rented = Decimal(self.counts.get(offer, 0) * self.hours)
        return rented * self.base[name][offer] / paid_by_all if paid_by_all else used


class _Expected:
    """What tokens and work of the scenario shown are multiplied by to be the plan's expected ones.

    Expected tokens are the bill over the blended unit cost; input and output apart solve p_in I + p_out O = bill, and
    p_in I / bill is input's part of the work.
    """

    def __init__(self, plan: Plan, uses: dict[str, _Use]) -> None:
        self.input = self.output = self.input_work = self.output_work = 1.0
        unit = plan.cost_usd_mtok
        if len(plan.scenarios) < 2 or not unit.blended:
            return
        shown_in = sum(use.input_tokens for use in uses.values()) / TOKENS_PER_MTOK
        shown_out = sum(use.output_tokens for use in uses.values()) / TOKENS_PER_MTOK
        total = float(plan.bill_usd / unit.blended)
        if shown_in + shown_out > 0:
            self.input = self.output = self.input_work = self.output_work = total / (shown_in + shown_out)
        if unit.input is None or unit.output is None or abs(unit.output / unit.input - 1) < Decimal("0.05"):
            return  # one figure for both says nothing of the mix
        output = float((plan.bill_usd - unit.input * exact(total)) / (unit.output - unit.input))
        if 0 < output < total and shown_in > 0 and shown_out > 0:
            self.input, self.output = (total - output) / shown_in, output / shown_out
            work = sum(use.input_work for use in uses.values()), sum(use.output_work for use in uses.values())
            input_usd = float(unit.input) * (total - output)
            self.input_work = input_usd / work[0]
            self.output_work = (float(plan.bill_usd) - input_usd) / work[1]


def _model(name: str, use: _Use, costs: _Costs, scale: _Expected) -> ModelSpend:
    input_work, output_work = use.input_work * scale.input_work, use.output_work * scale.output_work
    work = input_work + output_work
    paid = costs.paid_hours_of(name, use)
    busy = sum(use.busy.values())
    return ModelSpend(
        model=name,
        cost_usd=costs.of(name),
        input_tokens=use.input_tokens * scale.input,
        output_tokens=use.output_tokens * scale.output,
        input_work_ratio=input_work / work if work > 0 else None,
        utilization=busy / float(paid) if paid else None,
        usage_usd=costs.usage_of(name, use) if paid else None,
    )


def _divided(usd: Decimal, by: dict[str, Decimal]) -> dict[str, Decimal]:
    """An amount shared in proportion, to the last digit; evenly where all weigh nothing."""
    total = sum(by.values(), ZERO)
    parts = {name: usd * weight / total if total else usd / len(by) for name, weight in by.items()}
    last = next(reversed(parts))
    parts[last] = usd - sum((part for name, part in parts.items() if name != last), ZERO)
    return parts
