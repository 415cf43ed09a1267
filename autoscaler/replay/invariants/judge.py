"""Invariants: S1 to S10 of the design, judged after every event against what is true. Pure.

What is judged is the truth: machines as their clouds made and ended them, intents as the journal holds them, routing as
the serving side does it. What a controller believed counts only where a rule is about what it could know. Each event
costs what changed with it.

Where rules collide, S3 and S6 come before S1, that before S2, that before S4, that before demand: a node drained for a
cap may break the floor, and one drained for a cap or ended for its provider's notice may go while demand is unknown.
"""

from autoscaler.fleet import Action, Drain, FleetPlan, NodeState, Snapshot, Terminate
from autoscaler.journal import Entry, Intent, IntentKind, Outcome
from autoscaler.loop.report import TickReport
from autoscaler.providers.simulated.truth import MachineTruth
from autoscaler.replay.invariants import caps, giving_up, owning, rising
from autoscaler.replay.invariants.facts import IMPOSED, Facts, SinceLastTick, kind_of, said
from autoscaler.replay.invariants.violation import Violation
from autoscaler.replay.invariants.watch import Life, Watch
from autoscaler.replay.truth import Truth
from autoscaler.replay.world import Decider
from policies.scaling import ScalingPolicy


class Invariants:
    """Judges one replay; give it to `replay` as its `checks`. Raises Violation.

    `is_ours`: whether our own `decide` keeps the fleet. A rival keeps no floor, cooldown, band or cap in money, so only
    what the loop answers for is judged: S3, S5, S6, S9 and S10.
    """

    def __init__(self, *, fleet: str = "replay", is_ours: bool = True) -> None:
        self.judged = 0
        """Events so far."""
        self._fleet = fleet
        self._is_ours = is_ours
        self._facts: Facts | None = None
        self._decided: list[Action] | None = None
        self._found: Violation | None = None

    def after(self, event: str, truth: Truth) -> None:
        """Judges what came with one event."""
        facts = self._facts or self._begin(truth)
        self.judged += 1
        facts.watch.sync()
        if event == "tick":
            facts.tick.decided, self._decided = self._decided, None
            self._after_tick(facts, truth.report)
            facts.tick = SinceLastTick()
        else:
            facts.watch.note(event)
        if self._found is not None:
            raise self._found

    def recording(self, decider: Decider) -> Decider:
        """The same decider, whose actions are remembered: each is to be done, whatever becomes of the others (S10)."""

        def decide(snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy) -> tuple[Action, ...]:
            actions = decider(snapshot, plan, policy)
            self._decided = [*(self._decided or ()), *actions]
            return actions

        return decide

    def violation(self, invariant: str, what: str) -> Violation:
        """What is wrong now, with the events that led to it."""
        truth = self._known.truth
        return Violation(
            invariant=invariant,
            what=what,
            world=truth.world.name,
            seed=truth.world.seed,
            at_s=truth.timeline.now_s,
            events=self._known.watch.happenings(),
        )

    def _judge(self, invariant: str, wrong: str | None) -> None:
        """Keeps the first violation for `after` to raise: within a call the loop would take it for a failed call."""
        if wrong is not None and self._found is None:
            self._found = self.violation(invariant, wrong)

    def _begin(self, truth: Truth) -> Facts:
        watch = Watch(truth, self._fleet)
        machines = [machine for cloud in truth.clouds.values() for machine in cloud.truth]
        base = frozenset(one.node_id for one in machines if one.is_base and one.node_id is not None)
        self._facts = Facts(truth=truth, fleet=self._fleet, watch=watch, base=base)
        watch.on_made, watch.on_ended, watch.on_entry = self._made, self._ended, self._written
        return self._facts

    def _made(self, machine: MachineTruth, life: Life) -> None:
        facts = self._known
        self._judge("S5", owning.intended_before_made(facts, machine, life))
        if machine.key is not None and life.origin is not None:
            facts.tick.made += 1
            facts.scaled_out_at[life.model] = life.origin.at

    def _ended(self, machine: MachineTruth, life: Life | None) -> None:
        facts = self._known
        self._judge("S3", owning.ended_is_ours(facts, machine))
        if life is None:
            return
        if life.is_known:
            facts.charges.ended(machine, facts.watch.cloud_of[machine.pool], facts.truth.timeline.now)
        if machine.was_taken_back:
            return
        facts.tick.ended += 1
        if self._is_ours:
            self._judge("S8", giving_up.not_while_loading(facts, machine, life))
            self._judge("S7", giving_up.drained_before_its_end(facts, machine, life))

    def _written(self, entry: Entry, life: Life | None) -> None:
        facts = self._known
        if isinstance(entry, Intent):
            facts.tick.intents.append(entry)
            self._judge("S6", owning.leader_writes(facts, entry))
            self._judge("S3", owning.intent_is_ours(facts, entry))
            if self._is_ours and entry.kind is IntentKind.LAUNCH:
                self._judge("S1", caps.launch_within_caps(facts, entry))
        elif life is None:
            return
        elif isinstance(entry, Outcome):
            self._judge("S5", owning.nothing_was_made(entry, life))
            self._judge("S3", owning.adopted_is_ours(facts, entry, life))
        else:
            self._judge("S9", owning.buried_is_gone(entry, life))

    def _after_tick(self, facts: Facts, report: TickReport | None) -> None:
        self._judge("S5", owning.orphans_are_ended(facts))
        self._judge("S3", owning.base_is_routed(facts))
        if self._is_ours:
            self._judge("S1", caps.renewals_within_cap(facts, report))
        if report is None:
            return
        self._judge("S3", owning.decided_is_ours(facts, report))
        self._judge("S9", owning.what_exists_is_seen(facts, report))
        self._judge("S5", owning.asked_once(facts, report))
        self._judge("S10", _each_action_done(facts, report))
        self._judge("pause", _paused(facts, report))
        if self._is_ours:
            self._judge("S4", giving_up.demand_true(facts, report))
            self._judge("S2", rising.floor_filled(facts, report))
            self._judge("S4", rising.plan_reached(facts, report))
            self._gave_up(facts, report)

    def _gave_up(self, facts: Facts, report: TickReport) -> None:
        for model, gone in giving_up.given_up(facts, report).items():
            self._judge("S2", giving_up.floor_kept(facts, report, model, gone))
            self._judge("S4", giving_up.demand_known(facts, report, model, gone))
            self._judge("S7", giving_up.cooled_down(facts, model, gone))
            self._judge("S7", giving_up.survivors_carry(facts, report, model, gone))

    @property
    def _known(self) -> Facts:
        assert self._facts is not None  # begun with the first event
        return self._facts


def _each_action_done(facts: Facts, report: TickReport) -> str | None:
    """S10: each action that was decided has its outcome, whatever became of the others."""
    done = {id(acted.action) for acted in report.acted}
    for action in facts.tick.decided or ():
        if id(action) not in done:
            return f"{said(action)} was decided and not done"
    return None


def _paused(facts: Facts, report: TickReport) -> str | None:
    """While paused nothing is intended, made or ended; while scale-in is paused no node is given up for demand.

    Where there is a cap or a ceiling, what was drained for it, or before, may be ended.
    """
    controls, tick = report.seen.controls, facts.tick
    if controls.is_paused:
        intents = [f"{one.kind.value} {one.node_id}" for one in tick.intents if one.kind is not IntentKind.ADOPT]
        if intents or tick.made or tick.ended:
            return f"acts while paused: {', '.join(intents) or 'a machine is made or ended'}"
    elif controls.is_scale_in_paused:
        drained = _drained(facts.truth.policy, report)
        for acted in report.acted:
            action = acted.action
            if not isinstance(action, Drain | Terminate) or kind_of(action) in IMPOSED:
                continue
            if not (isinstance(action, Terminate) and action.node_id in drained):
                return f"{said(action)} while scale-in is paused"
    return None


def _drained(policy: ScalingPolicy, report: TickReport) -> set[str]:
    """Nodes that drain, or were drained in this tick, where something is capped."""
    caps = (policy.max_nodes, policy.max_usd_hour, policy.max_usd_month)
    if all(cap is None for cap in caps) and not report.seen.controls.max_nodes:
        return set()
    draining = {node.id for node in report.seen.nodes if node.state is NodeState.DRAINING}
    return draining | {acted.action.node_id for acted in report.acted if isinstance(acted.action, Drain)}
