"""Reads profit scenarios: `[[scenario]]` in TOML, each a fleet, its traffic and a price. Text in; docs/price.md.

```toml
[[scenario]]
name = "small API"
price_usd_mtok = 0.30
traffic = { mtok_month = 500 }            # or { forecast = "forecast.csv" }; peak_to_mean = 2.5 where it is known

[[scenario.server]]
name = "AX102"
count = 1
usd_month = 154                           # or usd_hour, quoted at 720 h
tok_s = 300

[[scenario.burst]]
name = "b3-64"
usd_hour = 0.16
tok_s = 150
budget_usd_month = 50

[[scenario.cost]]
what = "monitoring"
usd_month = 20
```
"""

import tomllib
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from planner.catalog.nearest import nearest
from planner.economics.claims import Claim
from planner.economics.profit import (
    REALISTIC_UTILIZATION,
    ExtraCost,
    ProfitScenario,
    ScenarioBurst,
    ScenarioServer,
    Traffic,
    traffic_of_series,
)
from planner.errors import InputError
from planner.exchange.claims import claims_of
from planner.exchange.sizes import EXPECTED, is_reasonable
from policies.units import HOURS_PER_MONTH

FILE_KEYS = ("scenario", "claim")
SCENARIO_KEYS = ("name", "price_usd_mtok", "traffic", "server", "burst", "cost", "utilization")
TRAFFIC_KEYS = ("mtok_month", "forecast", "peak_to_mean")
SERVER_KEYS = ("name", "count", "usd_month", "usd_hour", "tok_s")
BURST_KEYS = ("name", "usd_hour", "tok_s", "budget_usd_month")
COST_KEYS = ("what", "usd_month")

Table = dict[str, Any]
ReadSeries = Callable[[str], Sequence[float]]
"""The tokens per second, input and output together, of each hour of a forecast file named in a scenario."""


def read_scenarios(
    text: str, *, source: str, read_series: ReadSeries
) -> tuple[tuple[ProfitScenario, ...], tuple[Claim, ...]]:
    """The scenarios of a TOML text, and the claims about them."""
    try:
        table = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise InputError(f"{source}: not readable as TOML ({' '.join(str(error).split())})") from None
    _known(table, FILE_KEYS, source)
    blocks = _blocks(table, "scenario", source)
    if not blocks:
        raise InputError(f"{source}: no [[scenario]]; expected at least one with traffic and a price")
    found = tuple(
        _scenario(block, f"{source}, [[scenario]] number {at}", read_series) for at, block in enumerate(blocks, start=1)
    )
    names = [one.name for one in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{source}, [[scenario]] {twice!r}: stands there twice; expected each name once")
    return found, claims_of(table, source)


def _scenario(block: Table, place: str, read_series: ReadSeries) -> ProfitScenario:
    _known(block, SCENARIO_KEYS, place)
    name = _text(block, "name", place)
    place = place.partition(" number ")[0] + f" {name!r}"
    servers = tuple(_server(one, f"{place}, server {at}") for at, one in _numbered(block, "server", place))
    bursts = tuple(_burst(one, f"{place}, burst {at}") for at, one in _numbered(block, "burst", place))
    if not servers and not bursts:
        raise InputError(f"{place}: no server and no burst; expected something that serves")
    utilization = _number(block, "utilization", place, default=REALISTIC_UTILIZATION)
    if not 0 < utilization <= 1:
        raise InputError(f"{place}, utilization is {utilization}; expected a ratio in (0, 1]")
    return ProfitScenario(
        name=name,
        price_usd_mtok=_positive(block, "price_usd_mtok", place),
        traffic=_traffic(block.get("traffic"), place, read_series),
        servers=servers,
        bursts=bursts,
        costs=tuple(_cost(one, f"{place}, cost {at}") for at, one in _numbered(block, "cost", place)),
        utilization=utilization,
    )


def _traffic(table: Any, place: str, read_series: ReadSeries) -> Traffic:
    place = f"{place}, traffic"
    if not isinstance(table, dict):
        raise InputError(f"{place}: missing; expected {{ mtok_month = ... }} or {{ forecast = ... }}")
    _known(table, TRAFFIC_KEYS, place)
    if ("mtok_month" in table) == ("forecast" in table):
        raise InputError(f"{place}: expected exactly one of mtok_month and forecast")
    if "forecast" in table:
        if "peak_to_mean" in table:
            raise InputError(f"{place}: peak_to_mean is the forecast's own; expected one of the two")
        path = _text(table, "forecast", place)
        try:
            return traffic_of_series(read_series(path), path)
        except ValueError as error:
            raise InputError(f"{place}: {error}") from None
    peak = _positive(table, "peak_to_mean", place) if "peak_to_mean" in table else None
    if peak is not None and peak < 1:
        raise InputError(f"{place}, peak_to_mean is {peak}; expected 1 or more")
    return Traffic(mtok_month=_positive(table, "mtok_month", place), peak_to_mean=peak)


def _server(block: Table, place: str) -> ScenarioServer:
    _known(block, SERVER_KEYS, place)
    count = block.get("count", 1)
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InputError(f"{place}, count is {count!r}; expected a whole number above 0")
    if ("usd_month" in block) == ("usd_hour" in block):
        raise InputError(f"{place}: expected exactly one of usd_month and usd_hour")
    if "usd_month" in block:
        usd_month = _positive(block, "usd_month", place)
    else:
        usd_month = _positive(block, "usd_hour", place) * HOURS_PER_MONTH
    return ScenarioServer(
        name=_text(block, "name", place), count=count, usd_month=usd_month, tok_s=_positive(block, "tok_s", place)
    )


def _burst(block: Table, place: str) -> ScenarioBurst:
    _known(block, BURST_KEYS, place)
    return ScenarioBurst(
        name=_text(block, "name", place),
        usd_hour=_positive(block, "usd_hour", place),
        tok_s=_positive(block, "tok_s", place),
        budget_usd_month=_number(block, "budget_usd_month", place, default=Decimal(0)),
    )


def _cost(block: Table, place: str) -> ExtraCost:
    _known(block, COST_KEYS, place)
    return ExtraCost(what=_text(block, "what", place), usd_month=_number(block, "usd_month", place))


def _numbered(block: Table, key: str, place: str) -> list[tuple[int, Table]]:
    return list(enumerate(_blocks(block, key, place), start=1))


def _blocks(table: Table, key: str, place: str) -> list[Table]:
    blocks = table.get(key, [])
    if not isinstance(blocks, list) or not all(isinstance(one, dict) for one in blocks):
        raise InputError(f"{place}, {key}: expected tables with two brackets, such as [[scenario.{key}]]")
    return blocks


def _known(table: Table, known: Sequence[str], place: str) -> None:
    for key in table:
        if key not in known:
            near = nearest(key, known)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
            raise InputError(f"{place}: unknown key {key!r}; {hint}")


def _positive(table: Table, key: str, place: str) -> Decimal:
    number = _number(table, key, place)
    if number == 0:
        raise InputError(f"{place}, {key} is 0; expected a number above 0")
    return number


def _number(table: Table, key: str, place: str, *, default: Decimal | None = None) -> Decimal:
    value = table.get(key, default)
    if value is None:
        raise InputError(f"{place}, {key}: missing; expected a number")
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise InputError(f"{place}, {key} is {value!r}; expected a number")
    number = Decimal(value)
    if not (number.is_finite() and number >= 0):
        raise InputError(f"{place}, {key} is {value}; expected 0 or more")
    if not is_reasonable(number):
        raise InputError(f"{place}, {key} is {str(value)[:40]}; expected {EXPECTED}")
    return number


def _text(table: Table, key: str, place: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise InputError(f"{place}, {key} is {value!r}; expected a text on one line")
    return value
