"""llama-bench figures become profiles: by model and length, the later of two, of servers without cards."""

from datetime import UTC, datetime, timedelta

import pytest

from planner.catalog.offer import Offer
from planner.exchange.profile_file import profile_text
from planner.exchange.spare_cores.tables import SpeedRow
from planner.exchange.spare_cores.throughput import profiles_of
from planner.profile.document import read_profile
from planner.profile.model import Basis, Model, Rates
from planner.profile.rate import rates_for
from tests.planner.exchange.spare_cores.test_prices import DAY, NOW, R7A, an_offer

MODEL = "tiny-7b.Q4_K_M.gguf"
B3 = an_offer("ovh/b3-64")
G6 = an_offer("aws/g6.xlarge", gpu="L4", gpu_count=1)


def a_speed(
    tokens: int | None, tok_s: float | None, *, prompt: bool = False, of: Offer = R7A, **other: object
) -> SpeedRow:
    values: dict[str, object] = {
        "vendor": of.provider,
        "product": of.product,
        "is_prompt": prompt,
        "model": MODEL,
        "tokens": tokens,
        "tok_s": tok_s,
        "is_active": True,
        "observed_at": DAY,
    }
    return SpeedRow(**{**values, **other})  # type: ignore[arg-type]  # a builder: the caller names the fields


WHOLE = [a_speed(128, 100.0, prompt=True), a_speed(128, 20.0)]


def test_rates_by_length_of_the_later_day_with_their_date_and_licence() -> None:
    rows = [*WHOLE, a_speed(16, 25.0), a_speed(128, 19.0, observed_at=DAY - timedelta(days=1))]
    found = profiles_of(rows, [R7A, an_offer("aws/r7a.4xlarge/spot")], now=NOW)
    (profile,) = found.profiles
    (machine,) = profile.machines.values()
    assert (profile.name, profile.source, profile.source_date) == (
        "tiny-7b.Q4_K_M",
        "Spare Cores, llama-bench, CC BY-SA 4.0",
        "2026-11-20",
    )
    assert machine.single_stream is not None
    assert machine.single_stream.prompt == ((128, 100.0),)
    assert machine.single_stream.generate == ((16, 25.0), (128, 20.0))
    assert (machine.key, machine.source_date, machine.basis) == ("aws/r7a.4xlarge", "2026-11-20", Basis.MEASURED)
    assert (found.read.rows, found.read.used, found.half) == (4, 4, 0)


def test_the_slowdown_by_context_is_that_of_the_longest_steps() -> None:
    # 16 to 128 tokens: a mean context of 8 and 64. 20 of 25 tok/s: 25 % more time over 56 tokens of context.
    (profile,) = profiles_of([*WHOLE, a_speed(16, 25.0)], [R7A], now=NOW).profiles
    assert profile.context_slowdown == pytest.approx(0.25 / 56)
    (alone,) = profiles_of(WHOLE, [R7A], now=NOW).profiles
    assert alone.context_slowdown == 0
    (faster,) = profiles_of([*WHOLE, a_speed(16, 10.0)], [R7A], now=NOW).profiles
    assert faster.context_slowdown == 0  # a token never takes less for more context


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (a_speed(128, 9.0, vendor="azure"), "of types the catalog does not have"),
        (a_speed(128, 9.0, product=None), "of types the catalog does not have"),
        (a_speed(128, 900.0, of=G6), "of types with cards"),
        (a_speed(128, 9.0, is_active=False), "no longer active"),
        (a_speed(128, 9.0, model=None), "without model and tokens"),
        (a_speed(None, 9.0), "without model and tokens"),
        (a_speed(128, 0.0), "without a rate above 0"),
        (a_speed(128, float("nan")), "without a rate above 0"),
        (a_speed(128, None), "without a rate above 0"),
        (a_speed(128, 9.0, observed_at=None), "without a date in the past"),
        (a_speed(128, 9.0, observed_at=NOW + timedelta(seconds=1)), "without a date in the past"),
    ],
)
def test_a_row_that_is_not_used_is_counted_with_its_reason(row: SpeedRow, reason: str) -> None:
    found = profiles_of([*WHOLE, row], [R7A, G6], now=NOW)
    (profile,) = found.profiles
    assert list(profile.machines) == ["aws/r7a.4xlarge"]
    assert (found.read.rows, found.read.used, found.read.ignored) == (3, 2, {reason: 1})


def test_a_server_that_only_reads_is_in_no_profile() -> None:
    found = profiles_of([*WHOLE, a_speed(128, 80.0, prompt=True, of=B3)], [R7A, B3], now=NOW)
    assert [list(profile.machines) for profile in found.profiles] == [["aws/r7a.4xlarge"]]
    assert found.half == 1
    assert profiles_of([a_speed(128, 80.0, prompt=True)], [R7A], now=NOW).profiles == ()


def test_each_model_is_a_profile() -> None:
    other = [a_speed(128, 5.0, model="big-70b.gguf"), a_speed(128, 9.0, prompt=True, model="big-70b.gguf")]
    found = profiles_of([*WHOLE, *other], [R7A], now=NOW)
    assert [profile.name for profile in found.profiles] == ["big-70b", "tiny-7b.Q4_K_M"]


def rated(text: str, **wanted: float) -> Rates:
    profile = read_profile(text, "mine.toml")
    model = Model(name="m", profile=profile.name, input_tokens=128, output_tokens=128, **wanted)  # type: ignore[arg-type]
    found = rates_for(model, R7A, {profile.name: profile}, measured_only=True)
    assert isinstance(found, Rates)
    return found


def test_a_written_profile_rates_the_machine_as_it_was_measured() -> None:
    (profile,) = profiles_of([*WHOLE, a_speed(512, 16.0)], [R7A], now=NOW).profiles
    alone = rated(profile_text(profile, remarks={}, notice=["CC BY-SA 4.0"]))
    # A request of 128 in and 128 out has a mean context of 192 tokens. Generating 128 tokens has one of 64 and 1/20 s a
    # token, 512 one of 256 and 1/16 s: two thirds of the way from 50 to 62.5 ms.
    assert (alone.prefill_tok_s, alone.decode_tok_s) == (100, pytest.approx(1000 / (50 + 12.5 * 2 / 3)))
    assert (alone.concurrency, alone.basis, alone.source_date) == (1, Basis.MEASURED, "2026-11-20")
    assert alone.rule == "single stream, one request at a time: no batching gain is assumed"
    assert "CC BY-SA 4.0" in alone.source


def test_with_the_named_gain_batching_adds_what_it_adds_to_the_shipped_profile() -> None:
    (profile,) = profiles_of(WHOLE, [R7A], now=NOW).profiles
    text = profile_text(profile, remarks={}, batching_gain="cpu")
    batched = rated(text)
    assert batched.prefill_tok_s == 100
    assert batched.decode_tok_s > 20
    assert "CPU batching gain on 225 servers" in batched.rule
    assert rated(text, max_concurrency=1).decode_tok_s == pytest.approx(20)


def test_what_is_written_is_read_as_it_was() -> None:
    rows = [*WHOLE, a_speed(512, 16.0), a_speed(128, 80.0, prompt=True, of=B3), a_speed(128, 10.0, of=B3)]
    rows[-1] = a_speed(128, 10.0, of=B3, observed_at=datetime(2026, 10, 1, tzinfo=UTC))
    rows[-2] = a_speed(128, 80.0, prompt=True, of=B3, observed_at=datetime(2026, 9, 1, tzinfo=UTC))
    (profile,) = profiles_of(rows, [R7A, B3], now=NOW).profiles
    text = profile_text(profile, remarks={}, notice=["Spare Cores"], batching_gain="cpu")
    again = read_profile(text, "mine.toml")
    assert text.startswith("# Spare Cores\n")
    assert {key: one.single_stream for key, one in again.machines.items()} == {
        key: one.single_stream for key, one in profile.machines.items()
    }
    assert {key: one.source_date for key, one in again.machines.items()} == {
        "aws/r7a.4xlarge": "2026-11-20",
        "ovh/b3-64": "2026-10-01",
    }
    assert (again.name, again.licence, again.context_slowdown) == ("tiny-7b.Q4_K_M", "CC BY-SA 4.0", 0.0013)
