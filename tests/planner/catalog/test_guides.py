"""The guides' own tables, reproduced from examples/guides/catalog.toml."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from planner.catalog.listing import quoted_usd_hour, usd_mtok
from planner.catalog.read import read_catalog, shipped_catalog
from policies.billing import Billing

FILE = Path(__file__).parents[3] / "examples" / "guides" / "catalog.toml"
CATALOG = read_catalog(FILE.read_text("utf-8"), FILE.name)
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Blended:
    prefill_tok_s: float
    decode_tok_s: float
    basis: str = "the guides"


@pytest.mark.parametrize(
    ("product", "cores", "memory_gib", "monthly", "hourly"),
    [
        ("ax42", 8, 64, 54, "0.075"),
        ("ax52", 12, 128, 82, "0.114"),
        ("ax102", 24, 256, 154, "0.214"),
        ("ax162", 32, 512, 284, "0.394"),
    ],
)
def test_tier_1_dedicated_servers(product: str, cores: int, memory_gib: int, monthly: int, hourly: str) -> None:
    offer = CATALOG[f"hetzner/{product}"]
    assert (offer.cores, offer.memory_gib, offer.fee_usd_month) == (cores, memory_gib, monthly)
    assert offer.billing is Billing.MONTH
    assert quoted_usd_hour(offer).quantize(Decimal("0.001")) == Decimal(hourly)


@pytest.mark.parametrize(
    ("product", "vcpu", "memory_gib", "hourly", "gpu"),
    [
        ("b3-32", 8, 32, "0.08", None),
        ("b3-64", 16, 64, "0.16", None),
        ("b3-128", 32, 128, "0.32", None),
        ("t2-45", 8, 45, "0.45", "T4"),
    ],
)
def test_tier_2_ovh(product: str, vcpu: int, memory_gib: int, hourly: str, gpu: str | None) -> None:
    offer = CATALOG[f"ovh/{product}"]
    assert (offer.vcpu, offer.memory_gib, offer.price_usd_hour) == (vcpu, memory_gib, Decimal(hourly))
    assert offer.gpu == gpu


@pytest.mark.parametrize(
    ("product", "vcpu", "memory_gib", "on_demand"),
    [
        ("r7a.2xlarge", 8, 64, "0.45"),
        ("r7a.4xlarge", 16, 128, "0.91"),
        ("r7a.8xlarge", 32, 256, "1.81"),
        ("r7a.16xlarge", 64, 512, "3.63"),
    ],
)
def test_tier_3_aws_with_spot_at_half_of_on_demand(product: str, vcpu: int, memory_gib: int, on_demand: str) -> None:
    offer, spot = CATALOG[f"aws/{product}"], CATALOG[f"aws/{product}/spot"]
    assert (offer.vcpu, offer.memory_gib, offer.price_usd_hour) == (vcpu, memory_gib, Decimal(on_demand))
    assert spot.is_spot
    assert spot.price_usd_hour == Decimal(on_demand) / 2


@pytest.mark.parametrize(
    ("product", "vcpu", "memory_gib", "cards", "hourly"),
    [
        ("g5.xlarge", 4, 16, 1, "1.006"),
        ("g5.2xlarge", 8, 32, 1, "1.212"),
        ("g5.4xlarge", 16, 64, 1, "1.624"),
        ("g5.8xlarge", 32, 128, 1, "2.448"),
        ("g5.12xlarge", 48, 192, 4, "5.672"),
    ],
)
def test_the_chargeback_guides_g5(product: str, vcpu: int, memory_gib: int, cards: int, hourly: str) -> None:
    offer = CATALOG[f"aws/{product}"]
    assert (offer.vcpu, offer.memory_gib, offer.price_usd_hour) == (vcpu, memory_gib, Decimal(hourly))
    assert (offer.gpu, offer.gpu_count, offer.price_date.isoformat()) == ("A10G", cards, "2024-12-01")


@pytest.mark.parametrize(
    ("hourly", "tok_s", "full", "at_70", "at_50"),
    [
        pytest.param("hetzner/ax42", 80, "0.26", "0.37", "0.52", id="7B on AX42"),
        pytest.param("hetzner/ax102", 300, "0.20", "0.28", "0.40", id="7B on AX102"),
        pytest.param("ovh/b3-64", 150, "0.30", "0.42", "0.59", id="7B on b3-64"),
        pytest.param("0.200", 200, "0.28", "0.40", "0.56", id="7B on r7a.4xlarge spot"),
        pytest.param("hetzner/ax102", 80, "0.74", "1.06", "1.49", id="30B on AX102"),
        pytest.param("hetzner/ax162", 150, "0.73", "1.04", "1.46", id="30B on AX162"),
        pytest.param("ovh/b3-128", 100, "0.89", "1.27", "1.78", id="30B on b3-128"),
        pytest.param("0.450", 120, "1.04", "1.49", "2.08", id="30B on r7a.8xlarge spot"),
    ],
)
def test_cost_per_million_tokens(hourly: str, tok_s: float, full: str, at_70: str, at_50: str) -> None:
    price = quoted_usd_hour(CATALOG[hourly]) if "/" in hourly else Decimal(hourly)
    cost = usd_mtok(price, Blended(tok_s, tok_s), input_per_output=1.0)
    # The guide rounds its hourly figures first, so the last cent may differ.
    for utilization, printed in ((1.0, full), (0.7, at_70), (0.5, at_50)):
        assert abs(Decimal(cost / utilization) - Decimal(printed)) <= CENT


@pytest.mark.parametrize(
    ("offer_id", "factor"),
    [
        pytest.param("ovh/b3-64", "2.5", id="b3-64"),
        pytest.param("ovh/t2-45", "4.6", id="t2-45"),
        pytest.param("aws/r7a.4xlarge", "1.3", id="r7a.4xlarge"),
        pytest.param("aws/g5.2xlarge", "1.0", id="g5.2xlarge"),
    ],
)
def test_the_readme_says_how_far_the_guides_are_off(offer_id: str, factor: str) -> None:
    now, then = shipped_catalog()[offer_id].price_usd_hour, CATALOG[offer_id].price_usd_hour
    assert now is not None
    assert then is not None
    assert abs(now / then - Decimal(factor)) < Decimal("0.1")
