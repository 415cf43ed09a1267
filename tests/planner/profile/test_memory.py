"""Memory fit, with the chargeback guide's context lengths on an A10G recomputed from the models' configurations."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.catalog.offer import Offer, Role
from planner.profile import memory as fit
from planner.profile.model import Memory
from policies.billing import Billing


def an_offer(**figures: object) -> Offer:
    values: dict[str, object] = {
        "id": "aws/g5.4xlarge",
        "provider": "aws",
        "product": "g5.4xlarge",
        "role": Role.BURST,
        "region": "us-east-1",
        "billing": Billing.SECOND,
        "price_usd_hour": Decimal("1.624"),
        "price_date": date(2026, 7, 20),
        "source": "test",
        "gpu": "A10G",
        "gpu_count": 1,
        "gpu_memory_gib": 24.0,
    }
    return Offer(**{**values, **figures})  # type: ignore[arg-type]  # a builder: the caller names the fields


# config.json of Qwen/Qwen3-8B, Qwen/Qwen2.5-7B-Instruct and meta-llama/Meta-Llama-3-8B-Instruct.
# Weights: parameters x 2 B.
QWEN3_8B = Memory(
    weights_gib=8_190_735_360 * 2 / 1024**3,
    layers=36,
    kv_heads=8,
    head_dim=128,
    native_context_tokens=32_768,
    extended_context_tokens=131_072,
    hidden_size=4096,
    intermediate_size=12_288,
)
QWEN25_7B = Memory(
    weights_gib=7_615_616_512 * 2 / 1024**3,
    layers=28,
    kv_heads=4,
    head_dim=128,
    native_context_tokens=32_768,
    hidden_size=3584,
    intermediate_size=18_944,
)
LLAMA3_8B = Memory(
    weights_gib=8_030_261_248 * 2 / 1024**3,
    layers=32,
    kv_heads=8,
    head_dim=128,
    native_context_tokens=8192,
    hidden_size=4096,
    intermediate_size=14_336,
)


def test_qwen3_8b_on_an_a10g_holds_the_20k_context_of_the_chargeback_guide() -> None:
    """The guide: 20K context for Qwen3-8B on a 24 GB A10G at gpu_memory_utilization 0.9, limited by the KV cache.

    memory     an A10G reports 22.06 GiB of its 24 GB; x 0.9                                   = 19.85 GiB
    weights    8,190,735,360 parameters x 2 B                                                  = 15.26 GiB, leaving 4.60
    KV cache   2 x 36 layers x 8 heads x 128 x 2 B                                             = 147,456 B a token
    prefill    the whole context in one pass: (3 x 12,288 + 2 x 4,096) x 2 B of activations    =  90,112 B a token
    context    4.60 GiB / 237,568 B                                                            = 20,779 tokens: 20K

    The KV cache alone would let 33,478 tokens fit: what makes it 20K is that vLLM without chunked prefill reserves the
    activations of a prefill as long as the context. The guide leaves out both that and the 1.94 GB the card keeps back.
    """
    available = fit.available_gib(QWEN3_8B, an_offer())

    assert available is not None
    assert available == pytest.approx(0.9 * 22.06)
    assert fit.kv_bytes_token(QWEN3_8B) == 147_456
    assert fit.activation_bytes_token(QWEN3_8B) == 90_112
    longest = fit.max_model_len(QWEN3_8B, available)
    assert longest // 1024 == 20
    assert longest == 20_779


def test_the_kv_cache_alone_would_hold_more_than_qwen3s_native_context() -> None:
    """4.60 GiB / 147,456 B = 33,478 tokens: without the activations the native 32K fits, not the guide's 20K."""
    available = fit.available_gib(QWEN3_8B, an_offer())
    assert available is not None
    without = Memory(
        weights_gib=QWEN3_8B.weights_gib, layers=36, kv_heads=8, head_dim=128, native_context_tokens=32_768
    )

    assert fit.max_model_len(without, available) == 32_768


def test_chunked_prefill_lets_qwen3_8b_have_more_context_on_the_same_card() -> None:
    """With passes of 2,048 tokens the activations are 0.17 GiB: (4.60 - 0.17) GiB / 147,456 B is over 32,000 tokens."""
    chunked = Memory(
        weights_gib=QWEN3_8B.weights_gib,
        layers=36,
        kv_heads=8,
        head_dim=128,
        native_context_tokens=32_768,
        hidden_size=4096,
        intermediate_size=12_288,
        prefill_chunk_tokens=2048,
    )
    available = fit.available_gib(chunked, an_offer())
    assert available is not None

    assert 32_000 < fit.max_model_len(chunked, available) < 32_768


@pytest.mark.parametrize(
    ("memory", "tokens"),
    [
        pytest.param(QWEN25_7B, 32_768, id="Qwen2.5-7B: half the KV cache per token, native 32K fits"),
        pytest.param(LLAMA3_8B, 8_192, id="Llama-3-8B: limited by its native 8K, not by memory"),
    ],
)
def test_the_other_models_of_the_guide_reach_their_native_context(memory: Memory, tokens: int) -> None:
    available = fit.available_gib(memory, an_offer())

    assert available is not None
    assert fit.max_model_len(memory, available) == tokens


def test_an_extension_counts_only_as_far_as_memory_goes() -> None:
    """Two cards: (39.71 - 15.26) GiB / 237,568 B is 110,500 tokens: above the native 32K, below YaRN's 131K."""
    available = fit.available_gib(QWEN3_8B, an_offer(gpu_count=2))

    assert available is not None
    assert 32_768 < fit.max_model_len(QWEN3_8B, available) < 131_072


def test_a_split_over_cards_counts_the_memory_of_all_of_them() -> None:
    one, four = (fit.available_gib(QWEN3_8B, an_offer(gpu_count=count)) for count in (1, 4))

    assert one is not None
    assert four == pytest.approx(4 * one)


def test_a_cpu_node_uses_its_own_memory() -> None:
    """16 GiB x 0.9 = 14.4: Llama-3-8B's 14.96 GiB of weights do not fit."""
    available = fit.available_gib(LLAMA3_8B, an_offer(gpu=None, gpu_count=0, gpu_memory_gib=None, memory_gib=16.0))

    assert available == pytest.approx(14.4)
    assert fit.max_model_len(LLAMA3_8B, 14.4) == 0
    assert fit.max_concurrency(LLAMA3_8B, 14.4, 1024) == 0


def test_memory_that_is_not_known_is_unknown_not_zero() -> None:
    assert fit.available_gib(LLAMA3_8B, an_offer(gpu=None, gpu_count=0, gpu_memory_gib=None, memory_gib=None)) is None
    assert fit.available_gib(LLAMA3_8B, an_offer(gpu_memory_gib=None)) is None


def test_a_card_without_a_reported_figure_is_credited_with_less_than_its_nameplate() -> None:
    """48 GB of a card nobody reported on: 48 x 0.92 x 0.9."""
    assert fit.available_gib(LLAMA3_8B, an_offer(gpu="X1", gpu_memory_gib=48.0)) == pytest.approx(48 * 0.92 * 0.9)


@given(st.floats(1, 200), st.integers(1, 8192), st.floats(1, 64))
def test_what_is_said_to_fit_does(available: float, context: int, concurrency: float) -> None:
    held = fit.max_concurrency(LLAMA3_8B, available, context)
    needed = fit.needed_gib(LLAMA3_8B, context_tokens=context, concurrency=concurrency)

    assert (needed <= available) == (concurrency <= held) or abs(needed - available) < 1e-6


@given(st.floats(15.5, 60), st.integers(256, 16_384))
def test_one_request_of_max_model_len_fits_and_one_token_more_does_not(available: float, chunk: int) -> None:
    memory = Memory(
        weights_gib=15.0,
        layers=32,
        kv_heads=8,
        head_dim=128,
        native_context_tokens=10**9,
        hidden_size=4096,
        intermediate_size=14_336,
        prefill_chunk_tokens=chunk,
    )
    longest = fit.max_model_len(memory, available)

    assert fit.needed_gib(memory, context_tokens=longest, concurrency=1) <= available + 1e-9
    assert fit.needed_gib(memory, context_tokens=longest + 1, concurrency=1) > available - 1e-9
