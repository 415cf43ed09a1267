"""usage.csv: hours, models and named tags in; everything else is left out, and what is wrong is named by its row."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.errors import InputError
from planner.exchange.usage import UsageRead, covering, read_usage

HEAD = "timestamp,model,team,input_tokens,output_tokens\n"


def read(text: str, **changes: object) -> UsageRead:
    """The usage of a text, with team as a tag."""
    return read_usage(text, source="usage.csv", **({"tags": {"team": "team"}} | changes))  # type: ignore[arg-type]


def complaint(text: str, **changes: object) -> str:
    """What is said of a text that is refused."""
    with pytest.raises(InputError) as error:
        read(text, **changes)
    return str(error.value)


def rows_of(found: UsageRead) -> list[tuple[int, str, str, int, int]]:
    """Hour, model, team, tokens in, tokens out."""
    used = found.usage
    columns = zip(used.hour, used.model, used.tag, used.input_tokens, used.output_tokens, strict=True)
    return [(int(h), used.models[m], dict(used.tags[t]).get("team", ""), int(i), int(o)) for h, m, t, i, o in columns]


def test_rows_of_one_hour_model_and_tag_add_up_whatever_else_told_them_apart() -> None:
    found = read(
        "timestamp,model,team,user,input_tokens,output_tokens\n"
        "2026-11-01T00:05:07Z,m,x,ann,100,50\n"
        "2026-11-01T01:59:59+01:00,m,x,joe,10,5\n"
        "2026-11-01T02:00:00Z,n,,joe,1,1\n"
    )
    assert rows_of(found) == [(0, "m", "x", 110, 55), (2, "n", "", 1, 1)]
    assert (found.usage.start, found.usage.hours) == (datetime(2026, 11, 1, tzinfo=UTC), 3)
    assert found.usage.gaps == frozenset()
    assert found.remarks == ("usage.csv: columns not kept: user; --tag NAME keeps one as a tag",)


def test_only_named_columns_are_tags() -> None:
    text = "timestamp,model,team,tag:product,input_tokens,output_tokens\n2026-11-01T00:00:00Z,m,x,p,1,1\n"
    assert read(text, tags={}).usage.tags == ((("product", "p"),),)
    assert read(text, tags={"whose": "team"}).usage.tags == ((("product", "p"), ("whose", "x")),)


@pytest.mark.parametrize("column", ["user", "User ID", "end_user", "email", "api-key", "prompt", "messages"])
def test_a_column_that_names_a_person_or_holds_what_was_written_is_no_tag(column: str) -> None:
    text = f"timestamp,model,{column},input_tokens,output_tokens\n2026-11-01T00:00Z,m,ann,1,2\n"
    said = complaint(text, tags={"team": column})
    assert said == f"--tag team={column}: names a key, a person or what was written, which is never kept"


def test_rates_are_tokens_over_the_step_of_the_rows() -> None:
    head = "timestamp,model,input_tokens_per_s,output_tokens_per_s\n"
    hourly = read(head + "2026-11-01T00:00:00Z,m,2,0.5\n2026-11-01T01:00:00Z,m,1,1\n", tags={})
    assert rows_of(hourly) == [(0, "m", "", 7200, 1800), (1, "m", "", 3600, 3600)]
    finer = read(head + "2026-11-01T00:00:00Z,m,2,0.5\n2026-11-01T00:10:00Z,m,1,1\n", tags={})
    assert rows_of(finer) == [(0, "m", "", 1800, 900)]


def test_an_hour_without_measurement_is_a_gap_and_one_in_part_is_not() -> None:
    head = "timestamp,model,gap,input_tokens_per_s,output_tokens_per_s\n"
    rows = "2026-11-01T00:00:00Z,m,0,2,2\n2026-11-01T00:30:00Z,m,1,,\n"
    rows += "2026-11-01T01:00:00Z,m,1,,\n2026-11-01T01:30:00Z,m,1,,\n"
    found = read(head + rows, tags={})
    assert rows_of(found) == [(0, "m", "", 7200, 7200)]  # the half hour measured stands for the hour
    assert found.usage.gaps == {1}
    assert found.remarks == ("usage.csv: 1 hours are measured in part only",)


def test_cached_and_unserved_tokens_are_kept_where_every_row_has_them() -> None:
    head = "hour,model,input_tokens,output_tokens,cached_input_tokens,unserved_tokens\n"
    used = read(head + "2026-11-01T00:00:00Z,m,10,1,4,0\n2026-11-01T01:00:00Z,m,10,1,5,\n", tags={}).usage
    assert used.cached_input_tokens is not None
    assert used.cached_input_tokens.tolist() == [4, 5]
    assert used.unserved_tokens is None


def test_usage_said_to_cover_more_keeps_each_row_at_its_hour() -> None:
    text = (
        "timestamp,model,team,input_tokens,output_tokens,gap\n2026-11-01T05:00Z,m,a,1,2,0\n2026-11-01T06:00Z,m,a,,,1\n"
    )
    start = datetime(2026, 11, 1, tzinfo=UTC)
    found = covering(read(text).usage, start, start + timedelta(days=1))
    assert (found.start, found.hours, found.hour.tolist(), found.gaps) == (start, 24, [5], {6})


def test_a_model_may_be_named_for_a_file_without_one() -> None:
    text = "hour,input_tokens,output_tokens\n2026-11-01T00:00:00Z,1,1\n"
    assert read(text, tags={}, model="m").usage.models == ("m",)
    assert "--model NAME says whose tokens these are" in complaint(text, tags={})


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("2026-11-01T00:00:00,m,x,1,1", "timestamp '2026-11-01T00:00:00' has no time zone"),
        ("1926-11-01T00:00:00Z,m,x,1,1", "expected a year from 2015 to 2100"),
        ("2026-11-31T00:00:00Z,m,x,1,1", "expected ISO-8601"),
        ("2026-11-01T00:00:00Z,m,x,-1,1", "input_tokens is '-1'; expected a whole number of tokens, 0 or more"),
        ("2026-11-01T00:00:00Z,m,x,nan,1", "input_tokens is 'nan'"),
        ("2026-11-01T00:00:00Z,m,x,inf,1", "input_tokens is 'inf'"),
        ("2026-11-01T00:00:00Z,m,x,1.5,1", "input_tokens is '1.5'; expected a whole number"),
        ("2026-11-01T00:00:00Z,m,x,1_000,1", "input_tokens is '1_000'"),
        ("2026-11-01T00:00:00Z,m,x,2e15,1", "expected at most 1e+15"),
        ("2026-11-01T00:00:00Z,m,x,,1", "no input_tokens"),
        ("2026-11-01T00:00:00Z,,x,1,1", "no model; expected a name"),
        ("2026-11-01T00:00:00Z,m,x\x00y,1,1", "team is 'x\\x00y'; expected a printable text"),
        ("2026-11-01T00:00:00Z,m,x,1", "4 columns; expected 5 as in the header"),
    ],
)
def test_a_bad_row_is_named_with_its_column(row: str, said: str) -> None:
    good = "2026-11-01T00:00:00Z,m,x,1,1\n"
    text = complaint(HEAD + good + row + "\n" + good)
    assert text.startswith("usage.csv, row 3: ")
    assert said in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "usage.csv: the file is empty"),
        (HEAD, "there is a header and no row"),
        (HEAD.replace(",", ";"), "the columns look separated by semicolons"),
        (HEAD.replace("input_tokens", "input_token"), "unknown column 'input_token'; did you mean 'input_tokens'?"),
        (HEAD.replace("team", "model"), "column 'model' appears twice"),
        (HEAD.replace("team", "squad"), "no column 'team' for the tag 'team'; the file has timestamp, model, squad"),
        (HEAD + '2026-11-01T00:00:00Z,m,"x,1,1\n', "is a quote opened and not closed?"),
        (
            HEAD + "".join(f"2026-11-01T00:{m:02}:30Z,m,x,1e15,1\n" for m in range(10)),
            "2^53 tokens or more in one hour",
        ),
        (
            HEAD + "2026-11-01T00:30:00Z,m,x,1,1\n2026-11-01T01:30:00Z,m,x,1,1\n",
            "row 2: 2026-11-01T00:30:00Z is no start of a full hour",
        ),
        (HEAD + "".join(f"2026-11-0{d}T00:00:00Z,m,x,1,1\n" for d in (1, 2, 3)), "rows are a day or more apart"),
        ("hour,model,team,input_tokens,output_tokens\n2026-11-01T00:30:00Z,m,x,1,1\n", "is no start of a full hour"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(text: str, said: str) -> None:
    assert said in complaint(text)


def test_more_cached_than_came_in_is_refused() -> None:
    head = "hour,model,input_tokens,output_tokens,cached_input_tokens\n"
    said = complaint(head + "2026-11-01T00:00:00Z,m,10,1,11\n", tags={})
    assert said.startswith("usage.csv, row 2: cached_input_tokens is 11, more than input_tokens 10")


def test_a_row_that_stands_twice_in_an_hourly_file_is_refused() -> None:
    row = "2026-11-01T00:00:00Z,m,x,10,5\n"
    assert complaint(HEAD + row + row.replace("x", "y") + row) == (
        "usage.csv, row 4: is the same as a row before it, in every column; expected each row once"
    )
    request = row.replace("00:00:00Z", "00:07:11Z")  # two requests of one second may be alike
    assert rows_of(read(HEAD + request + request)) == [(0, "m", "x", 20, 10)]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5 * 3600), st.sampled_from("mn"), st.sampled_from(("", "x", "y")), st.integers(0, 10**12)
        ),
        min_size=1,
        max_size=30,
    )
)
def test_no_token_is_lost_or_counted_twice(requests: list[tuple[int, str, str, int]]) -> None:
    start = datetime(2026, 11, 1, 0, 0, 1, tzinfo=UTC)
    text = HEAD + "".join(
        f"{(start + timedelta(seconds=second)).isoformat()},{model},{team},{tokens},1\n"
        for second, model, team, tokens in requests
    )
    used = read(text).usage
    for model in "mn":
        for team in ("", "x", "y"):
            wanted = sum(one[3] for one in requests if one[1:3] == (model, team))
            found = [row[3] for row in rows_of(UsageRead(usage=used)) if row[1:3] == (model, team)]
            assert sum(found) == wanted
    assert used.output_tokens.sum() == len(requests)
