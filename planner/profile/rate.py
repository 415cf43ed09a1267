"""Rates of a model on an offer: which measurement or estimate applies, memory, and the reason if none does. Pure.

Looked for in this order: the server itself; a machine with the same card and count (the lowest where several carry it);
replicas of a machine with fewer of the same card (an estimate); the profile's named rule (an estimate).
"""

import math
from collections.abc import Mapping
from dataclasses import replace

from planner.catalog.offer import Offer
from planner.profile import memory as fit
from planner.profile.curve import Machine, Profile
from planner.profile.estimate import estimated_machine
from planner.profile.model import Basis, Memory, Model, Rates, Unfit
from planner.profile.rating import Rated, rate_machine


def rates_for(model: Model, offer: Offer, profiles: Mapping[str, Profile], *, measured_only: bool) -> Rates | Unfit:
    """P and G, tok/s, of one node of `offer` serving `model` at the rated point, or why it cannot."""
    found = rated_for(model, offer, profiles, measured_only=measured_only)
    return found if isinstance(found, Unfit) else found.rates


def rated_for(model: Model, offer: Offer, profiles: Mapping[str, Profile], *, measured_only: bool) -> Rated | Unfit:
    """The rates of `rates_for` with the machine and the workloads they were read from."""
    profile = profiles.get(model.profile)
    if profile is None:
        return Unfit(reason=f"no measured rate: there is no profile {model.profile!r}")
    if model.max_concurrency is not None and model.max_concurrency < 1:
        raise ValueError(f"model {model.name}: max_concurrency must be 1 or more, got {model.max_concurrency}")
    candidates = _candidates(profile, offer)
    if measured_only:
        estimates = [machine for machine, _ in candidates if machine.basis is Basis.ESTIMATED]
        candidates = [pair for pair in candidates if pair[0].basis is Basis.MEASURED]
        if not candidates and estimates:
            return Unfit(reason="no measured rate: only an estimate exists, and estimates are left out")
    if not candidates:
        return Unfit(reason=f"no measured rate of {profile.name} on {offer.product}, and no rule to estimate one")
    rated = [_rate(model, offer, profile, machine, replicas) for machine, replicas in candidates]
    fits = [found for found in rated if isinstance(found, Rated)]
    if not fits:
        return rated[0]
    best = min(fits, key=_speed)
    return _faster(best, model, offer.id)


def _candidates(profile: Profile, offer: Offer) -> list[tuple[Machine, int]]:
    """Machines that may stand for the offer, each with the number of replicas of it one node holds."""
    key = f"{offer.provider}/{offer.product}".lower()
    own = profile.machines.get(key)
    if own is not None and not (own.single_stream is not None and offer.gpu_count > 0):
        return [(own, 1)]  # a server with cards is not rented to run on its CPU
    if profile.has_cards and offer.gpu is not None and offer.gpu_count > 0:
        cards = [m for m in profile.machines.values() if m.gpu == offer.gpu]
        same = [m for m in cards if offer.gpu_count % max(m.gpu_count, 1) == 0]
        exact = [m for m in same if m.gpu_count == offer.gpu_count]
        if exact:
            return [(machine, 1) for machine in exact]
        fewest = min((m.gpu_count for m in same), default=0)
        return [
            (replace(machine, basis=Basis.ESTIMATED), offer.gpu_count // fewest)
            for machine in same
            if machine.gpu_count == fewest
        ]
    if profile.estimate is not None and profile.weights_bytes is not None:
        for target in profile.estimate.targets:
            if f"{target.provider}/{target.server}".lower() == key:
                return [(estimated_machine(profile.estimate, target, profile.machines, profile.weights_bytes), 1)]
    return []


def _rate(model: Model, offer: Offer, profile: Profile, machine: Machine, replicas: int) -> Rated | Unfit:
    limit = None if model.max_concurrency is None else max(1.0, model.max_concurrency / replicas)
    memory = model.memory or profile.memory
    found = rate_machine(model, profile, machine, limit)
    if isinstance(found, Unfit) or memory is None:
        return found if isinstance(found, Unfit) else _named(found, offer, replicas)
    held = _held(model, offer, memory, found, replicas)
    if isinstance(held, Unfit):
        return held
    concurrency = found.rates.concurrency
    if held is not None and concurrency is not None and held < concurrency:
        found = rate_machine(model, profile, machine, max(1.0, math.floor(held)))
        if isinstance(found, Unfit):
            return found
        remark = f"memory holds {math.floor(held)} requests at once where the latency would allow {concurrency:.0f}"
        found = replace(found, rates=replace(found.rates, remarks=(*found.rates.remarks, remark)))
    return _named(found, offer, replicas)


def _held(model: Model, offer: Offer, memory: Memory, found: Rated, replicas: int) -> float | Unfit | None:
    """Requests that fit one replica's memory at the model's context; None where the offer's memory is not known."""
    context = _context(model, found)
    own = fit.context_limit(memory)
    if context > own:
        return Unfit(reason=f"longer than the model's own context: needs {context:.0f} tokens, has {own}")
    available = fit.available_gib(memory, offer, 1 / replicas)
    if available is None:
        return None
    held = fit.max_concurrency(memory, available, context)
    if held < 1:
        needed = fit.needed_gib(memory, context_tokens=context, concurrency=1)
        return Unfit(reason=f"does not fit memory: needs {needed:.1f} GiB, has {available:.1f} GiB usable")
    return held


def _context(model: Model, found: Rated) -> float:
    """Tokens of cache a request needs: the model's context, else its mean lengths, else those assumed for the rates."""
    if model.context_tokens is not None:
        return float(model.context_tokens)
    if model.input_tokens is not None and model.output_tokens is not None:
        return model.input_tokens + model.output_tokens
    return found.context_tokens


def _named(found: Rated, offer: Offer, replicas: int) -> Rated:
    """The rates of the whole node, with the machine they were measured on where it is another."""
    rates, machine = found.rates, found.machine
    if machine.gpu is None or machine.key == f"{offer.provider}/{offer.product}".lower():
        return found
    card = f"{machine.gpu_name or machine.gpu} x {machine.gpu_count}"
    measured_on = f" measured on {machine.provider}/{machine.server}" if machine.server else ""
    remarks, rule = rates.remarks, f"by card, {card}{measured_on}: {rates.rule}"
    if machine.tensor_parallel > 1:
        remarks = (*remarks, f"split over {machine.tensor_parallel} cards (tensor parallel)")
    if replicas > 1:
        rule = f"{replicas} replicas, {rule}"
        remarks = (*remarks, f"none with {offer.gpu_count} such cards was measured: {replicas} replicas side by side")
    rates = replace(
        rates,
        prefill_tok_s=rates.prefill_tok_s * replicas,
        decode_tok_s=rates.decode_tok_s * replicas,
        concurrency=None if rates.concurrency is None else rates.concurrency * replicas,
        rule=rule,
        remarks=remarks,
    )
    return replace(found, rates=rates)


def _faster(found: Rated, model: Model, offer_id: str) -> Rated:
    """The rates times the model's factors on the offer, which a remark says."""
    factors = {
        "throughput_factor": model.throughput_factor,
        "throughput_factor_by_offer": model.own_factor_on(offer_id),
    }
    said = tuple(f"times {key} {factor:g}" for key, factor in factors.items() if factor != 1)
    if not said:
        return found
    product = math.prod(factors.values())
    rates = replace(
        found.rates,
        prefill_tok_s=found.rates.prefill_tok_s * product,
        decode_tok_s=found.rates.decode_tok_s * product,
        remarks=(*found.rates.remarks, *said),
    )
    return replace(found, rates=rates)


def _speed(found: Rated) -> float:
    """Requests per second at the mix of the first workload; plain rates one token in, one out."""
    prompt, output = 1.0, 1.0
    if found.workloads:
        prompt, output = found.workloads[0].curve.prompt_tokens, found.workloads[0].curve.output_tokens
    return 1 / (prompt / found.rates.prefill_tok_s + output / found.rates.decode_tok_s)
