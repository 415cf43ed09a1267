"""A price list of hosted models as CSV: what is read, and what is refused with its row."""

from datetime import date
from decimal import Decimal

import pytest

from planner.errors import InputError
from planner.exchange.hosted_prices import read_hosted_prices

HEAD = "provider,model,input_usd_per_mtok,output_usd_per_mtok"


def test_class_and_dates_are_read_where_they_stand_and_told_by_the_name_where_not() -> None:
    text = f"{HEAD},class,price_date,note\nours,big,1,2,70B,2026-01-01,x\ntheirs,llama-3.1-8b,0.1,0.2,,2026-02-01,\n"
    prices = read_hosted_prices(text, source="mine.csv")
    assert [one.model_class for one in prices.models] == ["70B", "7-8B"]
    assert prices.models[1].output_usd_mtok == Decimal("0.2")
    assert prices.price_date == date(2026, 2, 1)
    assert read_hosted_prices(f"{HEAD}\na,b-7b,1,1\n", source="mine.csv").price_date is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "mine.csv: no column provider", id="empty"),
        pytest.param(HEAD + "\n", "mine.csv: no rows", id="no rows"),
        pytest.param(HEAD.replace("model", "modle") + "\n", "no column model; is 'modle' meant?", id="misspelt column"),
        pytest.param(f"{HEAD.rpartition(',')[0]}\n", "no column output_usd_per_mtok; expected provider", id="absent"),
        pytest.param(f"{HEAD}\na,b,x,1\n", "mine.csv, row 2, input_usd_per_mtok is 'x'", id="no number"),
        pytest.param(
            f"{HEAD}\na,b,1,-1\n", "mine.csv, row 2, output_usd_per_mtok is -1; expected 0 or more", id="below 0"
        ),
        pytest.param(f"{HEAD}\na,b,1,nan\n", "expected 0 or more", id="NaN"),
        pytest.param(f"{HEAD}\na,b,1,1e999999\n", "row 2, output_usd_per_mtok is 1e999999; expected a num", id="huge"),
        pytest.param(f"{HEAD}\n,b,1,1\n", "mine.csv, row 2: provider or model is empty", id="no provider"),
        pytest.param(
            f"{HEAD}\na,b,1,1,1\n", "mine.csv, row 2: more cells than columns; expected 4", id="too many cells"
        ),
        pytest.param(f'{HEAD}\na,"b,1\n', "not readable as CSV", id="open quote"),
        pytest.param(
            f"{HEAD},deprecation_date\na,b,1,1,soon\n", "deprecation_date is 'soon'; expected a date", id="no date"
        ),
    ],
)
def test_a_wrong_list_is_one_line(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_hosted_prices(text, source="mine.csv")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
