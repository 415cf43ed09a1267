"""Hidden costs by basis: fixed, per GB, per server, per million tokens."""

from decimal import Decimal

import pytest

from policies.hidden import HiddenBasis, HiddenCost, HiddenKind, Served, hidden_usd

SERVED = Served(months=Decimal("0.5"), servers=Decimal(4), mtok=Decimal(3000), output_mtok=Decimal(1000))


def a_line(basis: HiddenBasis, kind: HiddenKind = HiddenKind.MONITORING, **changes) -> HiddenCost:
    return HiddenCost(**{"kind": kind, "basis": basis, "price_usd": Decimal(10), **changes})


@pytest.mark.parametrize(
    ("line", "usd"),
    [
        (a_line(HiddenBasis.MONTH), 5),  # half a month
        (a_line(HiddenBasis.SERVER), 20),  # 4 servers for half a month
        (a_line(HiddenBasis.MTOK), 30_000),
        (a_line(HiddenBasis.GB, HiddenKind.STORAGE, gb_month=Decimal(400)), 2_000),  # 400 GB for half a month
        (a_line(HiddenBasis.GB, HiddenKind.BANDWIDTH), 2_500),  # 10^9 output tokens of 250 bytes: 250 GB
    ],
    ids=["month", "server", "mtok", "storage", "bandwidth"],
)
def test_each_basis_by_hand(line: HiddenCost, usd: int) -> None:
    assert hidden_usd(line, SERVED) == usd


def test_a_price_per_server_is_unknown_without_servers() -> None:
    bare = Served(months=Decimal(1), servers=None, mtok=Decimal(1), output_mtok=Decimal(1))
    assert hidden_usd(a_line(HiddenBasis.SERVER), bare) is None
    assert hidden_usd(a_line(HiddenBasis.MONTH), bare) == 10


def test_only_tokens_and_what_they_send_grow_with_traffic() -> None:
    assert a_line(HiddenBasis.MTOK).grows_with_traffic
    assert a_line(HiddenBasis.GB, HiddenKind.BANDWIDTH).grows_with_traffic
    assert not a_line(HiddenBasis.GB, HiddenKind.BANDWIDTH, gb_month=Decimal(1)).grows_with_traffic
    assert not a_line(HiddenBasis.MONTH).grows_with_traffic


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"price_usd": Decimal(-1)}, "price_usd must be 0 or more"),
        ({"price_usd": Decimal("NaN")}, "price_usd must be 0 or more"),
        ({"gb_month": Decimal(1)}, "gb_month belongs to a price per GB, got one per month"),
        ({"basis": HiddenBasis.GB}, "gb_month is missing; monitoring per GB needs it"),
        ({"basis": HiddenBasis.GB, "gb_month": Decimal(-1)}, "gb_month must be 0 or more"),
    ],
)
def test_lines_that_mean_nothing_are_refused(changes: dict, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        a_line(**{"basis": HiddenBasis.MONTH, **changes})
