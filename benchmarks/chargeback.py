"""A month of a million usage rows, charged to teams: by the product, and row by row as a script would do it.

744 hours x 3 models x 448 tag sets (20 teams); chance: numpy.random.default_rng(20261001). Rates and leases are simple,
so that the time is that of the rows.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np

from planner.economics.bill import MonthBill, month_bill
from planner.economics.chargeback import chargeback
from planner.economics.charges import Chargeback
from planner.economics.fleet_hours import fleet_hours
from planner.ledger import TEAM, Lease, Origin, PriceInForce, ServedHours, tags_of
from planner.profile.model import Basis, Rates
from planner.store import open_ledger
from policies.billing import Billing, Tariff

START = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2026, 11, 1, tzinfo=UTC)
HOURS = 744
MODELS = ("large", "medium", "small")
TAG_SETS, TEAMS = 448, 20
OFFER = "ovh/b3-64"
PREFILL_TOK_S, DECODE_TOK_S, PRICE_USD_HOUR, NODES = 4000.0, 800.0, 0.4, 12
RATES = {
    (model, OFFER): Rates(prefill_tok_s=PREFILL_TOK_S, decode_tok_s=DECODE_TOK_S, basis=Basis.MEASURED)
    for model in MODELS
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """Usage by team, USD, and how many rows it was made of."""

    usage_usd: dict[str, float]
    rows: int


def write_ledger(path: Path) -> int:
    """A ledger with the month's leases and usage; its rows."""
    chance = np.random.default_rng(20261001)
    rows = HOURS * len(MODELS) * TAG_SETS
    hour, model, tag = (
        part.ravel().astype(np.int32)
        for part in np.meshgrid(np.arange(HOURS), np.arange(len(MODELS)), np.arange(TAG_SETS), indexing="ij")
    )
    served = ServedHours(
        start=START,
        hours=HOURS,
        models=MODELS,
        tags=tuple(tags_of({TEAM: f"team-{i % TEAMS:02}", "product": f"product-{i:03}"}) for i in range(TAG_SETS)),
        hour=hour,
        model=model,
        tag=tag,
        input_tokens=chance.integers(0, 60_000, rows),
        output_tokens=chance.integers(0, 20_000, rows),
    )
    price = PriceInForce(
        offer=OFFER,
        provider="ovh",
        tariff=Tariff(billing=Billing.STARTED_HOUR, price_usd_hour=Decimal(str(PRICE_USD_HOUR))),
    )
    leases = [
        Lease(id=f"{model}-{i}", offer=OFFER, provider="ovh", start=START, end=END, model=model, price=price)
        for model in MODELS
        for i in range(NODES)
    ]
    with open_ledger(str(path), create=True) as held:
        held.add_leases(leases, Origin(source="benchmark", sha256="1" * 64, added_at=END))
        held.add_served(served, Origin(source="benchmark", sha256="2" * 64, added_at=END))
    return rows


def charged(path: Path) -> tuple[Chargeback, MonthBill]:
    """The month's charges, from the ledger's file to whole cents."""
    with open_ledger(str(path)) as held:
        served = held.served(START, END)
        bill = month_bill(START, held.leases(START, END), as_of=END)
    return chargeback(bill, fleet_hours(bill, served, RATES), served), bill


def usage_by_team(charges: Chargeback) -> dict[str, float]:
    """Usage by team, USD."""
    usage_usd: dict[str, float] = defaultdict(float)
    for charge in charges.charges:
        usage_usd[charge.tag] += float(charge.usage_usd)
    return dict(usage_usd)


def charged_row_by_row(path: Path) -> Charged:
    """The same usage by a loop over the rows of the database, twice: work of each hour, then its shares."""
    work_s: dict[tuple[int, str], float] = defaultdict(float)
    rows = 0
    for hour, model, _, tokens_in, tokens_out in _rows(path):
        work_s[hour, model] += tokens_in / PREFILL_TOK_S + tokens_out / DECODE_TOK_S
        rows += 1
    usage_usd: dict[str, float] = defaultdict(float)
    for hour, model, team, tokens_in, tokens_out in _rows(path):
        total_s = work_s[hour, model]
        if total_s > 0:
            busy = min(total_s / 3600 / NODES, 1.0)
            share = (tokens_in / PREFILL_TOK_S + tokens_out / DECODE_TOK_S) / total_s
            usage_usd[team] += NODES * PRICE_USD_HOUR * busy * share
    return Charged(usage_usd=dict(usage_usd), rows=rows)


def _rows(path: Path) -> Iterator[tuple[int, str, str, int, int]]:
    """Hour, model, team, input and output tokens of each row of usage."""
    connection = sqlite3.connect(path)
    try:
        series = {
            number: (model, json.loads(tags)[TEAM])
            for number, model, tags in connection.execute("SELECT id, model, tags FROM ledger_series")
        }
        query = "SELECT hour, series_id, input_tokens, output_tokens FROM ledger_served"
        for hour, number, tokens_in, tokens_out in connection.execute(query):
            model, team = series[number]
            yield hour, model, team, tokens_in, tokens_out
    finally:
        connection.close()
