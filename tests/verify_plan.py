"""An independent check of a plan document: what a reader of plan.json alone can recompute, to the cent.

Written from the contract (design: "The planning problem", "Billing rules", "Files and commands"), on purpose without
importing the program: standard library only. `python tests/verify_plan.py plan.json` prints the complaints.

Tolerances: money half a cent, shares and ratios 1e-6.
"""

import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

Json = Mapping[str, Any]
HALF_CENT = Decimal("0.005")
SLACK = 1e-6
HOUR = timedelta(hours=1)


def verify(document: Json) -> list[str]:
    """Complaints about the document; an empty list: everything that can be recomputed agrees."""
    complaints = list(check_horizon(document))
    if complaints:
        return complaints  # the other checks read hours and models that are there
    for check in CHECKS:
        complaints.extend(check(document))
    return complaints


# Horizon and names


def check_horizon(document: Json) -> Iterator[str]:
    """hours_detail has every hour of [start, end), once, in order."""
    horizon = document["horizon"]
    start, end = _time(horizon["start"]), _time(horizon["end"])
    if end - start != horizon["hours"] * HOUR:
        yield f"horizon: {horizon['start']} to {horizon['end']} is not {horizon['hours']} hours"
    expected = [start + index * HOUR for index in range(horizon["hours"])]
    if [_time(hour["hour"]) for hour in document["hours_detail"]] != expected:
        yield "hours_detail: expected every hour of the horizon once, in order"
    for hour in document["hours_detail"]:
        if set(hour["demand"]) != set(document["models"]):
            yield f"{hour['hour']}: demand names {sorted(hour['demand'])}, models are {sorted(document['models'])}"


def check_roles(document: Json) -> Iterator[str]:
    """Base counts name base offers, burst counts burst offers, and each has the prices of its role."""
    offers = document["offers"]
    for key, offer in offers.items():
        price = "fee_usd_horizon" if offer["role"] == "base" else "rate_usd_hour"
        if price not in offer:
            yield f"offers.{key}: a {offer['role']} offer without {price}"
    named = [("base", "base", document["base"])]
    for hour in document["hours_detail"]:
        named += [("base", hour["hour"], hour["base"]), ("burst", hour["hour"], hour["burst"])]
    named.append(("burst", "leases", dict.fromkeys((lease["offer"] for lease in document["leases"]), 1)))
    for role, where, counts in named:
        for key, count in counts.items():
            if count and (key not in offers or offers[key]["role"] != role):
                yield f"{where}: {key} is not a {role} offer of this plan"
    for key, terms in document["models"].items():
        for offer in set(terms["rates"]) - set(offers):
            yield f"models.{key}.rates: {offer} is not in offers"


# Coverage and limits of each hour


def check_coverage(document: Json) -> Iterator[str]:
    """Σ τ·n/w ≥ served for each model and hour; with k base nodes lost, Σ n/w at utilization 1 still is."""
    target, losses = document["policy"]["target_utilization"], document["policy"]["survive_base_losses"]
    for hour in document["hours_detail"]:
        for model, part in _parts(document, hour).items():
            works = _works(document, hour, model)
            for key, count in (*part["base"].items(), *part["burst"].items()):
                if count and key not in document["models"][model]["rates"]:
                    yield f"{hour['hour']} {model}: {key} serves without a rate"
            served = 1 - part["unserved_ratio"]
            if sum(hour["demand"][model].values()) <= 0:
                if part["unserved_ratio"]:
                    yield f"{hour['hour']} {model}: unserved without demand"
                continue
            if not -SLACK <= part["unserved_ratio"] <= 1 + SLACK:
                yield f"{hour['hour']} {model}: unserved_ratio {part['unserved_ratio']} is not a ratio"
            base = _each_share(part["base"], works)
            burst = _each_share(part["burst"], works)
            if target * (sum(base) + sum(burst)) < served - SLACK:
                covered = target * (sum(base) + sum(burst))
                yield f"{hour['hour']} {model}: nodes cover {covered:.6f} of the demand, {served:.6f} is served"
            left = sum(sorted(base)[: max(len(base) - losses, 0)])
            if losses and left + sum(burst) < served - SLACK:
                yield f"{hour['hour']} {model}: with {losses} base nodes lost {left + sum(burst):.6f} is covered"


def check_hour_counts(document: Json) -> Iterator[str]:
    """Counts by model sum to the hour's (base may idle); no more base nodes than are rented; unserved is by tokens."""
    rented, peaks = document["base"], defaultdict[tuple[str, str], int](int)
    for hour in document["hours_detail"]:
        parts = _parts(document, hour)
        for role in ("base", "burst"):
            total: dict[str, int] = defaultdict(int)
            for model, part in parts.items():
                for key, count in part[role].items():
                    total[key] += count
                    if role == "base":
                        peaks[model, key] = max(peaks[model, key], count)
            stated = {key: count for key, count in hour[role].items() if count}
            idle = role == "base" and all(count <= stated.get(key, 0) for key, count in total.items())
            if not idle and {key: count for key, count in total.items() if count} != stated:
                yield f"{hour['hour']}: {role} by model does not sum to the hour's"
        for key, count in hour["base"].items():
            if count > rented.get(key, 0):
                yield f"{hour['hour']}: {count} nodes of {key} serve, {rented.get(key, 0)} are rented"
        tokens = {model: sum(hour["demand"][model].values()) for model in parts}
        if sum(tokens.values()) > 0:
            lost = sum(tokens[model] * part["unserved_ratio"] for model, part in parts.items())
            if abs(lost / sum(tokens.values()) - hour["unserved_ratio"]) > SLACK:
                yield f"{hour['hour']}: unserved_ratio is not that of its models"
    if document["policy"]["sharing"] == "none":
        for key in rented:
            needed = sum(count for (_, offer), count in peaks.items() if offer == key)
            if needed > rented[key]:
                yield f"base: {needed} nodes of {key} serve one model each, {rented[key]} are rented"


def check_limits(document: Json) -> Iterator[str]:
    """max_count and count groups hold in every hour; spot and pool shares hold among its burst nodes."""
    offers, policy = document["offers"], document["policy"]
    for hour in document["hours_detail"]:
        nodes = {**document["base"], **hour["burst"]}
        groups: dict[str, int] = defaultdict(int)
        for key, count in nodes.items():
            offer = offers.get(key, {})
            if offer.get("max_count") is not None and count > offer["max_count"]:
                yield f"{hour['hour']}: {count} nodes of {key}, max_count is {offer['max_count']}"
            if "count_group" in offer:
                groups[offer["count_group"]] += count
        for group, count in groups.items():
            limit = min(o["group_max"] for o in offers.values() if o.get("count_group") == group)
            if count > limit:
                yield f"{hour['hour']}: {count} nodes of group {group}, group_max is {limit}"
        burst = sum(hour["burst"].values())
        spot = sum(count for key, count in hour["burst"].items() if offers.get(key, {}).get("is_spot"))
        if spot > _share_limit(policy["max_spot_share"], burst):
            yield f"{hour['hour']}: {spot} spot nodes of {burst} burst nodes pass max_spot_share"
        for key, count in hour["burst"].items():
            if count > _share_limit(policy["max_pool_share"], burst):
                yield f"{hour['hour']}: {count} nodes of pool {key} of {burst} burst nodes pass max_pool_share"


def _share_limit(share: float, burst: int) -> float:
    return share * burst + 1 + SLACK if share > 0 else 0.0


# Leases


def check_leases(document: Json) -> Iterator[str]:
    """Each lease is charged by its billing rule, and leases that are ready cover the burst nodes of every hour."""
    held: dict[tuple[str, str, datetime], int] = defaultdict(int)
    leads: dict[tuple[str, str], set[timedelta]] = defaultdict(set)
    for number, lease in enumerate(document["leases"]):
        start, end = _time(lease["start"]), _time(lease["end"])
        name = f"leases[{number}] {lease['offer']}"
        offer = document["offers"].get(lease["offer"])
        if offer is None or offer["role"] != "burst":
            continue  # named by check_roles
        if lease["model"] not in document["models"]:
            yield f"{name}: unknown model {lease['model']}"
        if not start < end <= _time(document["horizon"]["end"]):
            yield f"{name}: a span from {lease['start']} to {lease['end']}"
            continue
        charge = lease_charge_usd(offer, start, end) * lease["count"]
        if abs(charge - Decimal(lease["charge_usd"])) >= HALF_CENT:
            yield f"{name}: charge is {lease['charge_usd']}, {offer['billing']} makes {charge:.4f}"
        first = start + _lead(offer, lease["model"], start)
        if lease["model"] in offer.get("lead_time_s", {}) and _since_hour(first) != timedelta(0):
            yield f"{name}: starts {lease['start']}, not one lead time before an hour"
        leads[lease["offer"], lease["model"]].add(_hour_ceiling(start) - start)
        hour = _hour_ceiling(first)
        while hour + HOUR <= end:
            held[lease["offer"], lease["model"], hour] += lease["count"]
            hour += HOUR
    for key, found in leads.items():
        if len(found) > 1:
            yield f"leases: those of {key[0]} start {len(found)} different times before their first hour"
    for hour in document["hours_detail"]:
        for model, part in _parts(document, hour).items():
            for key, count in part["burst"].items():
                ready = held[key, model, _time(hour["hour"])]
                if ready < count:
                    yield f"{hour['hour']} {model}: {count} nodes of {key} serve, {ready} are leased"


def lease_charge_usd(offer: Json, start: datetime, end: datetime) -> Decimal:
    """What one node of the offer costs over [start, end), USD, by its billing rule."""
    rate = offer["rate_usd_hour"]
    if isinstance(rate, list):
        if len(set(rate)) > 1:
            raise NotImplementedError("rates that vary by hour")
        rate = rate[0]
    rate = Decimal(rate)
    match offer["billing"]:
        case "started_hour":
            return rate * _hours_begun(end - start)
        case "started_hour_capped":
            parts = (rate * _hours_begun(part) for part in _month_parts(start, end))
            cap = offer.get("cap_usd_month")
            return sum((part if cap is None else min(part, Decimal(cap)) for part in parts), Decimal(0))
        case "second":
            return rate * max(60, math.ceil((end - start).total_seconds())) / 3600
        case other:
            raise ValueError(f"a lease is not charged by {other}")


# Money


def check_costs(document: Json) -> Iterator[str]:
    """Every cost line, the bill, the total and the setup due, recomputed."""
    cost = {key: Decimal(value) for key, value in document["cost"].items()}
    offers, base = document["offers"], document["base"]
    bill, total = Decimal(document["bill_usd"]), Decimal(document["total_usd"])
    yield from _differs("cost.base_fees_usd", cost["base_fees_usd"], _per_node(offers, base, "fee_usd_horizon"))
    yield from _differs("cost.setup_usd", cost["setup_usd"], _per_node(offers, base, "setup_usd_horizon"))
    invoiced = cost["base_fees_usd"] + cost["setup_usd"] + cost["burst_usd"] + cost["egress_usd"]
    yield from _differs("bill_usd", bill, invoiced)
    yield from _differs("total_usd", total, bill + cost["interruption_usd"] + cost["unserved_penalty_usd"])
    months = _months(document)
    spread = min(months, Decimal(document["policy"]["tenure_months"])) / document["policy"]["tenure_months"]
    yield from _differs("setup_due_usd", Decimal(document["setup_due_usd"]), cost["setup_usd"] / spread)
    limit = document["policy"]["max_usd_month"]
    if limit is not None and bill > Decimal(limit) * months + HALF_CENT:
        yield f"bill_usd: {bill:.2f} passes the budget of {limit} a month"


def check_shown_scenario(document: Json) -> Iterator[str]:
    """Leases, egress and unserved demand of the scenario shown make its bill and total."""
    shown = next(
        (s for s in document["scenarios"] if s["name"] == (document["scenario_shown"] or "")), document["scenarios"][0]
    )
    cost = {key: Decimal(value) for key, value in document["cost"].items()}
    burst = sum((Decimal(lease["charge_usd"]) for lease in document["leases"]), Decimal(0))
    egress, penalty, interruption = _egress(document), _penalty(document), _interruption(document)
    bill = cost["base_fees_usd"] + cost["setup_usd"] + burst + egress
    yield from _differs(f"scenarios.{shown['name']}.bill_usd", Decimal(shown["bill_usd"]), bill)
    total = bill + penalty + interruption
    yield from _differs(f"scenarios.{shown['name']}.total_usd", Decimal(shown["total_usd"]), total)
    unserved = _unserved(document)
    if abs(unserved - shown["unserved_ratio"]) > SLACK:
        yield f"scenarios.{shown['name']}.unserved_ratio: {shown['unserved_ratio']}, hours make {unserved:.6f}"
    if len(document["scenarios"]) == 1:
        yield from _differs("cost.burst_usd", cost["burst_usd"], burst)
        yield from _differs("cost.egress_usd", cost["egress_usd"], egress)
        yield from _differs("cost.unserved_penalty_usd", cost["unserved_penalty_usd"], penalty)
        yield from _differs("cost.interruption_usd", cost["interruption_usd"], interruption)
        if abs(unserved - document["unserved_ratio"]) > SLACK:
            yield f"unserved_ratio: {document['unserved_ratio']}, hours make {unserved:.6f}"


def check_scenarios(document: Json) -> Iterator[str]:
    """Bill and total are the expectation over scenarios."""
    scenarios = document["scenarios"]
    for hour in document["hours_detail"]:
        if hour.get("scenario") != document["scenario_shown"]:
            yield f"{hour['hour']}: scenario {hour.get('scenario')}, shown is {document['scenario_shown']}"
    probability = sum(s["probability"] for s in scenarios)
    if abs(probability - 1) > SLACK:
        yield f"scenarios: probabilities sum to {probability}"
    for key in ("bill_usd", "total_usd"):
        expected = sum((Decimal(repr(s["probability"])) * Decimal(s[key]) for s in scenarios), Decimal(0))
        yield from _differs(f"{key} (expected over scenarios)", Decimal(document[key]), expected)
    ratios = [s["unserved_ratio"] for s in scenarios]
    if not min(ratios) - SLACK <= document["unserved_ratio"] <= max(ratios) + SLACK:
        yield f"unserved_ratio: {document['unserved_ratio']} is outside its scenarios"
    if document["scenario_shown"] is not None and document["scenario_shown"] not in {s["name"] for s in scenarios}:
        yield f"scenario_shown: {document['scenario_shown']} is not a scenario"


def check_bounds(document: Json) -> Iterator[str]:
    """relaxed bound ≤ lower bound ≤ total, and the parts of the gap sum to total - lower bound."""
    relaxed, lower, total = (Decimal(document[key]) for key in ("relaxed_bound_usd", "lower_bound_usd", "total_usd"))
    noise = HALF_CENT + abs(total) * Decimal("1e-9")  # the bounds come from float arithmetic
    if lower > total + noise:
        yield f"lower_bound_usd: {lower:.4f} is above total_usd {total:.4f}"
    if relaxed > lower + noise:
        yield f"relaxed_bound_usd: {relaxed:.4f} is above lower_bound_usd {lower:.4f}"
    parts = {key: Decimal(value) for key, value in document["gap"].items()}
    yield from _differs("gap", sum(parts.values(), Decimal(0)), total - lower)
    ratio = float((total - lower) / total) if total else 0.0
    if abs(document["gap_ratio"] - ratio) > SLACK:
        yield f"gap_ratio: {document['gap_ratio']}, the amounts make {ratio:.6f}"
    if document["search"] == "proven" and parts["search_usd"] > noise:
        yield f"search: proven, yet gap.search_usd is {parts['search_usd']}"
    for number, other in enumerate(document["alternatives"]):
        dearer = Decimal(other["total_usd"]) - total
        yield from _differs(f"alternatives[{number}].dearer_by_usd", Decimal(other["dearer_by_usd"]), dearer)


def check_owned(document: Json) -> Iterator[str]:
    """What is kept and bought is what is rented."""
    rented, had = defaultdict[str, int](int), defaultdict[str, int](int)
    for total, counts in (
        (rented, document["base"]),
        (had, document["owned_changes"]["keep"]),
        (had, document["owned_changes"]["buy"]),
    ):
        for key, count in counts.items():
            total[document["offers"].get(key, {}).get("offer_id", key)] += count
    for offer in sorted({*rented, *had}):
        if had[offer] != rented[offer]:
            yield f"owned_changes: {had[offer]} of {offer} kept or bought, {rented[offer]} rented"


def check_utilization(document: Json) -> Iterator[str]:
    """Served work over rented nodes; only where one scenario is all there is."""
    mean, peak = document["utilization"]["mean"], document["utilization"]["peak"]
    if not -SLACK <= mean <= peak + SLACK <= document["policy"]["target_utilization"] + 2 * SLACK:
        yield f"utilization: mean {mean}, peak {peak}, target {document['policy']['target_utilization']}"
    if len(document["scenarios"]) > 1:
        return
    busy, rented, ratios = 0.0, 0, [0.0]
    for hour in document["hours_detail"]:
        work = sum(sum(_input_output_work(document, hour, model)) for model in hour["demand"])
        nodes = sum(document["base"].values()) + sum(hour["burst"].values())
        busy, rented = busy + work, rented + nodes
        ratios.append(work / nodes if nodes else 0.0)
    for name, found, expected in (("mean", mean, busy / rented if rented else 0.0), ("peak", peak, max(ratios))):
        if abs(found - expected) > SLACK:
            yield f"utilization.{name}: {found}, hours make {expected:.6f}"


def check_unit_cost(document: Json) -> Iterator[str]:
    """Bill over million tokens served; input and output by their share of the work; only with one scenario."""
    unit = {key: None if value is None else Decimal(value) for key, value in document["cost_usd_mtok"].items()}
    if len(document["scenarios"]) > 1:
        return
    tokens, work = [0.0, 0.0], [0.0, 0.0]
    for hour in document["hours_detail"]:
        for model, part in _parts(document, hour).items():
            served = 1 - part["unserved_ratio"]
            demand = hour["demand"][model]
            for side, (rate, busy) in enumerate(
                zip(
                    (demand["input_tok_s"], demand["output_tok_s"]),
                    _input_output_work(document, hour, model),
                    strict=True,
                )
            ):
                tokens[side] += rate * served * 3600 / 1e6
                work[side] += busy
    bill = float(Decimal(document["bill_usd"]))
    expected = {
        "blended": bill / sum(tokens) if sum(tokens) else None,
        "input": bill * work[0] / sum(work) / tokens[0] if tokens[0] and sum(work) else None,
        "output": bill * work[1] / sum(work) / tokens[1] if tokens[1] and sum(work) else None,
    }
    for key, value in expected.items():
        found = unit[key]
        if (found is None) != (value is None):
            yield f"cost_usd_mtok.{key}: {found}, the hours make {value}"
        elif found is not None and value is not None and abs(float(found) - value) > 1e-6 * max(1.0, abs(value)):
            yield f"cost_usd_mtok.{key}: {found}, the hours make {value:.6f}"


CHECKS = (
    check_roles,
    check_coverage,
    check_hour_counts,
    check_limits,
    check_leases,
    check_costs,
    check_shown_scenario,
    check_scenarios,
    check_bounds,
    check_owned,
    check_utilization,
    check_unit_cost,
)


# What the checks stand on


def _differs(name: str, found: Decimal, expected: Decimal) -> Iterator[str]:
    if abs(found - expected) >= HALF_CENT:
        yield f"{name}: {found}, recomputed {expected:.4f}"


def _parts(document: Json, hour: Json) -> Mapping[str, Json]:
    """The hour by model; with one model the hour itself."""
    if "by_model" in hour:
        by_model: Mapping[str, Json] = hour["by_model"]
        return by_model
    (model,) = document["models"]
    return {model: hour}


def _works(document: Json, hour: Json, model: str) -> dict[str, float]:
    """w = I(1-χ)/P + O/G of the hour's whole demand on each offer, in nodes; empty without demand."""
    demand, terms = hour["demand"][model], document["models"][model]
    if demand["input_tok_s"] + demand["output_tok_s"] <= 0:
        return {}
    fresh = demand["input_tok_s"] * (1 - terms["cache_hit_ratio"])
    return {
        key: fresh / rates["prefill_tok_s"] + demand["output_tok_s"] / rates["decode_tok_s"]
        for key, rates in terms["rates"].items()
    }


def _each_share(counts: Mapping[str, int], works: Mapping[str, float]) -> list[float]:
    """Share of the demand that each single node would serve at utilization 1."""
    return [1 / works[key] if works[key] else math.inf for key, n in counts.items() if key in works for _ in range(n)]


def _shares(document: Json, hour: Json, model: str) -> dict[str, float]:
    """Served share by offer: least egress first, base before burst, the cheaper node-hour, the order of offers."""
    part, works = _parts(document, hour)[model], _works(document, hour, model)
    ranked = sorted(
        (
            (Decimal(offer["egress_usd_mtok"]), offer["role"] != "base", _first_rate(offer), position, key)
            for position, (key, offer) in enumerate(document["offers"].items())
            if key in works
        )
    )
    counts = [(key, part["base"].get(key, 0) + part["burst"].get(key, 0)) for *_, key in ranked]
    left = 1 - part["unserved_ratio"]
    shares: dict[str, float] = {}
    for key, count in counts:
        room = document["policy"]["target_utilization"] * count / works[key] if works[key] else left
        shares[key] = min(left, room)
        left -= shares[key]
    return shares


def _first_rate(offer: Json) -> Decimal:
    rate = offer.get("rate_usd_hour", "0")
    return Decimal(rate[0] if isinstance(rate, list) else rate)


def _input_output_work(document: Json, hour: Json, model: str) -> tuple[float, float]:
    """Nodes busy with served input and with served output."""
    demand, terms = hour["demand"][model], document["models"][model]
    fresh, output = demand["input_tok_s"] * (1 - terms["cache_hit_ratio"]), demand["output_tok_s"]
    prefill = decode = 0.0
    for key, share in _shares(document, hour, model).items():
        prefill += share * fresh / terms["rates"][key]["prefill_tok_s"]
        decode += share * output / terms["rates"][key]["decode_tok_s"]
    return prefill, decode


def _egress(document: Json) -> Decimal:
    total = 0.0
    for hour in document["hours_detail"]:
        for model, demand in hour["demand"].items():
            mtok = demand["output_tok_s"] * 3600 / 1e6
            for key, share in _shares(document, hour, model).items():
                total += share * mtok * float(document["offers"][key]["egress_usd_mtok"])
    return Decimal(repr(total))


def _penalty(document: Json) -> Decimal:
    total = 0.0
    for hour in document["hours_detail"]:
        for model, part in _parts(document, hour).items():
            mtok = sum(hour["demand"][model].values()) * 3600 / 1e6
            total += part["unserved_ratio"] * mtok * float(document["models"][model]["unserved_usd_mtok"])
    return Decimal(repr(total))


def _interruption(document: Json) -> Decimal:
    """Expected interruptions are paid per hour that a node is held, its lead time included."""
    return sum(
        (
            lease["count"]
            * Decimal((_time(lease["end"]) - _time(lease["start"])) // timedelta(seconds=1))
            / 3600
            * Decimal(document["offers"][lease["offer"]]["interruption_usd_hour"])
            for lease in document["leases"]
            if lease["offer"] in document["offers"]
        ),
        Decimal(0),
    )


def _unserved(document: Json) -> float:
    """Share of the shown scenario's tokens that is unserved."""
    lost = asked = 0.0
    for hour in document["hours_detail"]:
        for model, part in _parts(document, hour).items():
            tokens = sum(hour["demand"][model].values())
            asked, lost = asked + tokens, lost + tokens * part["unserved_ratio"]
    return lost / asked if asked else 0.0


def _per_node(offers: Json, base: Mapping[str, int], key: str) -> Decimal:
    return sum(
        (count * Decimal(offers[name].get(key, "0")) for name, count in base.items() if name in offers), Decimal(0)
    )


def _months(document: Json) -> Decimal:
    """Calendar months in the horizon: per month its hours in the horizon / its hours, summed."""
    total, at, end = Decimal(0), _time(document["horizon"]["start"]), _time(document["horizon"]["end"])
    while at < end:
        first, following = _month_of(at)
        until = min(end, following)
        total += Decimal((until - at) // HOUR) / Decimal((following - first) // HOUR)
        at = until
    return total


def _month_parts(start: datetime, end: datetime) -> Iterator[timedelta]:
    while start < end:
        until = min(end, _month_of(start)[1])
        yield until - start
        start = until


def _month_of(at: datetime) -> tuple[datetime, datetime]:
    first = datetime(at.year, at.month, 1, tzinfo=UTC)
    return first, datetime(at.year + at.month // 12, at.month % 12 + 1, 1, tzinfo=UTC)


def _hours_begun(span: timedelta) -> int:
    return -(-span // HOUR)


def _since_hour(at: datetime) -> timedelta:
    return timedelta(minutes=at.minute, seconds=at.second, microseconds=at.microsecond)


def _hour_ceiling(at: datetime) -> datetime:
    past = _since_hour(at)
    return at if past == timedelta(0) else at - past + HOUR


def _lead(offer: Json, model: str, start: datetime) -> timedelta:
    """The model's lead time on the offer; where the document does not say, the least that ends on an hour."""
    if model in offer.get("lead_time_s", {}):
        return timedelta(seconds=offer["lead_time_s"][model])
    return _hour_ceiling(start) - start


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.utcoffset() != timedelta(0):
        raise ValueError(f"{text}: expected UTC")
    return at


def main(paths: Sequence[str]) -> int:
    """0 when no document has a complaint; prints them."""
    found = 0
    for path in paths:
        for complaint in verify(json.loads(Path(path).read_text(encoding="utf-8"))):
            found += 1
            sys.stdout.write(f"{path}: {complaint}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
