"""Dialects: whose metric names say what. Tables of data, newest names first; pure.

Sources, looked at 2026-11-26: vLLM's metrics design page and `vllm/v1/metrics/loggers.py`; llama.cpp's
`tools/server/README.md` and the names its server answers with; LiteLLM's `types/integrations/prometheus.py`; SGLang's
page on production metrics.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The names of one engine. Where several are given, the first that a target has counts, never two of them."""

    engine: str
    input_tokens: tuple[str, ...]
    """Counter of input tokens."""
    cached_input_tokens: tuple[str, ...] = ()
    """Counter of those found in the cache, where `input_tokens` leaves them out."""
    output_tokens: tuple[str, ...]
    finished: tuple[str, ...] = ()
    """Counter of requests that ended, however they did."""
    running: tuple[str, ...] = ()
    """Gauge of requests that are worked on."""
    waiting: tuple[str, ...] = ()
    """Gauge of requests that were accepted and have not begun."""
    cache_queries: tuple[str, ...] = ()
    cache_hits: tuple[str, ...] = ()
    """Counters of tokens looked for in the prefix cache, and found."""
    kv_cache_ratio: tuple[str, ...] = ()
    """Gauge of the part of the KV cache that is in use."""
    preemptions: tuple[str, ...] = ()
    """Counter of requests put back into the queue."""
    request_input: tuple[tuple[str, str], ...] = ()
    request_output: tuple[tuple[str, str], ...] = ()
    """Pairs of counters of ended requests, tokens and number, whose quotient is a mean request; none: not measured."""
    ttft: tuple[str, ...] = ()
    """Histogram of the time to first token, seconds, waiting included."""
    tpot: tuple[str, ...] = ()
    """Histogram of the time per output token, seconds; by request before by token."""
    model_labels: tuple[str, ...]
    """Labels that may name the model, the best first."""
    input_counted: Literal["begun", "finished"]
    """When a request's input tokens are counted."""
    output_counted: Literal["generated", "finished"]
    """When its output tokens are."""
    is_gateway: bool = False
    """Its targets are proxies before the nodes, not nodes."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every metric that is read over the window."""
        return (
            *self.input_tokens,
            *self.cached_input_tokens,
            *self.output_tokens,
            *self.finished,
            *self.running,
            *self.waiting,
            *self.cache_queries,
            *self.cache_hits,
            *self.kv_cache_ratio,
            *self.preemptions,
        )


VLLM = Dialect(
    engine="vllm",
    input_tokens=("vllm:prompt_tokens_total",),
    output_tokens=("vllm:generation_tokens_total",),
    finished=("vllm:request_success_total",),
    running=("vllm:num_requests_running",),
    waiting=("vllm:num_requests_waiting",),
    cache_queries=("vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"),
    cache_hits=("vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total"),
    kv_cache_ratio=("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),
    preemptions=("vllm:num_preemptions_total",),
    request_input=(("vllm:request_prompt_tokens_sum", "vllm:request_prompt_tokens_count"),),
    request_output=(("vllm:request_generation_tokens_sum", "vllm:request_generation_tokens_count"),),
    ttft=("vllm:time_to_first_token_seconds",),
    tpot=(
        "vllm:request_time_per_output_token_seconds",
        "vllm:inter_token_latency_seconds",
        "vllm:time_per_output_token_seconds",
    ),
    model_labels=("model", "model_name"),  # `model` is a label of the target, as our own target files give it
    input_counted="begun",
    output_counted="generated",
)

LLAMA_CPP = Dialect(
    engine="llama.cpp",
    input_tokens=("llamacpp:prompt_tokens_total",),
    cached_input_tokens=("llamacpp:prompt_tokens_cached_total",),  # since August 2026
    output_tokens=("llamacpp:tokens_predicted_total",),
    running=("llamacpp:requests_processing",),
    waiting=("llamacpp:requests_deferred",),
    kv_cache_ratio=("llamacpp:kv_cache_usage_ratio",),  # until 2025
    model_labels=("model",),  # the server says none; the target's own
    input_counted="begun",
    output_counted="generated",
)

LITELLM = Dialect(
    engine="litellm",
    input_tokens=("litellm_input_tokens_metric_total", "litellm_input_tokens_total"),
    output_tokens=("litellm_output_tokens_metric_total", "litellm_output_tokens_total"),
    finished=("litellm_proxy_total_requests_metric_total",),
    running=("litellm_in_flight_requests",),
    cache_hits=("litellm_input_cached_tokens_metric_total",),
    request_input=(
        ("litellm_input_tokens_metric_total", "litellm_proxy_total_requests_metric_total"),
        ("litellm_input_tokens_total", "litellm_proxy_total_requests_metric_total"),
    ),
    request_output=(
        ("litellm_output_tokens_metric_total", "litellm_proxy_total_requests_metric_total"),
        ("litellm_output_tokens_total", "litellm_proxy_total_requests_metric_total"),
    ),
    model_labels=("requested_model", "model_group", "model"),
    input_counted="finished",
    output_counted="finished",
    is_gateway=True,
)

SGLANG = Dialect(
    engine="sglang",
    input_tokens=("sglang:prompt_tokens_total",),
    output_tokens=("sglang:generation_tokens_total",),
    finished=("sglang:num_requests_total",),
    running=("sglang:num_running_reqs",),
    waiting=("sglang:num_queue_reqs",),
    cache_hits=("sglang:cached_tokens_total",),
    request_input=(("sglang:prompt_tokens_total", "sglang:num_requests_total"),),
    request_output=(("sglang:generation_tokens_total", "sglang:num_requests_total"),),
    kv_cache_ratio=("sglang:token_usage",),
    model_labels=("model", "model_name"),
    input_counted="finished",
    output_counted="finished",
)

DIALECTS: Mapping[str, Dialect] = MappingProxyType({one.engine: one for one in (VLLM, LLAMA_CPP, LITELLM, SGLANG)})
"""By engine, as `[metrics] engine` names it."""


def first_of(names: tuple[str, ...], present: Container[str]) -> str | None:
    """The newest of the names that is present; None: none is."""
    return next((name for name in names if name in present), None)
