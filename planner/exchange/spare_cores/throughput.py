"""Spare Cores' llama-bench figures as profiles, one for each model's file: rates of one request alone, by length. Pure.

Only servers of the catalog, and none with cards: the database does not say whether llama.cpp used them. Of a length
measured twice the later counts.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from planner.catalog.offer import Offer
from planner.exchange.spare_cores.prices import LICENCE, PROVIDERS, Counts, Read
from planner.exchange.spare_cores.tables import SpeedRow
from planner.profile.curve import Machine, Profile, SingleStream, by_key

SOURCE = f"Spare Cores, llama-bench, {LICENCE}"
SUFFIX = ".gguf"

Rates = dict[int, tuple[float, datetime]]
"""Tok/s by tokens, each with its day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Profiles, and what they were made of."""

    profiles: tuple[Profile, ...]
    read: Read
    half: int
    """Servers measured reading or generating alone: they are in no profile."""


def profiles_of(rows: Iterable[SpeedRow], offers: Iterable[Offer], *, now: datetime) -> Measured:
    """A profile of each model that was measured on a server of the offers."""
    servers = {(offer.provider, offer.product): offer for offer in offers}
    counts = Counts()
    found: dict[str, dict[Offer, tuple[Rates, Rates]]] = {}
    for row in rows:
        counts.rows += 1
        reason = _unfit(row, servers, now)
        if reason is not None:
            counts.ignored[reason] += 1
            continue
        assert row.model is not None
        assert row.tokens is not None
        assert row.tok_s is not None
        assert row.observed_at is not None  # such rows have a reason
        offer = servers[PROVIDERS.get(row.vendor, row.vendor), row.product or ""]
        rates = found.setdefault(row.model, {}).setdefault(offer, ({}, {}))[0 if row.is_prompt else 1]
        held = rates.get(row.tokens)
        if held is None or row.observed_at >= held[1]:
            rates[row.tokens] = row.tok_s, row.observed_at
    profiles = [_profile(model, found[model]) for model in sorted(found)]
    whole = sum(len(profile.machines) for profile in profiles)
    return Measured(
        profiles=tuple(profile for profile in profiles if profile.machines),
        read=counts.read(),
        half=sum(len(by_offer) for by_offer in found.values()) - whole,
    )


def _unfit(row: SpeedRow, servers: Mapping[tuple[str, str], Offer], now: datetime) -> str | None:
    offer = servers.get((PROVIDERS.get(row.vendor, row.vendor), row.product or ""))
    checks = (
        (offer is None, "of types the catalog does not have"),
        (offer is not None and offer.gpu_count > 0, "of types with cards"),
        (not row.is_active, "no longer active"),
        (row.model is None or row.tokens is None, "without model and tokens"),
        (row.tok_s is None or not 0 < row.tok_s < math.inf, "without a rate above 0"),
        (row.observed_at is None or row.observed_at > now, "without a date in the past"),
    )
    return next((reason for is_so, reason in checks if is_so), None)


def _profile(model: str, by_offer: Mapping[Offer, tuple[Rates, Rates]]) -> Profile:
    machines = by_key(
        tuple(
            _machine(offer, prompt, generate)
            for offer, (prompt, generate) in sorted(by_offer.items(), key=lambda one: (one[0].provider, one[0].product))
            if prompt and generate
        )
    )
    name = model.removesuffix(SUFFIX)
    return Profile(
        name=name,
        title=f"{name}, llama.cpp on CPU, as Spare Cores measured it",
        machines=machines,
        source=SOURCE,
        source_date=max((machine.source_date for machine in machines.values()), default=""),
        licence=LICENCE,
        context_slowdown=_slowdown(machines.values()),
        has_cards=False,
    )


def _machine(offer: Offer, prompt: Rates, generate: Rates) -> Machine:
    return Machine(
        provider=offer.provider,
        server=offer.product,
        engine="llama.cpp",
        single_stream=SingleStream(prompt=_by_length(prompt), generate=_by_length(generate)),
        source=SOURCE,
        source_date=max(day for _, day in (*prompt.values(), *generate.values())).date().isoformat(),
    )


def _by_length(rates: Rates) -> tuple[tuple[int, float], ...]:
    return tuple((tokens, rates[tokens][0]) for tokens in sorted(rates))


def _slowdown(machines: Iterable[Machine]) -> float:
    """Growth of the time per token with each token of context: the 75th percentile over the machines' longest steps.

    A machine's is that between its two longest generations, each of a mean context of half its tokens; at least 0.
    """
    found = []
    for machine in machines:
        made = machine.single_stream.generate if machine.single_stream is not None else ()
        if len(made) > 1:
            (shorter, fast), (longer, slow) = made[-2:]
            found.append(max(0.0, (fast / slow - 1) / (longer / 2 - shorter / 2)))
    return sorted(found)[math.ceil(0.75 * len(found)) - 1] if found else 0.0
