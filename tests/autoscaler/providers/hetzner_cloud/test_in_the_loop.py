"""The loop over both of Hetzner's providers, killed at every step: each life has a provider that remembers nothing.

The books are the doubles' own: what was made, what was deleted, and that Robot was only read.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from autoscaler.fleet import Node, Pool
from autoscaler.journal import Ended, MemoryJournal
from autoscaler.loop import Controller, KeptModel
from autoscaler.replay.crash import Crash, CrashingJournal, CrashingProvider, CrashingServing, Fuse
from autoscaler.serving.serving import NodeReading
from policies.billing import Billing, Tariff
from policies.scaling import ScalingPolicy
from tests.autoscaler.loop.rig import CHAT, Keeper, SetServing, some_rates
from tests.autoscaler.providers.clock import START
from tests.autoscaler.providers.hetzner.double import Account, a_server
from tests.autoscaler.providers.hetzner.robots import a_provider
from tests.autoscaler.providers.hetzner_cloud.clouds import POOL, a_cloud
from tests.autoscaler.providers.hetzner_cloud.double import Project

BASE = "hetzner/ax102"
TICK_S = 60.0


@dataclass
class Site:
    """Both accounts, a serving side that is ready where a server runs, a journal, and a controller in its lives."""

    project: Project
    account: Account
    fuse: Fuse = field(default_factory=Fuse)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    serving: SetServing = field(default_factory=SetServing)
    keeper: Keeper = field(default_factory=Keeper)
    controller: Controller | None = None

    def started(self) -> Controller:
        """A new process: nothing but journal and accounts is what it was."""
        tariff = Tariff(billing=Billing.STARTED_HOUR, price_usd_hour=Decimal("0.01"))
        pool = Pool(key=POOL, provider="hetzner-cloud", tariff=tariff, is_spot=False, lead_time_s={CHAT: 60.0})
        clock = self.project.clock
        providers = [a_cloud(self.project), a_provider(self.account, clock)]
        return Controller(
            fleet="fleet",
            providers=[CrashingProvider(provider=one, fuse=self.fuse) for one in providers],
            serving=CrashingServing(serving=self.serving, fuse=self.fuse),
            journal=CrashingJournal(journal=self.journal, fuse=self.fuse),
            pools={POOL: pool},
            models={CHAT: KeptModel(rates={POOL: some_rates(), BASE: some_rates(150.0)}, reference=POOL)},
            policy=ScalingPolicy(launch_timeout_s=600, orphan_after_s=900),
            decider=self.keeper,
            tick_s=TICK_S,
        )

    def tick(self, ticks: int) -> None:
        for _ in range(ticks):
            self.project.clock.pass_s(TICK_S)
            self.serving.readings = {
                one.labels["baseload-node"]: NodeReading(is_ready=True, in_flight=0)
                for one in self.project.servers.values()
                if "baseload-node" in one.labels and self.project._status(one) == "running"
            }
            now = self.project.clock.now
            try:
                self.controller = self.controller or self.started()
                self.controller.tick(now)
            except Crash:
                self.controller = self.started()
                self.controller.tick(now)

    @property
    def nodes(self) -> tuple[Node, ...]:
        assert self.controller is not None
        return tuple(self.controller.nodes)


def a_day_of(site: Site) -> None:
    """One node up, a second whose answer is lost, one whose making fails, and all down."""
    site.keeper.wanted = 1
    site.tick(2)
    site.project.fault("POST", "/servers", None, is_after=True)
    site.keeper.wanted = 2
    site.tick(3)
    site.project.fails_with = "action_failed"
    site.keeper.wanted = 3
    site.tick(4)
    site.keeper.wanted = 0
    site.tick(8)


@contextmanager
def a_site() -> Iterator[Site]:
    with ExitStack() as stack:
        project, account = stack.enter_context(Project()), stack.enter_context(Account())
        project.add_foreign()
        account.servers = [a_server(321, server_name="base-1"), a_server(999)]
        yield Site(project=project, account=account)
        assert project.http.violations + account.http.violations == []
        assert account.changes == []


def steps_of_a_day() -> int:
    with a_site() as site:
        a_day_of(site)
        return site.fuse.steps


STEPS = 72
"""Of the day without a crash, as `test_the_day_is_as_long_as_is_crashed` holds it."""


def test_the_day_is_as_long_as_is_crashed():
    assert steps_of_a_day() == STEPS


def test_base_servers_are_nodes_and_servers_of_others_are_none():
    with a_site() as site:
        site.keeper.wanted = 1
        site.tick(3)
        assert [(one.id, one.is_base, one.pool) for one in site.nodes if one.is_base] == [("base-1", True, BASE)]
        assert len(site.nodes) == 2


def test_a_server_whose_making_fails_late_is_ended_and_its_pool_rested():
    with a_site() as site:
        site.project.making_s, site.project.starting_s, site.project.fails_with = 100, 110, "action_failed"
        site.tick(8)
        (end,) = [one for one in site.journal.entries(START) if isinstance(one, Ended)]
        assert not end.was_taken_back
        assert site.project.books[1:] == [f"made {end.node_id}", f"deleted {end.node_id}", f"gone {end.node_id}"]
        site.tick(12)
        assert len(site.project.books) == 5  # ten minutes later another one


@pytest.mark.parametrize("step", range(STEPS))
def test_a_crash_at_any_step_leaves_no_server_and_makes_none_twice(step):
    with a_site() as site:
        site.fuse.crash_at = step
        a_day_of(site)
        assert site.fuse.steps > step
        for _ in range(20):  # a server that nobody intended is ended after 15
            if len(site.project.servers) > 1:
                site.tick(1)
        site.tick(2)
        assert [one.name for one in site.project.servers.values()] == ["theirs"]
        assert [one.id for one in site.nodes] == ["base-1"]
        made = [book for book in site.project.books if book.startswith("made")]
        assert len(made) == 1 + 4  # theirs, three nodes, and one of them again after its making failed
        gone = [book for book in site.project.books if book.startswith("gone")]
        assert len(gone) == 4
