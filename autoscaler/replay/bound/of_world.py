"""A replay's world as the clairvoyant bound sees it, and a result beside its bounds. Pure (numpy only).

Whatever the world leaves to chance is granted to foresight: the shortest lead time, the warmest cache, the lowest price
of a step, the most nodes the stock has in it. So what is bounded is no dearer than what any controller can reach.
"""

from dataclasses import replace
from decimal import Decimal
from math import ceil

import numpy as np

from autoscaler.providers.simulated.spec import SimulatedPool
from autoscaler.providers.simulated.stock import falls
from autoscaler.replay.bound.case import BaseCapacity, BoundCase, BurstPool, CountGroup, billed_as
from autoscaler.replay.bound.clairvoyant import ClairvoyantBound
from autoscaler.replay.result import Replayed
from autoscaler.replay.world import Floats, ServedModel, World
from policies.billing import Billing
from policies.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK

LONGEST_STEP_S = 60.0
"""Longer steps of traffic are cut: within a step the bound knows no order of things."""


def bound_case(world: World) -> BoundCase:
    """What no controller can change about the world."""
    return _Reading(world).case()


def with_bounds(replayed: Replayed, bound: ClairvoyantBound) -> Replayed:
    """The result beside the least bill at 100 % served, and at its own unserved share.

    Where even perfect foresight leaves some unserved, the first is the bound at that share.
    """
    least = bound.usd(bound.least_unserved_ratio)
    own = bound.usd(max(replayed.unserved_ratio, bound.least_unserved_ratio))
    return replace(replayed, bound_usd=_usd(least), bound_at_unserved_usd=_usd(own))


class _Reading:
    """The world in steps of at most `LONGEST_STEP_S`."""

    def __init__(self, world: World) -> None:
        self.world = world
        traffic = world.traffic
        parts = max(1, ceil(traffic.step_s / LONGEST_STEP_S))
        self.step_s = traffic.step_s / parts
        self.input_tok_s: Floats = np.repeat(traffic.input_tok_s, parts, axis=1)
        self.output_tok_s: Floats = np.repeat(traffic.output_tok_s, parts, axis=1)
        self.models = tuple(world.models[name] for name in traffic.models)
        self.patience_s = max(self._patience_s(model) for model in self.models)

    def case(self) -> BoundCase:
        world = self.world
        return BoundCase(
            step_s=self.step_s,
            tokens=(self.input_tok_s + self.output_tok_s) * self.step_s,
            base_usd=float(sum((base.bill_usd for base in world.base), Decimal(0))),
            base=tuple(
                BaseCapacity(nodes=base.count, work=self._work(base.offer, only=base.model)) for base in world.base
            ),
            pools=tuple(self._pool(pool) for pool in world.pools),
            groups=self._groups(),
            patience_s=self.patience_s,
        )

    def _patience_s(self, model: ServedModel) -> float:
        """The longest that work of the model may wait to be served through.

        Single requests come in lumps, and the one begun last within its patience is worked on until it is done: at the
        worst by one node of the slowest kind.
        """
        requests = self.world.traffic.requests.get(model.name)
        if requests is None or model.patience_s == 0:
            return model.patience_s
        slowest_s = max(
            float((requests.input_tokens / rates.prefill_tok_s + requests.output_tokens / rates.decode_tok_s).max())
            for rates in model.rates.values()
        )
        return model.patience_s + slowest_s + self.step_s

    def _work(self, offer: str, *, only: str | None = None) -> Floats:
        """(M, T) nodes of the offer busy with all that is asked, caches warm; inf where it does not serve the model."""
        work = np.full(self.input_tok_s.shape, np.inf)
        for row, model in enumerate(self.models):
            if offer in model.rates and only in {None, model.name}:
                work[row] = self._model_work(row, model, offer)
        return work

    def _model_work(self, row: int, model: ServedModel, offer: str) -> Floats:
        """(T,) The same for one model: on its reference, over the most a node is worth while the work may wait.

        What a node is worth depends on the mix now, the work on the mix it came with.
        """
        own, reference = self._at_mix(row, model, offer), self._at_mix(row, model, model.reference)
        if model.patience_s == 0 or offer == model.reference:
            return own
        asked = own > 0
        worth = np.divide(reference, own, out=np.full_like(own, np.nan), where=asked)
        known = np.maximum.accumulate(np.where(asked, np.arange(len(own)), -1))
        first = worth[asked][0] if asked.any() else 1.0
        worth = np.where(known >= 0, worth[np.maximum(known, 0)], first)
        ahead = ceil(self.patience_s / self.step_s) + 1
        padded = np.concatenate([worth, np.full(ahead, -np.inf)])
        most = np.lib.stride_tricks.sliding_window_view(padded, ahead + 1).max(axis=1)
        return np.asarray(reference / most, dtype=np.float64)

    def _at_mix(self, row: int, model: ServedModel, offer: str) -> Floats:
        rates = model.rates[offer]
        input_node_s = (1 - model.cache_hit_ratio) / rates.prefill_tok_s
        work: Floats = self.input_tok_s[row] * input_node_s + self.output_tok_s[row] / rates.decode_tok_s
        return work

    def _pool(self, pool: SimulatedPool) -> BurstPool:
        hours = self.world.traffic.duration_s / SECONDS_PER_HOUR
        billing, price_usd_hour = billed_as(pool.tariff, hours)
        served = [model for model in self.models if pool.key in model.rates]
        is_freed = billing is Billing.SECOND and pool.tariff.is_spot
        egress = self.output_tok_s * self.step_s * (float(pool.egress_usd_mtok) / TOKENS_PER_MTOK)
        return BurstPool(
            name=pool.key,
            work=self._work(pool.key),
            billing=billing,
            price_usd_hour=self._prices_usd_hour(pool, price_usd_hour),
            lead_s=min(pool.lead_times_s) + min((model.load_s for model in served), default=0.0),
            most_nodes=self._most_nodes(pool),
            taken_back_s=tuple(fall.start_s for fall in falls(pool)) if is_freed else (),
            egress_usd=egress if pool.egress_usd_mtok > 0 else None,
        )

    def _prices_usd_hour(self, pool: SimulatedPool, listed: float) -> Floats:
        """(T,) the least price in each step; where a rule keeps the price of the order, the least of all."""
        steps = self.input_tok_s.shape[1]
        if not pool.prices_usd_hour:
            return np.full(steps, listed)
        least = min(float(price) for _, price in pool.prices_usd_hour)
        if pool.tariff.billing not in {Billing.SECOND, Billing.STARTED_HOUR}:
            return np.full(steps, min(listed, least))
        starts = self.step_s * np.arange(steps)
        at_s = np.array([-np.inf, *(moment for moment, _ in pool.prices_usd_hour)])
        prices = np.array([listed, *(float(price) for _, price in pool.prices_usd_hour)])
        found: Floats = prices[np.searchsorted(at_s, starts, side="right") - 1]
        for moment, price in zip(at_s[1:], prices[1:], strict=True):
            step = int(moment // self.step_s)
            if 0 <= step < steps:
                found[step] = min(found[step], price)
        return found

    def _most_nodes(self, pool: SimulatedPool) -> Floats | None:
        """(T,) the most nodes that can be held at any instant of the step; None: no limit."""
        if pool.quota is None and not pool.stock:
            return None
        limit = np.inf if pool.quota is None else float(pool.quota)
        steps = self.input_tok_s.shape[1]
        starts = self.step_s * np.arange(steps)
        inside, covered = np.zeros(steps), np.zeros(steps)
        for window in pool.stock:
            overlap = np.minimum(starts + self.step_s, window.end_s) - np.maximum(starts, window.start_s)
            inside = np.where(overlap > 0, np.maximum(inside, window.nodes), inside)
            covered += np.maximum(overlap, 0.0)
        within = covered > self.step_s * (1 - 1e-9)
        return np.where(within, np.minimum(inside, limit), limit)

    def _groups(self) -> tuple[CountGroup, ...]:
        names = {pool.count_group for pool in self.world.pools if pool.count_group in self.world.group_max}
        return tuple(
            CountGroup(
                pools=tuple(i for i, pool in enumerate(self.world.pools) if pool.count_group == name),
                most=float(self.world.group_max[name]),
            )
            for name in sorted(name for name in names if name is not None)
        )


def _usd(value: float) -> Decimal:
    """To a millionth; a bound rounds down."""
    return Decimal(int(value * 1_000_000)).scaleb(-6)
