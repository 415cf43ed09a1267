"""Rows for `baseload profile show`."""

from datetime import date
from decimal import Decimal
from itertools import takewhile
from pathlib import Path

import pytest

from planner.catalog.offer import Offer, Role
from planner.catalog.read import shipped_catalog
from planner.profile.listing import error_rows, machine_rows, offer_row, profile_rows
from planner.profile.model import Basis, Model, Rates, Slo
from planner.profile.rate import rates_for
from planner.profile.shipped import shipped_profile, shipped_profiles
from policies.billing import Billing

DOCS = Path(__file__).parents[3] / "docs" / "profiles.md"
SLO = Slo(ttft_ms=2000, tpot_ms=200)


def an_offer(offer_id: str, **figures: object) -> Offer:
    provider, product = offer_id.split("/")[:2]
    values: dict[str, object] = {
        "id": offer_id,
        "provider": provider,
        "product": product,
        "role": Role.BURST,
        "region": "anywhere",
        "billing": Billing.STARTED_HOUR,
        "price_usd_hour": Decimal(1),
        "price_date": date(2026, 11, 1),
        "source": "test",
    }
    return Offer(**{**values, **figures})  # type: ignore[arg-type]  # a builder: the caller names the fields


def test_profiles_are_listed_with_what_is_measured_and_what_is_estimated() -> None:
    rows = {row.name: row for row in profile_rows(shipped_profiles())}

    assert list(rows) == ["llama-3.1-8b", "llama-7b-q4"]
    assert (rows["llama-7b-q4"].measured, rows["llama-7b-q4"].estimated) == (1029, 2)
    assert rows["llama-3.1-8b"].estimated == 0
    assert all(row.licence == "CC BY-SA 4.0" and row.source and row.source_date for row in rows.values())


def test_machines_are_listed_with_their_lengths_basis_source_and_date() -> None:
    rows = {row.machine: row for row in machine_rows(shipped_profile("llama-7b-q4"))}

    assert rows["aws/r7a.4xlarge"].lengths == "prompt 16/128/512/1024, output 16/128"
    assert rows["hetzner/ax102"].basis == Basis.ESTIMATED
    assert all(row.source and row.source_date for row in rows.values())
    curves = {row.machine: row for row in machine_rows(shipped_profile("llama-3.1-8b"))}
    assert curves["aws/g5.16xlarge"].lengths == "256+128, 1024+256, 4096+512"
    assert curves["aws/g5.16xlarge"].max_concurrency == 74.487


def test_an_offers_row_shows_the_curve_its_rated_point_and_a_residual_per_workload() -> None:
    offer = an_offer("aws/g5.2xlarge", gpu="A10G", gpu_count=1, gpu_memory_gib=22.49)

    row = offer_row(Model(name="m", profile="llama-3.1-8b", slo=SLO), offer, shipped_profiles())

    assert row.rates is not None
    assert {workload.workload for workload in row.workloads} == {"chat", "rag", "long"}
    assert all(workload.residual_ratio is not None for workload in row.workloads)
    for workload in row.workloads:
        (rated,) = [point for point in row.points if point.workload == workload.workload and point.is_rated]
        assert rated.concurrency == workload.concurrency
    assert row.rates.source_date


def test_an_offer_without_rates_shows_the_reason() -> None:
    row = offer_row(Model(name="m", profile="llama-7b-q4", slo=SLO), an_offer("ovh/b3-8"), shipped_profiles())

    assert row.rates is None
    assert row.reason is not None
    assert row.reason.startswith("too slow for the SLO")
    assert row.points == ()


def test_the_documentation_prints_the_leave_one_out_error_of_every_sample() -> None:
    text = DOCS.read_text(encoding="utf-8")

    rows = error_rows(shipped_profile("llama-7b-q4"))
    assert len(rows) == 18
    for row in rows:
        line = (
            f"| {row.key} | {row.prefill_measured:.1f} | {row.prefill_estimated:.1f} | {row.prefill_error:+.0%} "
            f"| {row.decode_measured:.1f} | {row.decode_estimated:.1f} | {row.decode_error:+.0%} |"
        )
        assert line in text


@pytest.mark.parametrize("profile", ["llama-7b-q4", "llama-3.1-8b"])
def test_the_documentation_prints_the_rates_of_the_shipped_offers(profile: str) -> None:
    """`| offer | P | G | in flight | basis |`, at the default SLO."""
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    catalog = {offer.id: offer for offer in shipped_catalog()}
    model = Model(name="m", profile=profile, slo=SLO)
    section = lines[lines.index(next(line for line in lines if line.startswith(f"## `{profile}`"))) :]
    start = next(number for number, line in enumerate(section) if line.startswith("| offer |")) + 2
    rows = list(takewhile(lambda line: line.startswith("|"), section[start:]))

    assert len(rows) > 10
    for row in rows:
        offer_id, prefill, decode, concurrency, basis = (cell.strip() for cell in row.strip("|").split("|"))
        found = rates_for(model, catalog[offer_id], shipped_profiles(), measured_only=False)
        assert isinstance(found, Rates), row
        shown = f"{found.prefill_tok_s:.0f} {found.decode_tok_s:.0f} {found.concurrency:.1f} {found.basis}"
        assert shown == f"{prefill} {decode} {concurrency} {basis}"
