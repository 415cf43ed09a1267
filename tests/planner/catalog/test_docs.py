"""The examples of docs/catalog.md and docs/billing.md are read by the reader they describe."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from planner.catalog.offer import Role
from planner.catalog.read import FxRate, read_catalog

DOCS = Path(__file__).parents[3] / "docs"
RATE = FxRate(usd_per_eur=Decimal("1.25"), date=date(2026, 9, 25), source="a bank")


def example(page: str) -> str:
    found = re.search(r"^ *```toml\n(.*?)^ *```", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_example_catalog_loads() -> None:
    catalog = read_catalog(example("catalog.md"), "catalog.md", fx=RATE)
    offer = catalog["gcp/g2-standard-8"]
    assert offer.price_usd_hour == Decimal("0.9875")
    assert (offer.gpu, offer.count_group) == ("L4", "gcp-quota")
    assert [item.id for item in catalog.left_out] == ["gcp/a3-highgpu-8g"]


def test_a_savings_plan_is_a_base_offer() -> None:
    header = 'provider="ovh"\nprice_date=2026-11-01\ncurrency="USD"\nnet_of_vat=true\nsource="mine"\n'
    catalog = read_catalog(header + example("billing.md"), "billing.md")
    assert catalog["ovh/b3-64/savings-plan"].role is Role.BASE
    assert catalog["ovh/b3-64/savings-plan"].fee_usd_month == 190


@pytest.mark.parametrize("word", ["@zone", "also_base", "savings_ratio", "group_max", "left_out", "price_usd_hour"])
def test_the_page_names_the_keys(word: str) -> None:
    assert word in (DOCS / "catalog.md").read_text("utf-8")
