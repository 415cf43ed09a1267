"""Load on an endpoint: users who each wait for their answer (closed loop), or requests at a rate (open loop).

A step runs for a warm-up and then a window; only what happens in the window counts. Each user's first answer is cut
to a random share of its length, so that users do not march in step. Requests in flight at the window's end are read
to their end, unless that takes longer than the endpoint's timeout: what they did in the window is known only then.
"""

import asyncio
import time
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from planner.bench.client import Endpoint, send
from planner.bench.lengths import Lengths
from planner.bench.prompts import PromptMaker
from planner.bench.seen import Load, Window

if TYPE_CHECKING:
    import aiohttp

PAUSE_AFTER_ERROR_S = 0.1
LAG_STEP_S = 0.01
"""How often the client looks whether it is late itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where requests come from."""

    lengths: Lengths
    prompts: PromptMaker
    chance: Random


async def run_step(
    session: "aiohttp.ClientSession",
    endpoint: Endpoint,
    load: Load,
    source: Source,
    *,
    warm_up_s: float,
    window_s: float,
) -> Window:
    """One step from its first request to its last answer."""
    begun = time.perf_counter()
    window = Window(from_s=begun + warm_up_s, to_s=begun + warm_up_s + window_s)
    watch = asyncio.create_task(_watch(window))
    try:
        if load.users is not None:
            await asyncio.gather(*(_user(session, endpoint, source, window) for _ in range(load.users)))
        else:
            await _arrivals(session, endpoint, source, window, requests_per_s=load.requests_per_s or 0.0)
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
    return window


async def _user(session: "aiohttp.ClientSession", endpoint: Endpoint, source: Source, window: Window) -> None:
    """Asks, waits for the whole answer, asks again, until the window ends."""
    is_first = True
    while time.perf_counter() < window.to_s:
        prompt, output = source.lengths.draw(source.chance)
        wanted = max(1, round(output * source.chance.random())) if is_first else output
        served = await send(session, endpoint, source.prompts.make(prompt), wanted)
        window.served.append(served)
        is_first = False
        if served.error is not None:
            await asyncio.sleep(PAUSE_AFTER_ERROR_S)


async def _arrivals(
    session: "aiohttp.ClientSession", endpoint: Endpoint, source: Source, window: Window, *, requests_per_s: float
) -> None:
    """Requests come at random (Poisson), however many are in flight, until the window ends."""
    tasks: set[asyncio.Task[None]] = set()
    due = time.perf_counter() + source.chance.expovariate(requests_per_s)
    while due < window.to_s:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        prompt, output = source.lengths.draw(source.chance)
        task = asyncio.create_task(_one(session, endpoint, source.prompts.make(prompt), output, window))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        due += source.chance.expovariate(requests_per_s)
    await asyncio.gather(*tasks)


async def _one(session: "aiohttp.ClientSession", endpoint: Endpoint, prompt: str, output: int, window: Window) -> None:
    window.served.append(await send(session, endpoint, prompt, output))


async def _watch(window: Window) -> None:
    """Measures the client itself: how late it wakes, and what processor time it takes within the window."""
    await asyncio.sleep(max(0.0, window.from_s - time.perf_counter()))
    spent = time.process_time()
    while (now := time.perf_counter()) < window.to_s:
        await asyncio.sleep(LAG_STEP_S)
        window.lags_s.append(time.perf_counter() - now - LAG_STEP_S)
        window.client_cpu_s = time.process_time() - spent
