"""Hidden costs are read from TOML; what is wrong is named by file, line and key."""

from decimal import Decimal

import pytest

from planner.errors import InputError
from planner.exchange.hidden_file import read_hidden
from policies.hidden import HiddenBasis, HiddenKind

GOOD = """
[[hidden]]
kind = "support"
what = "half a day a week"
usd_month = 500

[[hidden]]
kind = "storage"
usd_gb = 0.05
gb_month = 400
"""


def test_lines_are_read_with_exact_prices() -> None:
    support, storage = read_hidden(GOOD, source="hidden.toml")
    assert (support.kind, support.basis, support.price_usd) == (HiddenKind.SUPPORT, HiddenBasis.MONTH, 500)
    assert support.label == "support, half a day a week"
    assert (storage.basis, storage.price_usd, storage.gb_month) == (HiddenBasis.GB, Decimal("0.05"), 400)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('"support"', '"labour"'), r"number 1, kind is 'labour'; expected one of bandwidth, storage"),
        (("usd_month = 500", "usd_monthly = 500"), r"number 1: unknown key 'usd_monthly'; did you mean 'usd_month'\?"),
        (("usd_month = 500", ""), r"number 1: no price; expected exactly one of usd_month, usd_gb"),
        (("usd_month = 500", "usd_month = 1\nusd_mtok = 1"), r"usd_month and usd_mtok; expected exactly one"),
        (("usd_month = 500", 'usd_month = "5"'), r"number 1, usd_month is '5'; expected a number"),
        (("usd_month = 500", "usd_month = -5"), r"number 1: price_usd must be 0 or more"),
        (("gb_month = 400", "gb_month = inf"), r"number 2, gb_month is Infinity; expected a number between"),
        (("gb_month = 400", ""), r"number 2: gb_month is missing"),
        (("[[hidden]]", "[[cost]]"), r"unknown key 'cost'"),
        (("[[hidden]]", "[["), r"not readable as TOML"),
        (('"half a day a week"', "3"), r"what is 3; expected a text"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(change: tuple[str, str], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        read_hidden(GOOD.replace(*change), source="hidden.toml")
    assert str(caught.value).startswith("hidden.toml")
    assert "\n" not in str(caught.value)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(InputError, match=r"no \[\[hidden\]\]"):
        read_hidden("", source="hidden.toml")
