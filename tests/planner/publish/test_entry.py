"""Entries at a gateway: what a price makes of them, and when it is not worth a change."""

from decimal import Decimal
from typing import Any

import pytest

from planner.fleet.publish import PublishedModel, PublishSettings
from planner.publish.entry import Kind, Price, changes_of, costs_of

FIVE_PERCENT = Decimal("0.05")


def price(low: str = "0.000003", high: str = "0.000009", **more: Any) -> Price:
    values: dict[str, Any] = {
        "model": "qwen",
        "input_usd_token": Decimal(low),
        "output_usd_token": Decimal(high),
        "max_tokens": 20480,
        "description": "qwen on aws/g5.2xlarge (USD 1.2120/h)",
        "policy": "cost",
    }
    return Price(**(values | more))


NEW = PublishedModel(
    model="qwen",
    name="qwen2.5-7b-instruct",
    api_base="http://svc:8000/v1",
    served_model="/mnt/models",
    base_model="Qwen/Qwen2.5-7B-Instruct",
)


def test_a_new_model_is_the_body_the_chargeback_guide_posts() -> None:
    (change,) = changes_of(price(), NEW, [], min_change_ratio=FIVE_PERCENT)
    assert change.kind is Kind.CREATED
    costs = {"input_cost_per_token": 0.000003, "output_cost_per_token": 0.000009}
    assert change.after == {
        "model_name": "qwen2.5-7b-instruct",
        "litellm_params": {
            "model": "openai//mnt/models",
            "api_base": "http://svc:8000/v1",
            "api_key": "not-needed",
            **costs,
        },
        "model_info": {
            "id": "qwen2.5-7b-instruct",
            "mode": "chat",
            "description": "qwen on aws/g5.2xlarge (USD 1.2120/h)",
            "max_tokens": 20480,
            "base_model": "Qwen/Qwen2.5-7B-Instruct",
            "baseload_made_of": {},
            **costs,
        },
    }


def test_a_model_nobody_serves_yet_needs_to_say_where() -> None:
    with pytest.raises(ValueError, match="expected api_base"):
        changes_of(price(), PublishedModel(model="qwen"), [], min_change_ratio=FIVE_PERCENT)


def held(low: object, high: object, **info: object) -> dict[str, Any]:
    return {
        "model_name": "qwen",
        "litellm_params": {"model": "openai/q", "input_cost_per_token": low, "output_cost_per_token": high},
        "model_info": {"id": "a", **info},
    }


@pytest.mark.parametrize(
    ("low", "high", "kind", "moved"),
    [
        ("0.000003", "0.000009", Kind.KEPT, "0"),
        ("0.00000314", "0.000009", Kind.KEPT, "0.0467"),
        ("0.00000315", "0.000009", Kind.UPDATED, "0.05"),
        ("0.000003", "0.0000085", Kind.UPDATED, "0.0556"),
    ],
)
def test_only_moves_of_five_percent_are_published(low: str, high: str, kind: Kind, moved: str) -> None:
    entry = held(3e-06, 9e-06, team="a", mode="chat", max_tokens=20480)
    (change,) = changes_of(price(low, high), PublishedModel(model="qwen"), [entry], min_change_ratio=FIVE_PERCENT)
    assert change.kind is kind
    assert change.moved_ratio == (
        Decimal(0) if kind is Kind.KEPT else pytest.approx(Decimal(moved), abs=Decimal("0.001"))
    )
    assert change.after["model_info"]["team"] == "a"
    assert entry == held(
        3e-06, 9e-06, team="a", mode="chat", max_tokens=20480
    )  # what the gateway said is not written into
    assert (change.after == entry) is (kind is Kind.KEPT)


def test_a_price_of_nothing_is_always_replaced() -> None:
    for entry in (held(0, 0), {"model_name": "qwen"}, held(None, None)):
        (change,) = changes_of(price(), PublishedModel(model="qwen"), [entry], min_change_ratio=Decimal(9))
        assert change.kind is Kind.UPDATED
        assert change.after["litellm_params"]["output_cost_per_token"] == 9e-06


def test_every_entry_of_a_model_is_priced() -> None:
    other = {"model_name": "other"}
    found = changes_of(
        price(), PublishedModel(model="qwen"), [held(1, 1), other, held(2, 2)], min_change_ratio=FIVE_PERCENT
    )
    assert [change.place for change in found] == [0, 2]


def test_prices_are_rounded_once_and_read_back_as_they_are() -> None:
    found = price("0.00000089070512345", "0.0000010746119999")
    assert str(found.input_usd_token) == "8.90705E-7"
    assert costs_of(found) == {"input_cost_per_token": 8.90705e-07, "output_cost_per_token": 1.074612e-06}
    assert Decimal(str(costs_of(found)["input_cost_per_token"])) == found.input_usd_token


def test_a_price_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="input_usd_token must be above 0"):
        price("0.0000000000001")


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match=r"os\.environ/NAME"):
        PublishedModel(model="a", api_key="sk-secret")
    with pytest.raises(ValueError, match="appears twice"):
        PublishSettings(model=(PublishedModel(model="a"), PublishedModel(model="a")))
    with pytest.raises(ValueError, match="expected config_file too"):
        PublishSettings(reload_command=("true",))
    assert PublishSettings().of("any") == PublishedModel(model="any")


def test_one_name_has_one_price_even_where_one_of_its_entries_hardly_moved() -> None:
    near, far = held(3e-06, 9e-06), held(2e-06, 9e-06)
    found = changes_of(price("0.00000301"), PublishedModel(model="qwen"), [near, far], min_change_ratio=FIVE_PERCENT)
    assert [change.after["litellm_params"]["input_cost_per_token"] for change in found] == [3.01e-06] * 2
    assert [change.is_repriced for change in found] == [True, True]


def test_a_kept_price_does_not_keep_back_a_shorter_context() -> None:
    entry = held(3e-06, 9e-06, mode="chat", max_tokens=32768, description="as it was")
    (change,) = changes_of(price("0.00000301"), PublishedModel(model="qwen"), [entry], min_change_ratio=FIVE_PERCENT)
    assert change.kind is Kind.UPDATED
    assert not change.is_repriced
    assert change.after["model_info"]["max_tokens"] == 20480
    assert change.after["model_info"]["description"] == "as it was"
    assert change.after["litellm_params"] == entry["litellm_params"]


def test_two_models_of_the_fleet_cannot_have_one_name_at_the_gateway() -> None:
    with pytest.raises(ValueError, match="name 'b' appears twice"):
        PublishSettings(model=(PublishedModel(model="a", name="b"), PublishedModel(model="b")))
