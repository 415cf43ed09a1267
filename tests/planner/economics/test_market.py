"""The market: which class a hosted model is in, the reference of a class, and where a price of ours stands."""

from datetime import date
from decimal import Decimal

import pytest

from planner.economics.market import (
    CLASSES,
    HostedModel,
    HostedPrices,
    Market,
    class_of,
    market_of,
    size_class,
    standing,
)
from planner.exchange.hosted_prices import shipped_hosted_prices

USD = Decimal


@pytest.mark.parametrize(
    ("provider", "model", "found"),
    [
        pytest.param("groq", "llama-3.1-8b-instant", "7-8B", id="8B"),
        pytest.param("novita", "qwen/qwen2.5-7b-instruct", "7-8B", id="7B, not 2.5"),
        pytest.param("fireworks_ai", "qwen2p5-72b-instruct", "70B", id="p for a point"),
        pytest.param("together_ai", "Qwen/Qwen2-1.5B-Instruct", "1-4B", id="1.5B"),
        pytest.param("deepinfra", "google/gemma-4-E4B-it", "1-4B", id="effective 4B"),
        pytest.param("deepinfra", "Qwen/Qwen3-32B", "30-34B", id="32B"),
        pytest.param("deepinfra", "Qwen/Qwen3-30B-A3B", None, id="a mixture by its active part"),
        pytest.param("deepinfra", "mistralai/Mixtral-8x7B-Instruct-v0.1", None, id="a mixture by its experts"),
        pytest.param("deepinfra", "meta-llama/Llama-4-Scout-17B-16E-Instruct", None, id="sixteen experts"),
        pytest.param("deepinfra", "meta-llama/Llama-Guard-3-8B", None, id="a guard is no chat model"),
        pytest.param("together_ai", "Qwen/Qwen3-VL-8B-Instruct", None, id="sees images"),
        pytest.param("deepinfra", "moonshotai/Kimi-K2-Instruct", None, id="names no size"),
        pytest.param("deepinfra", "meta-llama/Llama-3.1-405B", None, id="a size beyond the classes"),
        pytest.param("openai", "gpt-4o-mini", "frontier-small", id="mini"),
        pytest.param("openai", "gpt-4o", "frontier-large", id="gpt-4o"),
        pytest.param("gemini", "gemini-2.5-pro", "frontier-large", id="gemini is not mini"),
        pytest.param("gemini", "gemini-2.5-flash", "frontier-small", id="flash"),
        pytest.param("anthropic", "claude-haiku-4-5", "frontier-small", id="haiku"),
        pytest.param("openai", "ft:gpt-4o-mini-2024-07-18", None, id="fine-tuned"),
    ],
)
def test_a_class_is_told_by_the_name(provider: str, model: str, found: str | None) -> None:
    assert class_of(provider, model) == found


@pytest.mark.parametrize(
    ("name", "found"),
    [("llama-7b-q4", "7-8B"), ("guide-30b-1.58bit", "30-34B"), ("7b_1.58bit", "7-8B"), ("chat", None)],
)
def test_the_class_of_our_own_model_is_told_the_same_way(name: str, found: str | None) -> None:
    assert size_class(name) == found


def a_market(**changes: object) -> Market:
    def model(provider: str, name: str, input_usd: str, output_usd: str, retires: date | None = None) -> HostedModel:
        return HostedModel(
            provider=provider,
            model=name,
            input_usd_mtok=USD(input_usd),
            output_usd_mtok=USD(output_usd),
            model_class="7-8B",
            retires_on=retires,
        )

    prices = HostedPrices(
        models=(
            model("groq", "llama", "0.05", "0.08"),
            model("together", "llama-turbo", "0.18", "0.18"),
            model("together", "llama", "0.18", "0.18"),
            model("dear", "llama", "0.30", "0.50"),
            model("gone", "llama", "0.01", "0.01", date(2026, 11, 12)),
            model("gift", "llama:free", "0", "0"),
        ),
        price_date=date(2026, 11, 12),
        source="a list",
    )
    options = {"input_tokens": USD(1), "output_tokens": USD(1)} | changes
    market = market_of(prices, "7-8B", **options)  # type: ignore[arg-type]
    assert market is not None
    return market


def test_prices_are_blended_at_the_mix_and_cheapest_first() -> None:
    assert [row.blended_usd_mtok for row in a_market().rows] == [USD("0.065"), USD("0.18"), USD("0.40")]
    assert a_market(input_tokens=USD(3)).rows[0].blended_usd_mtok == USD("0.0575")


def test_one_provider_at_one_price_counts_once_the_retired_and_the_free_not_at_all() -> None:
    rows = a_market().rows
    assert [(row.provider, row.model, row.others) for row in rows] == [
        ("groq", "llama", 0),
        ("together", "llama", 1),
        ("dear", "llama", 0),
    ]


def test_the_reference_is_the_median_another_quantile_or_ones_own() -> None:
    assert a_market().reference_usd_mtok == USD("0.18")
    assert a_market(quantile=USD("0.75")).reference_usd_mtok == USD("0.29")
    own = a_market(reference_usd_mtok=USD("0.25"))
    assert (own.reference_usd_mtok, own.is_own_reference) == (USD("0.25"), True)


def test_a_price_stands_by_how_many_are_dearer() -> None:
    found = standing(a_market(), "startup", USD("0.09"))
    assert (found.dearer_ratio, found.of_reference_ratio) == (USD(2) / 3, USD("0.5"))
    assert standing(a_market(), "dear", USD(1)).dearer_ratio == 0
    dearest = a_market().rows[-1].blended_usd_mtok
    assert standing(a_market(), "as dear as the dearest", dearest).dearer_ratio == 0


def test_a_class_without_models_or_with_free_ones_alone_is_no_market() -> None:
    empty = HostedPrices(models=(), price_date=None, source="")
    assert market_of(empty, "70B", input_tokens=USD(1), output_tokens=USD(1)) is None
    free = HostedModel(
        provider="gift", model="llama-70b:free", input_usd_mtok=USD(0), output_usd_mtok=USD(0), model_class="70B"
    )
    gifts = HostedPrices(models=(free,), price_date=None, source="")
    assert market_of(gifts, "70B", input_tokens=USD(1), output_tokens=USD(1)) is None


def test_the_shipped_list_is_dated_and_fills_every_class() -> None:
    prices = shipped_hosted_prices()
    assert prices.price_date == date(2026, 11, 12)
    assert "LiteLLM 1.109.1" in prices.source
    for model_class in CLASSES:
        market = market_of(prices, model_class, input_tokens=USD(1), output_tokens=USD(1))
        assert market is not None
        assert len(market.rows) >= 10
    ours = {(one.provider, one.model): one for one in prices.models}
    mini = ours["openai", "gpt-4o-mini"]
    assert (mini.input_usd_mtok, mini.output_usd_mtok, mini.model_class) == (USD("0.15"), USD("0.6"), "frontier-small")
