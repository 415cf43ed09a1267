"""A whole benchmark: how the server counts, each load of each workload, as many times as wanted. Needs aiohttp.

Every load of every workload is measured once, then all of them again: a machine that drifts is seen in every interval
and does not pass for a difference between loads. Prompts of a window follow from the seed, the workload, the load and
the repeat. A load at which nothing is answered ends the run: further ones would say no more.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING

from planner.bench.client import Endpoint, models_of, send, session_for
from planner.bench.figures import Figures, figures_of
from planner.bench.host import Host
from planner.bench.lengths import Lengths
from planner.bench.load import Source, run_step
from planner.bench.prompts import PROBE_WORDS, Counting, PromptMaker, counting_of, words_of
from planner.bench.result import Bench, Step, Workload
from planner.bench.seen import Load
from planner.errors import InputError, PlannerError

if TYPE_CHECKING:
    import aiohttp

Report = Callable[[str, float], None]


class BenchError(PlannerError):
    """The endpoint cannot be measured: it is not there, or answers nothing that could be counted. Exit code 5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be measured."""

    workloads: Sequence[Lengths]
    loads: Sequence[Load]
    repeats: int
    warm_up_s: float
    window_s: float
    seed: int
    shared_prefix_tokens: int
    machine: str | None

    @property
    def seconds(self) -> float:
        """How long it takes, answers that outlast their window apart."""
        windows = len(self.workloads) * len(self.loads) * self.repeats
        return windows * (self.warm_up_s + self.window_s)


def measure(endpoint: Endpoint, wanted: Wanted, *, host: Host, now: datetime, report: Report) -> Bench:
    """Runs it all. An empty `endpoint.model`: the only one it serves. Raises BenchError, InputError."""
    return asyncio.run(_measure(endpoint, wanted, host=host, now=now, report=report))


async def _measure(endpoint: Endpoint, wanted: Wanted, *, host: Host, now: datetime, report: Report) -> Bench:
    async with session_for(endpoint) as session:
        endpoint, server = await _named(session, endpoint)
        counting = await _counting(session, endpoint, Random(f"{wanted.seed} counting"))
        todo = [
            (repeat, number, load)
            for repeat in range(wanted.repeats)
            for number in range(len(wanted.workloads))
            for load in wanted.loads
        ]
        seen: dict[tuple[int, Load], list[Figures]] = {}
        for done, (repeat, number, load) in enumerate(todo):
            lengths = wanted.workloads[number]
            report(f"{lengths.name} at {load.name}, {repeat + 1} of {wanted.repeats}", done / len(todo))
            chance = Random(f"{wanted.seed} {lengths.name} {load.name} {repeat}")
            prompts = PromptMaker(counting, chance=chance, shared_tokens=wanted.shared_prefix_tokens)
            source = Source(lengths=lengths, prompts=prompts, chance=chance)
            window = await run_step(
                session, endpoint, load, source, warm_up_s=wanted.warm_up_s, window_s=wanted.window_s
            )
            seen.setdefault((number, load), []).append(figures_of(window))
            _check(seen[number, load][-1], f"{endpoint.url}, {lengths.name} at {load.name}")
    workloads = tuple(
        Workload(
            name=lengths.name,
            steps=tuple(Step(load=load, repeats=tuple(seen[number, load])) for load in wanted.loads),
        )
        for number, lengths in enumerate(wanted.workloads)
    )
    return Bench(
        started=now,
        url=endpoint.url,
        model=endpoint.model,
        server=server,
        api=endpoint.api,
        machine=wanted.machine,
        host=host.name,
        busy_before_ratio=host.busy_ratio,
        warm_up_s=wanted.warm_up_s,
        seed=wanted.seed,
        shared_prefix_tokens=wanted.shared_prefix_tokens,
        workloads=workloads,
    )


async def _named(session: "aiohttp.ClientSession", endpoint: Endpoint) -> tuple[Endpoint, str | None]:
    """The endpoint with its model's name, and its program."""
    try:
        names, server = await models_of(session, endpoint.url)
    except ConnectionError as error:
        raise BenchError(str(error)) from error
    if endpoint.model:
        if endpoint.model not in names:
            raise InputError(f"--served-model {endpoint.model}: {endpoint.url} serves {', '.join(names) or 'none'}")
        return endpoint, server
    if len(names) != 1:
        raise InputError(f"{endpoint.url} serves {', '.join(names) or 'no model'}; expected --served-model")
    return replace(endpoint, model=names[0]), server


async def _counting(session: "aiohttp.ClientSession", endpoint: Endpoint, chance: Random) -> Counting:
    """How the server counts, from two prompts; they load what it loads at its first request, too."""
    seen = []
    for words in PROBE_WORDS:
        served = await send(session, endpoint, " ".join(words_of(words, chance)), 2)
        if served.error is not None or served.usage is None:
            raise BenchError(f"{endpoint.url}{endpoint.api.path}: a first request for 2 tokens failed: {served.error}")
        seen.append((words, served.usage.prompt_tokens))
    found = counting_of((seen[0], seen[1]))
    if found is None:
        (few, less), (many, more) = seen
        raise BenchError(
            f"{endpoint.url}: its usage cannot be true: {less} prompt tokens for {few} words, {more} for {many}"
        )
    return found


def _check(found: Figures, where: str) -> None:
    """Raises BenchError where all that was asked failed; that nobody came at a low rate is no failure."""
    if found.errors and not found.requests:
        reasons = ", ".join(f"{why} × {times}" for why, times in found.errors.items())
        raise BenchError(f"{where}: no request was answered ({reasons})")
