"""Model: what is served, to which SLO, with which memory figures; Rates: what a node of an offer sustains. Pure."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class Basis(StrEnum):
    """Where a rate comes from."""

    MEASURED = "measured"
    ESTIMATED = "estimated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """Latency a served model must meet at the rated point."""

    ttft_ms: float | None = None
    """95th percentile of the time to first token."""
    tpot_ms: float | None = None
    """Time per output token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What decides which node can hold a model. Sizes in GiB, element sizes in bytes."""

    weights_gib: float
    layers: int
    kv_heads: int
    head_dim: int
    kv_element_bytes: float = 2.0
    native_context_tokens: int
    extended_context_tokens: int | None = None
    """Limit with a context extension such as YaRN; None: not used."""
    gpu_memory_utilization: float = 0.9
    hidden_size: int | None = None
    """Width of the residual stream; sizes a prefill's activations with `intermediate_size`. None: not counted."""
    intermediate_size: int | None = None
    """Width of the feed-forward layer."""
    prefill_chunk_tokens: int | None = None
    """Most tokens of one prefill pass (vLLM's max_num_batched_tokens); None: the whole context in one pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model of the fleet."""

    name: str
    profile: str
    """Name of the throughput profile."""
    slo: Slo = Slo()
    cache_hit_ratio: float = 0.0
    unserved_usd_mtok: Decimal | None = None
    """None: the policy's."""
    memory: Memory | None = None
    context_tokens: int | None = None
    """Context each request may use; None: the profile's own lengths."""
    input_tokens: float | None = None
    """Mean input tokens of a request; None: unknown, the profile's own."""
    output_tokens: float | None = None
    load_time_s: float = 120.0
    """Seconds to load the weights into a running node."""
    max_concurrency: float | None = None
    """Most requests in flight on a node; 1 is "no batching". None: what the SLO and memory allow."""
    throughput_factor: float = 1.0
    """Rates of every node over those of the profile, at the same latency: 0.9 where yours do a tenth less."""
    throughput_factor_by_offer: dict[str, float] = field(default_factory=dict)
    """The same of nodes of one offer, by its id, times `throughput_factor`: what was measured of them."""

    def own_factor_on(self, offer_id: str) -> float:
        """What is said of the offer alone; what follows # in an id tells owned servers of it apart."""
        return self.throughput_factor_by_offer.get(offer_id.partition("#")[0], 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What one node of an offer sustains of a model at the rated point."""

    prefill_tok_s: float
    """P: input tok/s of a node doing only prefill."""
    decode_tok_s: float
    """G: output tok/s of a node doing only decode."""
    basis: Basis
    concurrency: float | None = None
    """Requests in flight at the rated point."""
    rule: str = ""
    """How P and G came about, in a few words."""
    source: str = ""
    source_date: str = ""
    residual_ratio: float | None = None
    """Largest relative error of the two-rate fit over its workloads; None where there was nothing to fit."""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """Why an offer cannot serve a model."""

    reason: str
