"""Market: the pools a controller may launch in, at the prices now. Pure."""

from collections.abc import Iterable, Mapping
from statistics import fmean

from autoscaler.fleet import Pool
from autoscaler.providers.simulated.lease import tariff_at
from autoscaler.providers.simulated.spec import SimulatedPool
from autoscaler.replay.world import ServedModel, World


class Market:
    """Pools as a controller knows them; made anew only when a price has moved."""

    def __init__(self, world: World) -> None:
        self._sold = world.pools
        self._lead_time_s = {pool.key: _lead_time_s(pool, world.models.values()) for pool in world.pools}
        self._changes_s = sorted({at_s for pool in world.pools for at_s, _ in pool.prices_usd_hour})
        self._next = 0
        self.pools: Mapping[str, Pool] = self._at(0.0)

    def moves(self, now_s: float) -> bool:
        """Moves to `now_s`; whether a price changed since."""
        before = self._next
        while self._next < len(self._changes_s) and self._changes_s[self._next] <= now_s:
            self._next += 1
        if self._next == before:
            return False
        self.pools = self._at(now_s)
        return True

    def _at(self, now_s: float) -> Mapping[str, Pool]:
        return {
            pool.key: Pool(
                key=pool.key,
                provider=pool.provider,
                zone=pool.zone,
                tariff=tariff_at(pool, now_s),
                is_spot=pool.is_spot,
                interruption_usd_hour=pool.interruption_usd_hour,
                egress_usd_mtok=pool.egress_usd_mtok,
                lead_time_s=self._lead_time_s[pool.key],
                max_count=pool.quota,
                count_group=pool.count_group,
            )
            for pool in self._sold
        }


def _lead_time_s(pool: SimulatedPool, models: Iterable[ServedModel]) -> Mapping[str, float]:
    """By model the pool can serve: mean of order to running node, and the model's load time."""
    return {model.name: fmean(pool.lead_times_s) + model.load_s for model in models if pool.key in model.rates}
