"""Whether a machine can hold a model: weights, KV cache and activations against memory. Pure.

The arithmetic, in bytes:

    KV cache per token   2 (keys and values) x layers x KV heads x head size x bytes per element
    activations          (3 x intermediate + 2 x hidden) x 2 per token of the largest prefill pass: the gate and up
                         projections, their product, the residual stream and its normalised copy, 16 bits each
    needed               weights + activations + concurrency x context x KV cache per token
    available            GPU: what the driver reports x cards x gpu_memory_utilization; CPU: memory x 0.9
"""

import math

from planner.catalog.offer import Offer
from planner.profile.model import Memory

GIB = 1024**3
CPU_SHARE = 0.9
"""Part of a CPU node's memory a model may use; the rest is the system's and the server's own."""
GPU_REPORTED_SHARE = 0.92
"""Part of the nameplate a card reports where `GPU_REPORTED_GIB` has no figure; error correction takes the rest."""
GPU_REPORTED_GIB = {
    # "total capacity" in PyTorch's out-of-memory messages in public issue trackers: 22.03-22.15 GiB for the 24 GB cards
    # with error correction on, 14.6-14.8 for T4, 44.4-44.5 for L40S, 31.7 for V100, 39.4-39.5 for A100 40 GB, 79.1-79.3
    # for A100 80 GB and H100; towards the lower end.
    "T4": 14.56,
    "V100S": 31.73,
    "L40S": 44.39,
    "H100": 79.11,
    "A10G": 22.06,
    "A10": 22.05,
    "L4": 22.03,
    "A100-40": 39.38,
    "A100-80": 79.14,
}


def kv_bytes_token(memory: Memory) -> float:
    """Bytes of KV cache per token of context: 2 x layers x KV heads x head size x bytes per element."""
    return 2 * memory.layers * memory.kv_heads * memory.head_dim * memory.kv_element_bytes


def activation_bytes_token(memory: Memory) -> float:
    """Peak bytes of activations per token of a prefill pass; 0 where the widths are not known."""
    if memory.hidden_size is None or memory.intermediate_size is None:
        return 0.0
    return (3 * memory.intermediate_size + 2 * memory.hidden_size) * 2.0


def available_gib(memory: Memory, offer: Offer, share: float = 1.0) -> float | None:
    """GiB a model may use on `share` of the offer's node; None where the offer's memory is not known."""
    if offer.gpu_count == 0:
        return None if offer.memory_gib is None else offer.memory_gib * CPU_SHARE * share
    if offer.gpu_memory_gib is None:
        return None
    card = GPU_REPORTED_GIB.get(offer.gpu or "", offer.gpu_memory_gib * GPU_REPORTED_SHARE)
    return min(card, offer.gpu_memory_gib) * offer.gpu_count * share * memory.gpu_memory_utilization


def needed_gib(memory: Memory, *, context_tokens: float, concurrency: float) -> float:
    """GiB for the weights, one prefill pass and the KV cache of `concurrency` requests of `context_tokens` each."""
    chunk = min(context_tokens, memory.prefill_chunk_tokens or context_tokens)
    cache = concurrency * context_tokens * kv_bytes_token(memory)
    return memory.weights_gib + (cache + chunk * activation_bytes_token(memory)) / GIB


def max_concurrency(memory: Memory, available: float, context_tokens: float) -> float:
    """Requests of `context_tokens` that fit `available` GiB at once; below 1, not even one does."""
    room = available - needed_gib(memory, context_tokens=context_tokens, concurrency=0)
    return max(0.0, room * GIB / (context_tokens * kv_bytes_token(memory)))


def context_limit(memory: Memory) -> int:
    """The model's own limit, tokens: its extension such as YaRN where used, else the native limit."""
    return max(memory.native_context_tokens, memory.extended_context_tokens or 0)


def max_model_len(memory: Memory, available: float) -> int:
    """The longest context of one request, tokens: the least of the model's own limit and what `available` GiB hold."""
    room_bytes = (available - memory.weights_gib) * GIB
    chunk, kv, activation = memory.prefill_chunk_tokens, kv_bytes_token(memory), activation_bytes_token(memory)
    whole = room_bytes / (kv + activation)
    fits = whole if chunk is None or whole <= chunk else (room_bytes - chunk * activation) / kv
    return max(0, min(context_limit(memory), math.floor(fits)))
