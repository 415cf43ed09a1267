"""LiteLLM's config.yaml: prices go in, everything else stays as a person wrote it."""

from decimal import Decimal

import pytest
import yaml

from planner.errors import InputError
from planner.fleet.publish import PublishedModel
from planner.publish.config_file import diff, entries_of, with_changes
from planner.publish.entry import Price, changes_of

TEXT = """# our gateway
model_list:
  - model_name: qwen   # the small one
    litellm_params:
      model: "openai/q"
      input_cost_per_token: 1e-06
    model_info: {id: qwen, team: a}
  - model_name: other
    litellm_params: {model: openai/gpt-4o}
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY  # stays
"""
HOW = PublishedModel(model="qwen")


def priced(text: str, low: str, how: PublishedModel = HOW) -> str:
    price = Price(
        model="qwen",
        input_usd_token=Decimal(low),
        output_usd_token=Decimal("0.000009"),
        max_tokens=8192,
        description="on ax102: 3 of 4",
        policy="cost",
    )
    changes = changes_of(price, how, entries_of(text, source="c.yaml"), min_change_ratio=Decimal("0.05"))
    return with_changes(text, changes, source="c.yaml")


def test_prices_are_put_in_and_the_rest_stays() -> None:
    written = priced(TEXT, "0.0000007")
    first, other = yaml.safe_load(written)["model_list"]
    assert first["litellm_params"] == {
        "model": "openai/q",
        "input_cost_per_token": 0.0000007,  # a number, also to YAML 1.1, where 7e-07 is a text
        "output_cost_per_token": 0.000009,
    }
    assert first["model_info"]["team"] == "a"
    assert first["model_info"]["max_tokens"] == 8192
    assert other == {"model_name": "other", "litellm_params": {"model": "openai/gpt-4o"}}
    for kept in ("# our gateway", "# the small one", '"openai/q"', "# stays"):
        assert kept in written


def test_publishing_twice_changes_nothing() -> None:
    once = priced(TEXT, "0.0000007")
    assert priced(once, "0.0000007") == once


def test_a_model_is_added_to_a_file_that_has_none() -> None:
    how = PublishedModel(model="qwen", api_base="http://h/v1")
    for text in ("", "general_settings: {a: 1}\n"):
        (entry,) = yaml.safe_load(priced(text, "0.000003", how))["model_list"]
        assert entry["litellm_params"]["api_base"] == "http://h/v1"


def test_a_diff_shows_what_a_dry_run_would_write() -> None:
    lines = diff(TEXT, priced(TEXT, "0.0000007"), source="c.yaml")
    assert "-      input_cost_per_token: 1e-06" in lines
    assert "+      input_cost_per_token: 0.0000007" in lines


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "c.yaml: not readable as YAML"),
        ("- a\n", "c.yaml: expected a table with model_list"),
        ("model_list: 3\n", "c.yaml: model_list: expected a list of models"),
    ],
)
def test_a_file_that_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        entries_of(text, source="c.yaml")
    assert said in str(caught.value)


def test_keys_written_without_a_value_are_filled() -> None:
    written = priced("model_list:\n  - model_name: qwen\n    litellm_params:\n    model_info:\n", "0.000003")
    (entry,) = yaml.safe_load(written)["model_list"]
    assert entry["litellm_params"]["input_cost_per_token"] == 0.000003
