"""What holds of every decision, whatever the fleet: it settles, keeps caps and floors, and touches only what it may."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.decide import asked_for, decide
from autoscaler.fleet import (
    COMING,
    Action,
    Controls,
    Drain,
    FleetPlan,
    Hold,
    Launch,
    Node,
    NodeState,
    Pool,
    Recently,
    Snapshot,
    Terminate,
    Undrain,
)
from policies.billing import charges_by_month, month_span
from policies.renewal import hourly_usd
from policies.scaling import ScalingPolicy, most_by_share
from tests.autoscaler.fleets import (
    NOW,
    a_demand,
    a_node,
    a_plan,
    a_pool,
    ago,
    an_outlook,
    by_the_hour,
    by_the_second,
    capped,
    launches,
    nodes,
)

POOLS = (
    a_pool("aws/od", "0.40", lead_time_s={"chat": 300.0, "code": 300.0}),
    a_pool("aws/spot", "0.15", is_spot=True, interruption_usd_hour=Decimal("0.02"), lead_time_s={"chat": 240.0}),
    a_pool("aws/small", "0.11", lead_time_s={"chat": 300.0, "code": 300.0}),
    a_pool("ovh/b3", tariff=by_the_hour("0.22"), lead_time_s={"chat": 400.0, "code": 400.0}, count_group="ovh"),
    a_pool("hetzner/ccx", tariff=capped("0.12", "60"), lead_time_s={"chat": 200.0, "code": 200.0}, max_count=4),
)
SPEED = {"aws/od": 2.0, "aws/spot": 1.0, "aws/small": 0.5, "ovh/b3": 1.2, "hetzner/ccx": 0.7, "hetzner/ax102": 1.5}
BURST = [pool.key for pool in POOLS]
AGES_S = st.sampled_from([0.0, 60.0, 600.0, 1199.0, 1200.0, 3500.0, 3590.0, 3600.0, 7000.0, 86_390.0, 2e6])


@st.composite
def fleets_of_nodes(draw: Any, *, most: int = 8) -> tuple[Node, ...]:
    found = []
    for number in range(draw(st.integers(0, most))):
        state = draw(st.sampled_from([s for s in NodeState if s is not NodeState.GONE]))
        is_base = state is NodeState.READY and draw(st.integers(0, 3)) == 0
        age_s = draw(AGES_S)
        taken = draw(st.sampled_from([None, None, None, None, -10.0, 100.0, 4000.0])) if not is_base else None
        found.append(
            a_node(
                f"n{number}",
                state,
                age_s,
                since=ago(min(age_s, draw(AGES_S))),
                is_base=is_base,
                pool="hetzner/ax102" if is_base else draw(st.sampled_from([*BURST, "gone/pool"])),
                model=draw(st.sampled_from(["chat", "code"])),
                in_flight=draw(st.sampled_from([None, 0, 0, 3])),
                taken_back_at=None if taken is None else NOW + timedelta(seconds=taken),
                is_at_risk=not is_base and draw(st.integers(0, 5)) == 0,
                replaces=None if is_base else draw(st.sampled_from([None, None, "n0", "n1"])),
            )
        )
    return tuple(found)


@st.composite
def demands(draw: Any) -> Any:
    if draw(st.integers(0, 6)) == 0:
        return None
    work = draw(st.sampled_from([0.0, 0.3, 1.0, 2.5, 4.0, 7.0, 12.0]))
    outlook = None
    if draw(st.booleans()):
        wanted = work * draw(st.sampled_from([0.5, 1.0, 1.5]))
        outlook = an_outlook((work, wanted), keep=draw(st.sampled_from([0.0, work, 5.0])))
    return a_demand(
        work,
        measured_at=ago(draw(st.sampled_from([0.0, 30.0, 181.0, 700.0]))),
        queue_node_s=draw(st.sampled_from([0.0, 0.0, 30.0, 500.0])),
        speed=SPEED,
        outlook=outlook,
        output_tok_s=work * 100,
    )


@st.composite
def snapshots(draw: Any) -> Snapshot:
    pools = {}
    for pool in draw(st.lists(st.sampled_from(POOLS), unique_by=lambda one: one.key)):
        retry = draw(st.sampled_from([None, None, None, 100.0, -100.0]))
        pools[pool.key] = replace(
            pool, failures=1 if retry else 0, retry_at=None if retry is None else NOW + timedelta(seconds=retry)
        )
    launched = draw(st.sampled_from([None, 10.0, 400.0, 5000.0]))
    recently = Recently(
        launched_at=None if launched is None else ago(launched),
        last_on_spot_failure_at=draw(st.sampled_from([None, ago(100)])),
    )
    limits = st.dictionaries(st.sampled_from(["chat", "code"]), st.integers(0, 4), max_size=1)
    return Snapshot(
        now=NOW,
        nodes=draw(fleets_of_nodes()),
        demand={"chat": draw(demands()), "code": draw(demands())},
        pools=pools,
        group_max=draw(st.sampled_from([{}, {"ovh": 1}, {"ovh": 0}])),
        base_speed={"chat": {"hetzner/ax102": 1.5}, "code": {"hetzner/ax102": 0.7}},
        unreachable=draw(st.sampled_from([frozenset(), frozenset(), frozenset({"aws"}), frozenset({"ovh"})])),
        controls=Controls(
            is_scale_in_paused=draw(st.integers(0, 5)) == 0, min_nodes=draw(limits), max_nodes=draw(limits)
        ),
        recently={"chat": recently},
        spent_month_usd=draw(st.sampled_from([Decimal(0), Decimal(5)])),
    )


@st.composite
def policies(draw: Any, /, **fixed: Any) -> ScalingPolicy:
    low, target, high = draw(st.sampled_from([(0.6, 0.75, 0.85), (1.0, 1.0, 1.0), (0.3, 0.5, 0.9)]))
    chosen: dict[str, Any] = {
        "low_utilization": low,
        "target_utilization": target,
        "high_utilization": high,
        "max_nodes": draw(st.sampled_from([None, None, 0, 3, 8])),
        "max_usd_hour": draw(st.sampled_from([None, None, Decimal("0.8")])),
        "max_usd_month": draw(st.sampled_from([None, None, Decimal(6), Decimal(100)])),
        "min_nodes": draw(st.sampled_from([{}, {"chat": 2}])),
        "max_spot_share": draw(st.sampled_from([1.0, 0.5, 0.0])),
        "max_pool_share": draw(st.sampled_from([1.0, 0.5])),
        "max_launches_per_tick": 1000,
        "max_drains_per_tick": 1000,
    }
    return ScalingPolicy(**{**chosen, **fixed})


PLANS = st.sampled_from([None, a_plan({12: 3, 13: 9}, burst={12: 4})])


def moves(actions: tuple[Action, ...]) -> list[Action]:
    return [action for action in actions if not isinstance(action, Hold)]


@settings(max_examples=150)
@given(snapshot=snapshots(), plan=PLANS, policy=policies())
def test_asked_again_about_the_fleet_it_asked_for_it_asks_for_nothing(
    snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy
) -> None:
    asked = asked_for(snapshot, decide(snapshot, plan, policy))
    assert moves(decide(asked, plan, policy)) == []


@settings(max_examples=60)
@given(snapshot=snapshots(), plan=PLANS, policy=policies(max_launches_per_tick=1, max_drains_per_tick=1))
def test_step_by_step_it_comes_to_rest(snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy) -> None:
    for _ in range(120):
        actions = decide(snapshot, plan, policy)
        assert len(launches(actions)) <= 1
        if not moves(actions):
            return
        snapshot = asked_for(snapshot, actions)
    raise AssertionError("still moving after 120 steps")


@settings(max_examples=60)
@given(snapshot=snapshots(), plan=PLANS, policy=policies())
def test_the_same_snapshot_gives_the_same_actions_each_with_a_reason(
    snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy
) -> None:
    actions = decide(snapshot, plan, policy)
    assert actions == decide(snapshot, plan, policy)
    for action in actions:
        kind, colon, why = action.reason.partition(": ")
        assert kind.isalpha()
        assert colon
        assert why


@settings(max_examples=150)
@given(snapshot=snapshots(), plan=PLANS, policy=policies())
def test_only_what_may_be_touched_is_touched_and_once(
    snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy
) -> None:
    by_id = {node.id: node for node in snapshot.nodes}
    actions = decide(snapshot, plan, policy)
    touched = [action.node_id for action in actions if isinstance(action, Drain | Undrain | Terminate)]
    assert len(touched) == len(set(touched))
    for action in actions:
        if not isinstance(action, Drain | Undrain | Terminate):
            continue
        node = by_id[action.node_id]
        assert not node.is_base
        is_away = node.pool.partition("/")[0] in snapshot.unreachable
        assert not is_away or isinstance(action, Drain)  # a notice can be kept without the provider
        if isinstance(action, Drain):
            assert node.state is NodeState.READY
        if isinstance(action, Undrain):
            assert node.state is NodeState.DRAINING
        if isinstance(action, Terminate):
            assert node.state in (NodeState.DRAINING, NodeState.FAILED) or (
                node.state in COMING and (NOW - node.ordered_at).total_seconds() >= policy.launch_timeout_s
            )


@settings(max_examples=150)
@given(snapshot=snapshots(), plan=PLANS, policy=policies())
def test_blind_or_paused_nothing_falls(snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy) -> None:
    by_id = {node.id: node for node in snapshot.nodes}
    for action in decide(snapshot, plan, policy):
        if not isinstance(action, Drain):
            continue
        demand = snapshot.demand[by_id[action.node_id].model]
        is_blind = demand is None or (NOW - demand.measured_at).total_seconds() > policy.stale_after_s
        if is_blind or snapshot.controls.is_scale_in_paused:
            assert action.reason.partition(":")[0] in ("notice", "cap", "ceiling")


def is_coming(node: Node, snapshot: Snapshot, policy: ScalingPolicy) -> bool:
    """Whether it is yet to serve: not under notice, and not seen to be past its launch timeout."""
    demand = snapshot.demand[node.model]
    is_heard = demand is not None and (NOW - demand.measured_at).total_seconds() <= policy.stale_after_s
    is_seen = is_heard and node.pool.partition("/")[0] not in snapshot.unreachable
    is_due = (NOW - node.ordered_at).total_seconds() >= policy.launch_timeout_s
    return node.state in COMING and node.taken_back_at is None and not (is_due and is_seen)


def committed_usd(snapshot: Snapshot, policy: ScalingPolicy) -> Decimal:
    """What the month will have cost at least: each lease to its renewal, as the bill would say."""
    first = month_span(NOW)[0]
    total = snapshot.spent_month_usd
    for node in snapshot.nodes:
        pool = snapshot.pools.get(node.pool)
        if not node.is_base and pool is not None:
            until = NOW + timedelta(seconds=1)
            total += charges_by_month(pool.tariff, node.ordered_at, until).get(first, Decimal(0))
    return total


@settings(max_examples=150)
@given(snapshot=snapshots(), plan=PLANS, policy=policies())
def test_no_launch_passes_a_cap_and_caps_beat_floors(
    snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy
) -> None:
    actions = decide(snapshot, plan, policy)
    if not launches(actions):
        return
    asked = asked_for(snapshot, actions)
    burst = [node for node in asked.nodes if not node.is_base]
    if policy.max_nodes is not None:
        assert len(burst) <= policy.max_nodes
    if policy.max_usd_hour is not None:
        assert sum(hourly_usd(asked.pools[node.pool].tariff, 720) for node in burst) <= policy.max_usd_hour
    if policy.max_usd_month is not None:
        assert committed_usd(asked, policy) <= policy.max_usd_month
    ready = [node for node in burst if node.state is NodeState.READY or is_coming(node, snapshot, policy)]
    for key in launches(actions):
        pool: Pool = asked.pools[key]
        have = sum(node.pool == key for node in burst)
        assert pool.max_count is None or have <= pool.max_count
        assert pool.provider not in snapshot.unreachable
        assert pool.retry_at is None or pool.retry_at <= NOW
        most = most_by_share(policy.max_pool_share, len(ready))
        assert most is None or sum(node.pool == key for node in ready) <= most
        group_max = snapshot.group_max.get(pool.count_group or "")
        assert group_max is None or sum(node.pool == key for node in burst) <= group_max
    for model, ceiling in snapshot.controls.max_nodes.items():
        launched = [action for action in actions if isinstance(action, Launch) and action.model == model]
        assert not launched or sum(node.model == model for node in burst) <= ceiling


@settings(max_examples=150)
@given(snapshot=snapshots(), plan=PLANS, policy=policies())
def test_survivors_of_a_scale_in_carry_the_work_and_the_floor(
    snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy
) -> None:
    actions = decide(snapshot, plan, policy)
    by_id = {node.id: node for node in snapshot.nodes}
    drains = [a for a in actions if isinstance(a, Drain) and a.reason.partition(":")[0] in ("surplus", "renewal")]
    asked = asked_for(snapshot, actions)
    for model in {by_id[drain.node_id].model for drain in drains}:
        demand = snapshot.demand[model]
        assert demand is not None
        own = [node for node in asked.nodes if node.model == model]
        ready = sum(SPEED.get(node.pool, 0.0) for node in own if node.state is NodeState.READY)
        work = demand.work_nodes + demand.queue_node_s / policy.queue_clear_s
        assert work <= policy.target_utilization * ready + 1e-6
        floor = max(policy.min_nodes.get(model, 0), snapshot.controls.min_nodes.get(model, 0))
        ceiling = snapshot.controls.max_nodes.get(model, 10**6)
        alive = [node for node in own if not node.is_base and node.state in (*COMING, NodeState.READY)]
        assert len(alive) >= min(floor, ceiling)
        launched_at = snapshot.recently.get(model, Recently()).launched_at
        assert launched_at is None or (NOW - launched_at).total_seconds() >= policy.cooldown_s


@given(
    have=st.integers(0, 12),
    work=st.floats(0, 20),
    more=st.floats(0, 20),
    queue=st.floats(0, 500),
    wanted=st.floats(0, 20),
)
def test_more_work_never_asks_for_fewer_launches(
    have: int, work: float, more: float, queue: float, wanted: float
) -> None:
    policy = ScalingPolicy(max_launches_per_tick=1000)

    def asked(work: float, queue: float, wanted: float) -> int:
        demand = a_demand(work, queue_node_s=queue, outlook=an_outlook((work, wanted)))
        snapshot = Snapshot(
            now=NOW, nodes=nodes(have), demand={"chat": demand}, pools={"aws/a": a_pool(tariff=by_the_second())}
        )
        return len(launches(decide(snapshot, None, policy)))

    least = asked(work, queue, wanted)
    assert asked(work + more, queue, wanted) >= least
    assert asked(work, queue + more, wanted) >= least
    assert asked(work, queue, wanted + more) >= least
