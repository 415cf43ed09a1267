"""The door of the catalog: TOML text in, Catalog out; the shipped files, and how catalogs are put together.

Validated by hand: pydantic would take longer to import than all shipped files take to read. The format is described
in docs/catalog.md. Every complaint is one line that names the file, the offer, the key and what was expected.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from importlib import resources
from math import isclose
from typing import Any, TypeVar

from planner.catalog.nearest import nearest
from planner.catalog.offer import Catalog, LeftOut, Offer, Role
from planner.errors import InputError
from policies.billing import Billing

CURRENCIES = ("USD", "EUR")
HEADER_KEYS = (
    "provider",
    "price_date",
    "currency",
    "net_of_vat",
    "source",
    "licence",
    "notes",
    "spot_source",
    "spot_date",
    "group_max",
    "defaults",
    "offer",
    "left_out",
)
MONEY_KEYS = ("price_{}_hour", "fee_{}_month", "setup_fee_{}", "egress_{}_gb")
TEXT_KEYS = ("provider", "product", "id", "region", "zone", "cpu", "arch", "gpu", "count_group", "source", "note")
WHOLE_KEYS = ("vcpu", "cores", "gpu_count", "min_count", "max_count")
NUMBER_KEYS = ("memory_gib", "gpu_memory_gib", "lead_time_s", "interruptions_per_hour")
ENUM_KEYS: dict[str, type[StrEnum]] = {"role": Role, "billing": Billing}
FLAG_KEYS = ("is_spot", "also_base")
OFFER_KEYS = (*TEXT_KEYS, *WHOLE_KEYS, *NUMBER_KEYS, *ENUM_KEYS, *FLAG_KEYS, "price_date", "spot")
SPOT_KEYS = ("savings_ratio", "interruption_range")

HOURS_OF_ADVISOR_MONTH = 730
INTERRUPTION_RANGES: dict[str, Decimal] = {
    "<5%": Decimal("0.025"),
    "5-10%": Decimal("0.075"),
    "10-15%": Decimal("0.125"),
    "15-20%": Decimal("0.175"),
    ">20%": Decimal("0.25"),
}
"""Class of the AWS Spot Instance Advisor → share of nodes interrupted in a month: the middle of the range, 25 % for the
open one."""

Table = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class FxRate:
    """USD for one EUR on a date."""

    usd_per_eur: Decimal
    date: date
    source: str


def interruptions_per_hour(interruption_range: str) -> float:
    """Expected interruptions of a node per hour from the advisor's class: share per month ÷ 730 h.

    Raises KeyError for a class that is not one of INTERRUPTION_RANGES.
    """
    return float(INTERRUPTION_RANGES[interruption_range] / HOURS_OF_ADVISOR_MONTH)


def interruption_range_of(per_hour: float) -> str | None:
    """The class whose rate it is; None: it is no class's, but somebody's own figure."""
    for name in INTERRUPTION_RANGES:
        if isclose(per_hour, interruptions_per_hour(name), rel_tol=1e-9):
            return name
    return None


def shipped_catalog(fx: FxRate | None = None) -> Catalog:
    """All offers that come with Baseload: every file of `planner/catalog/offers`; `fx`: instead of the shipped rate."""
    folder = resources.files("planner.catalog") / "offers"
    files = sorted(
        (f for f in folder.iterdir() if f.name.endswith(".toml") and f.name != "fx.toml"), key=lambda f: f.name
    )
    rate = fx or shipped_fx()
    return merge(*(read_catalog(f.read_text("utf-8"), f.name, fx=rate) for f in files))


def shipped_fx() -> FxRate:
    """The dated rate that comes with Baseload."""
    text = (resources.files("planner.catalog") / "offers" / "fx.toml").read_text("utf-8")
    return read_fx(text, "fx.toml")


def read_fx(text: str, source_name: str) -> FxRate:
    """The rate in a TOML text with the keys usd_per_eur, date and source."""
    table = _parse(text, source_name)
    _known(table, ("usd_per_eur", "date", "source"), source_name)
    rate = _decimal(table, "usd_per_eur", source_name)
    if rate <= 0:
        raise InputError(f"{source_name}: usd_per_eur must be above 0, got {rate}")
    return FxRate(
        usd_per_eur=rate,
        date=_date(table, "date", source_name),
        source=_get(table, "source", str, source_name, "a text"),
    )


def read_catalog(text: str, source_name: str, *, fx: FxRate | None = None) -> Catalog:
    """The offers of one TOML text, prices in USD; `fx` converts a file in EUR and is the shipped rate if not given."""
    table = _parse(text, source_name)
    _known(table, HEADER_KEYS, source_name)
    currency = _get(table, "currency", str, source_name, "USD or EUR")
    if currency not in CURRENCIES:
        raise InputError(f"{source_name}: currency must be USD or EUR, got {currency!r}; convert other currencies")
    if _get(table, "net_of_vat", bool, source_name, "true") is not True:
        raise InputError(f"{source_name}: net_of_vat must be true; give prices without VAT")
    rate = None if currency == "USD" else (fx or shipped_fx())
    header = {
        "provider": _get(table, "provider", str, source_name, "a text"),
        "price_date": _date(table, "price_date", source_name),
        "source": _get(table, "source", str, source_name, "a text"),
    }
    reader = _OfferReader(
        source_name=source_name,
        currency=currency,
        to_usd=Decimal(1) if rate is None else rate.usd_per_eur,
        defaults={**header, **_get(table, "defaults", dict, source_name, "a table", default={})},
        spot_basis={key: table[key] for key in ("spot_source", "spot_date") if key in table},
    )
    try:
        return Catalog(
            offers=tuple(
                offer for row in _tables(table, "offer", source_name) for offer in reader.offers(row, source_name)
            ),
            group_max=_group_max(table, source_name),
            usd_per_eur=None if rate is None else rate.usd_per_eur,
            usd_per_eur_date=None if rate is None else rate.date,
            usd_per_eur_source="" if rate is None else rate.source,
            left_out=tuple(_left_out(row, source_name) for row in _tables(table, "left_out", source_name)),
        )
    except ValueError as error:
        raise InputError(f"{source_name}: {error}") from error


def merge(*catalogs: Catalog) -> Catalog:
    """One catalog of several: a later offer replaces an earlier one of the same id, a later group_max an earlier one.

    What one leaves out and another offers is offered. Catalogs converted at different rates are refused.
    """
    offers = {offer.id: offer for catalog in catalogs for offer in catalog}
    left_out = {item.id: item for catalog in catalogs for item in catalog.left_out if item.id not in offers}
    rated = [catalog for catalog in catalogs if catalog.usd_per_eur is not None]
    rates = {catalog.usd_per_eur for catalog in rated}
    if len(rates) > 1:
        raise InputError(
            f"catalogs use different rates of USD per EUR: {', '.join(str(r) for r in sorted(filter(None, rates)))}"
        )
    return Catalog(
        offers=tuple(offers.values()),
        group_max={name: count for catalog in catalogs for name, count in catalog.group_max.items()},
        usd_per_eur=rated[0].usd_per_eur if rated else None,
        usd_per_eur_date=rated[0].usd_per_eur_date if rated else None,
        usd_per_eur_source=rated[0].usd_per_eur_source if rated else "",
        left_out=tuple(left_out.values()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfferReader:
    """Turns one `[[offer]]` table into its offer and, where it says so, its spot or base twin."""

    source_name: str
    currency: str
    to_usd: Decimal
    defaults: Table
    spot_basis: Table

    def offers(self, row: Table, source_name: str) -> list[Offer]:
        product = row.get("product")
        if not isinstance(product, str) or not product:
            raise InputError(f'{source_name}: an offer has no product; expected a name such as product = "b3-64"')
        where = f"{source_name}: offer {row.get('id') or product}"
        money_keys = tuple(key.format(self.currency.lower()) for key in MONEY_KEYS)
        _known(row, (*OFFER_KEYS, *money_keys), where)
        _known(self.defaults, (*OFFER_KEYS, *money_keys), f"{source_name}: defaults")
        values = self._values({**self.defaults, **row}, where)
        spot, also_base = values.pop("spot", None), values.pop("also_base", False)
        try:
            offer = Offer(**values)
        except ValueError as error:
            raise InputError(f"{source_name}: {error}") from error
        twins = [offer]
        if spot is not None:
            twins.append(_spot_twin(offer, spot, self.spot_basis, where))
        if also_base:
            twins.append(_base_twin(offer, where))
        return twins

    def _values(self, row: Table, where: str) -> dict[str, Any]:
        """The keyword arguments of Offer, typed and in USD; `spot` and `also_base` pass through."""
        values: dict[str, Any] = {"currency": self.currency}
        for key, value in row.items():
            values[self._field(key)] = self._value(row, key, value, where)
        if "price_usd_hour" not in values and "fee_usd_month" not in values:
            unit = self.currency.lower()
            raise InputError(f"{where}: a price is missing; expected price_{unit}_hour or fee_{unit}_month")
        for key in ("region", "billing", "role"):
            if key not in values:
                raise InputError(f"{where}: {key} is missing; expected {_expected(key)}")
        values.setdefault("id", _offer_id(values))
        return values

    def _field(self, key: str) -> str:
        return key if self.currency == "USD" else key.replace(f"_{self.currency.lower()}", "_usd")

    def _value(self, row: Table, key: str, value: object, where: str) -> object:
        if self._field(key) in ("price_usd_hour", "fee_usd_month", "setup_fee_usd", "egress_usd_gb"):
            amount = _decimal(row, key, where)
            if amount <= 0 and key.startswith(("price", "fee")):
                raise InputError(f"{where}: {key} must be above 0, got {amount}; leave out an offer without a price")
            return amount * self.to_usd
        if key in TEXT_KEYS:
            return _get(row, key, str, where, "a text")
        if key in WHOLE_KEYS:
            return _get(row, key, int, where, "a whole number")
        if key in NUMBER_KEYS:
            return float(_decimal(row, key, where))
        if key in FLAG_KEYS:
            return _get(row, key, bool, where, "true or false")
        if key in ENUM_KEYS:
            return _enum(ENUM_KEYS[key], value, key, where)
        if key == "price_date":
            return _date(row, key, where)
        return _get(row, key, dict, where, "a table")  # spot


def _spot_twin(offer: Offer, spot: Table, basis: Table, where: str) -> Offer:
    """The spot pool beside an on-demand offer: on-demand × (1 − savings), interruptions from the advisor's class.

    Its date and source are those of the savings, the older part of the price.
    """
    _known(spot, SPOT_KEYS, f"{where}: spot")
    savings = _decimal(spot, "savings_ratio", f"{where}: spot")
    if not 0 < savings < 1:
        raise InputError(f"{where}: spot: savings_ratio must be between 0 and 1, got {savings}")
    if offer.price_usd_hour is None or offer.role is not Role.BURST or offer.is_spot:
        raise InputError(f"{where}: spot: only an on-demand offer with an hourly price has a spot twin")
    interruption_range = _get(spot, "interruption_range", str, f"{where}: spot", _expected("interruption_range"))
    if interruption_range not in INTERRUPTION_RANGES:
        raise InputError(
            f"{where}: spot: interruption_range must be {_expected('interruption_range')}, got {interruption_range!r}"
        )
    return replace(
        offer,
        id=f"{offer.id}/spot",
        is_spot=True,
        price_usd_hour=offer.price_usd_hour * (1 - savings),
        interruptions_per_hour=interruptions_per_hour(interruption_range),
        price_date=_date(basis, "spot_date", where),
        source=_get(basis, "spot_source", str, where, "a text"),
        note=f"on-demand {offer.price_usd_hour} x (1 - {savings}); interrupted {interruption_range} a month",
    )


def _base_twin(offer: Offer, where: str) -> Offer:
    """The same offer kept for the month, at its cap."""
    if offer.billing is not Billing.STARTED_HOUR_CAPPED or offer.role is not Role.BURST:
        raise InputError(f'{where}: also_base needs role "burst" and billing "started_hour_capped"')
    return replace(offer, id=f"{offer.id}/month", role=Role.BASE)


def _offer_id(values: Table) -> str:
    zone = f"@{values['zone']}" if values.get("zone") else ""
    spot = "/spot" if values.get("is_spot") else ""
    return f"{values['provider']}/{values['product']}{zone}{spot}"


def _left_out(row: Table, source_name: str) -> LeftOut:
    _known(row, ("id", "reason"), f"{source_name}: left_out {row.get('id', '')}".rstrip())
    return LeftOut(
        id=_get(row, "id", str, f"{source_name}: left_out", "a text"),
        reason=_get(row, "reason", str, f"{source_name}: left_out {row.get('id', '')}", "a text"),
    )


def _group_max(table: Table, source_name: str) -> dict[str, int]:
    groups = _get(table, "group_max", dict, source_name, "a table", default={})
    return {name: _get(groups, name, int, f"{source_name}: group_max", "a whole number") for name in groups}


def _parse(text: str, source_name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source_name}: not valid TOML: {error}") from error


def _known(table: Table, keys: Iterable[str], where: str) -> None:
    known = tuple(keys)
    for key in table:
        if key not in known:
            near = nearest(key, known)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
            raise InputError(f"{where}: unknown key {key!r}; {hint}")


def _tables(table: Table, key: str, where: str) -> list[Table]:
    rows = _get(table, key, list, where, f"[[{key}]] tables", default=[])
    if not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{where}: {key} must be [[{key}]] tables")
    return rows


def _get(table: Table, key: str, kind: type[T], where: str, expected: str, *, default: T | None = None) -> T:
    value = table.get(key, default)
    if value is None:
        raise InputError(f"{where}: {key} is missing; expected {expected}")
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InputError(f"{where}: {key} must be {expected}, got {value!r}")
    if value == "" and key not in ("note", "licence", "notes"):
        raise InputError(f"{where}: {key} must be {expected}, got an empty text")
    return value


def _decimal(table: Table, key: str, where: str) -> Decimal:
    value = table.get(key)
    if value is None:
        raise InputError(f"{where}: {key} is missing; expected a number")
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise InputError(f"{where}: {key} must be a number, got {value!r}")
    number = Decimal(value)
    if not number.is_finite():
        raise InputError(f"{where}: {key} must be a finite number, got {value}")
    return number


def _date(table: Table, key: str, where: str) -> date:
    value = table.get(key)
    if not isinstance(value, date) or isinstance(value, datetime):
        got = "is missing" if value is None else f"must be a date, got {value!r}"
        raise InputError(f"{where}: {key} {got}; expected a date such as 2026-07-20, without quotes")
    return value


def _enum(kind: type[StrEnum], value: object, key: str, where: str) -> StrEnum:
    if isinstance(value, str) and value in {item.value for item in kind}:
        return kind(value)
    near = nearest(str(value), [item.value for item in kind])
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise InputError(f"{where}: {key} must be {_expected(key)}, got {value!r}{hint}")


def _expected(key: str) -> str:
    words = {
        "role": [item.value for item in Role],
        "billing": [item.value for item in Billing],
        "interruption_range": list(INTERRUPTION_RANGES),
    }.get(key)
    return "a text" if words is None else "one of " + ", ".join(words)
