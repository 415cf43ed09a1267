"""What replays cost beside the least possible and beside rivals: the reference world of two production traces."""

from collections.abc import Iterator
from statistics import fmean
from typing import Any

from benchmarks.measure import MeasurementError, Row, Spread, in_child

TRACES = ("m_large", "m_small")
RIVALS = ("static-peak", "hpa", "threshold", "skyserve", "schedule")
SEEDS = (0, 1, 2, 3, 4)
MOST_UNSERVED = 0.001
PATIENCE_S = 1200.0


def replay_bill_rows(seeds: tuple[int, ...] = SEEDS) -> Iterator[Row]:
    """Bills over the bound: by the second, by started hours, against rivals; days that miss the unserved share."""
    yield from _second_rows()
    yield from _started_hour_rows()
    yield from _day_rows(seeds, "second")
    yield from _day_rows(seeds, "started_hour")


def _second_rows() -> Iterator[Row]:
    found = {trace: _own("replay_second", trace=trace, rivals=RIVALS) for trace in TRACES}
    ratios = [one["ours"]["ratio"] for one in found.values()]
    yield _ratio("reference world, by the second: bill ÷ bound, mean of two traces", fmean(ratios), at_most=1.22)
    for trace, one in found.items():
        ours = one["ours"]
        yield _ratio(f"  {trace}", ours["ratio"], at_most=1.26, note=_noted(ours))
        yield _unserved(ours)
        yield _ratio("    told the traffic one lead time ahead", one["oracle"]["ratio"], note=_noted(one["oracle"]))
        cheapest = min((r["ratio"] for r in one["rivals"].values() if r is not None), default=None)
        for name, rival in one["rivals"].items():
            note = "at no target does it leave 0.1 % or less" if rival is None else f"{_noted(rival)}; {_tuned(rival)}"
            yield _ratio(f"    rival: {name}", None if rival is None else rival["ratio"], note=note)
        if cheapest is not None:
            yield _ratio("    ours ÷ the cheapest of them", ours["ratio"] / cheapest, at_most=1.0)


def _started_hour_rows() -> Iterator[Row]:
    found = {trace: _own("replay_started_hour", trace=trace) for trace in TRACES}
    ratios = [one["ours"]["ratio"] for one in found.values()]
    what = "reference world, by started hours: bill ÷ its bound, mean of two traces"
    yield _ratio(what, fmean(ratios), at_most=1.22)
    for trace, one in found.items():
        ours = one["ours"]
        yield _ratio(f"  {trace}", ours["ratio"], at_most=1.26, note=_noted(ours))
        yield _unserved(ours)
    for rule, named, least in (
        ("hold", "the best time to hold a node", 0.08),
        ("hold_by_hour", "the same, the node nearest the end of its hour first", None),
    ):
        held = {trace: one[rule] for trace, one in found.items()}
        for trace, one in held.items():
            note = "none leaves 0.1 % or less" if one is None else f"{_noted(one)}; held {one['setting']:.0f} minutes"
            yield _ratio(f"  rival: {named}, {trace}", None if one is None else one["ratio"], note=note)
        known = [one["ratio"] for one in held.values() if one is not None]
        if len(known) == len(ratios):
            yield _ratio("    ours below it by, in ratio, on average", fmean(known) - fmean(ratios), at_least=least)


def _day_rows(seeds: tuple[int, ...], billing: str) -> Iterator[Row]:
    found = [_own("replay_days", trace=trace, seed=seed, billing=billing) for trace in TRACES for seed in seeds]
    missed, days = sum(one["missed"] for one in found), sum(one["days"] for one in found)
    yield _ratio(
        f"reference world, by the {billing.replace('_', ' ')}, {len(seeds)} seeds of noise: days above 0.1 % unserved",
        missed / days,
        note=f"{missed} of {days} days; whole traces {min(one['unserved'] for one in found):.3%} to "
        f"{max(one['unserved'] for one in found):.3%}, bill ÷ bound {fmean(one['ratio'] for one in found):.3f}, "
        f"{min(one['ratio'] for one in found):.3f} to "
        f"{max(one['ratio'] for one in found):.3f}",
    )


def replay_second(trace: str, rivals: tuple[str, ...]) -> dict[str, Any]:
    """Ours, the oracle and each rival, tuned to the trace, billed by the second."""
    from benchmarks.replays import reference, tuned

    played = reference(trace)
    return {
        "ours": _facts(played.run()),
        "oracle": _facts(played.run("oracle")),
        "rivals": {name: _setting(tuned(played, name)) for name in rivals},
    }


def replay_started_hour(trace: str) -> dict[str, Any]:
    """Ours, and our launches with the best time to hold a node, billed by started hours."""
    from benchmarks.replays import best_hold, reference
    from policies.billing import Billing

    played = reference(trace, Billing.STARTED_HOUR)
    return {
        "ours": _facts(played.run()),
        "hold": _setting(best_hold(played, knows_hours=False)),
        "hold_by_hour": _setting(best_hold(played, knows_hours=True)),
    }


def replay_days(trace: str, seed: int, billing: str) -> dict[str, Any]:
    """Days of one noise above the unserved share."""
    from benchmarks.replays import missed_days, reference
    from policies.billing import Billing

    result = reference(trace, Billing(billing), seed).run()
    missed, days = missed_days(result)
    return {"missed": missed, "days": days, **_facts(result)}


def _facts(result: Any) -> dict[str, Any]:
    return {
        "bill_usd": float(result.bill_usd),
        "ratio": result.ratio_to_bound,
        "at_own_ratio": float(result.bill_usd / result.bound_at_unserved_usd),
        "unserved": result.unserved_ratio,
        "launches": result.launches,
    }


def _setting(tuned: Any) -> dict[str, Any] | None:
    return None if tuned is None else {**_facts(tuned.result), "setting": tuned.setting}


def _noted(facts: dict[str, Any]) -> str:
    return (
        f"USD {facts['bill_usd']:,.0f}, {facts['unserved']:.3%} unserved, {facts['launches']:,} launches; "
        f"{facts['at_own_ratio']:.3f} × the bound at that share"
    )


def _tuned(rival: dict[str, Any]) -> str:
    return f"at its best target for this trace, {rival['setting']:.0%}"


def _unserved(facts: dict[str, Any]) -> Row:
    measured = Spread.of([facts["unserved"]])
    return Row(what="    share unserved", unit="relative", measured=measured, at_most=MOST_UNSERVED)


def _ratio(
    what: str, value: float | None, *, at_most: float | None = None, at_least: float | None = None, note: str = ""
) -> Row:
    measured = None if value is None else Spread.of([value])
    return Row(what=what, unit="ratio", measured=measured, at_most=at_most, at_least=at_least, note=note)


def _own(task: str, **arguments: Any) -> dict[str, Any]:
    found = in_child(task, timeout_s=PATIENCE_S, **arguments)
    if found is None:
        raise MeasurementError(f"{task} {arguments} took more than {PATIENCE_S:.0f} s")
    return found
