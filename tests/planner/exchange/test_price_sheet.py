"""A price sheet is read; what is wrong with it is named by file, machine and key."""

from datetime import date
from decimal import Decimal

import pytest

from planner.errors import InputError
from planner.exchange.price_sheet import read_price_sheet

GOOD = """
utilizations = [1.0, 0.7]
input_per_output = 3
price_date = 2026-11-01
source = "our invoices"

[[machine]]
name = "AX102"
usd_month = 154.08
tok_s = 300

[[machine]]
name = "g5.2xlarge"
usd_hour = 1.212
tok_s = 35
decode_only = true
"""


def test_machines_are_read_with_exact_prices() -> None:
    sheet = read_price_sheet(GOOD, source="costs.toml")
    first, second = sheet.machines
    assert (first.name, first.price_usd_hour, first.tok_s) == ("AX102", Decimal("0.214"), 300)
    assert (second.price_usd_hour, second.is_decode_only) == (Decimal("1.212"), True)
    assert sheet.utilizations == (Decimal("1.0"), Decimal("0.7"))
    assert (sheet.input_per_output, sheet.price_date, sheet.source) == (3, date(2026, 11, 1), "our invoices")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("tok_s = 300", "tok_sec = 300"), r"number 1: unknown key 'tok_sec'; did you mean 'tok_s'\?"),
        (("tok_s = 300", ""), r"number 1, tok_s: missing; expected a number"),
        (("tok_s = 300", "tok_s = 0"), r"number 1, tok_s is 0; expected a number above 0"),
        (("tok_s = 300", "tok_s = true"), r"number 1, tok_s is True; expected a number"),
        (("tok_s = 300", "tok_s = nan"), r"number 1, tok_s is NaN; expected 0 or more"),
        (("tok_s = 300", "tok_s = 1e300"), r"number 1, tok_s is 1E\+300; expected a number between"),
        (("usd_month = 154.08", ""), r"number 1: expected exactly one of usd_hour and usd_month"),
        (("usd_hour = 1.212", "usd_hour = -1"), r"number 2, usd_hour is -1; expected 0 or more"),
        (('name = "AX102"', ""), r"number 1, name: missing; expected a name"),
        (('"g5.2xlarge"', '"AX102"'), r"'AX102': stands there twice"),
        (("[1.0, 0.7]", "[70]"), r"utilizations: 70 is not in \(0, 1\]"),
        (("[1.0, 0.7]", "0.7"), r"utilizations is .*; expected a list"),
        (("decode_only = true", "decode_only = 1"), r"number 2, decode_only is 1; expected true or false"),
        (("2026-11-01", '"soon"'), r"price_date is soon; expected a date"),
        (("[[machine]]", "[[machines]]"), r"unknown key 'machines'; did you mean 'machine'\?"),
        (("utilizations", "[["), r"not readable as TOML"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(change: tuple[str, str], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        read_price_sheet(GOOD.replace(*change), source="costs.toml")
    assert str(caught.value).startswith("costs.toml")
    assert "\n" not in str(caught.value)


def test_a_sheet_without_machines_is_refused() -> None:
    with pytest.raises(InputError, match=r"no \[\[machine\]\]"):
        read_price_sheet("utilizations = [1.0]", source="costs.toml")
