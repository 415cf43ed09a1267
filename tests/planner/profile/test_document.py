"""Profiles as people write them, and what is said to those who mistype."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from planner.catalog.offer import Offer, Role
from planner.errors import InputError
from planner.profile.document import read_profile
from planner.profile.model import Basis, Model, Rates, Slo, Unfit
from planner.profile.rate import rated_for, rates_for
from policies.billing import Billing

GUIDES = Path(__file__).parents[3] / "examples" / "guides"
HEAD = 'name = "mine"\nsource = "bench"\ndate = 2026-11-20\n'
BLENDED = HEAD + '[[machine]]\nserver = "ovh/b3-64"\nblended_tok_s = 150\n'
STREAM = (
    HEAD
    + """batching_gain = "cpu"
context_slowdown = 0.001
[[machine]]
server = "ovh/b3-64"
date = 2026-07-14
[machine.single_stream]
prompt = [[16, 90], [128, 80]]
generate = [[16, 10]]
"""
)


def an_offer(offer_id: str = "ovh/b3-64", **figures: object) -> Offer:
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


def rate(text: str, offer: Offer | None = None, model: Model | None = None, **options: bool) -> Rates | Unfit:
    profile = read_profile(text, "mine.toml")
    asked = model or Model(name="m", profile="mine")
    return rates_for(asked, offer or an_offer(), {"mine": profile}, measured_only=options.get("measured_only", False))


def test_a_blended_rate_is_both_rates() -> None:
    found = rate(BLENDED)

    assert isinstance(found, Rates)
    assert (found.prefill_tok_s, found.decode_tok_s) == (150, 150)
    assert found.basis is Basis.MEASURED
    assert (found.source, found.source_date) == ("bench", "2026-11-20")


def test_a_blended_rate_cannot_be_held_to_an_slo_and_says_so() -> None:
    found = rate(BLENDED, model=Model(name="m", profile="mine", slo=Slo(ttft_ms=1)))

    assert isinstance(found, Rates)
    assert "no latency is known: the SLO is not checked" in found.remarks


def test_a_blended_rate_does_not_say_what_no_batching_would_give() -> None:
    found = rate(BLENDED, model=Model(name="m", profile="mine", max_concurrency=1))

    assert isinstance(found, Unfit)
    assert "1 requests in flight" in found.reason


def test_prefill_and_decode_rates_are_taken_as_given() -> None:
    found = rate(HEAD + '[[machine]]\nserver = "OVH/B3-64"\nprefill_tok_s = 900\ndecode_tok_s = 120\nconcurrency = 8\n')

    assert isinstance(found, Rates)
    assert (found.prefill_tok_s, found.decode_tok_s, found.concurrency) == (900, 120, 8)


CURVES = (
    HEAD
    + """
[[machine]]
gpu = "A10G"
[[machine.workload]]
prompt_tokens = 500
output_tokens = 50
points = [
  { concurrency = 8, input_tok_s = 500, output_tok_s = 50, ttft_p95_ms = 900, ttft_ms = 250, tpot_ms = 40 },
  { concurrency = 1, input_tok_s = 90, output_tok_s = 9, ttft_p95_ms = 300, ttft_ms = 250, tpot_ms = 20 },
]
[[machine.workload]]
prompt_tokens = 900
output_tokens = 10
points = [{ concurrency = 8, input_tok_s = 900, output_tok_s = 10, ttft_p95_ms = 900, ttft_ms = 450, tpot_ms = 40 }]
"""
)


def test_a_curve_of_two_workloads_tells_the_two_rates_apart() -> None:
    """500 in with 50 out, or 900 in with 10 out, at 8 in flight: P = 1000 and G = 100."""
    offer = an_offer("aws/g5.2xlarge", gpu="A10G", gpu_count=1)

    found = rate(CURVES, offer, Model(name="m", profile="mine", slo=Slo(ttft_ms=900)))

    assert isinstance(found, Rates)
    assert found.prefill_tok_s == pytest.approx(1000)
    assert found.decode_tok_s == pytest.approx(100)
    assert found.residual_ratio == pytest.approx(0, abs=1e-9)


def test_a_latency_the_curve_does_not_have_is_said_not_to_be_checked() -> None:
    offer = an_offer("aws/g5.2xlarge", gpu="A10G", gpu_count=1)
    text = CURVES.replace(", tpot_ms = 40", "").replace(", tpot_ms = 20", "")

    found = rate(text, offer, Model(name="m", profile="mine", slo=Slo(ttft_ms=900, tpot_ms=50)))

    assert isinstance(found, Rates)
    assert "no time per output token was measured: that part of the SLO is not checked" in found.remarks


def test_points_may_be_written_in_any_order() -> None:
    profile = read_profile(CURVES, "mine.toml")

    (machine,) = profile.machines.values()
    assert [point.concurrency for point in machine.curves[0].points] == [1, 8]


def test_estimates_of_ones_own_are_left_out_on_request() -> None:
    text = BLENDED.replace("[[machine]]", 'basis = "estimated"\n[[machine]]')

    assert isinstance(rate(text), Rates)
    assert isinstance(rate(text, measured_only=True), Unfit)


def test_memory_figures_of_the_profile_are_used() -> None:
    text = (
        BLENDED
        + "[memory]\nweights_gib = 60\nlayers = 32\nkv_heads = 8\nhead_dim = 128\nnative_context_tokens = 8192\n"
    )

    found = rate(text, an_offer(memory_gib=64.0))

    assert found == Unfit(reason="does not fit memory: needs 60.2 GiB, has 57.6 GiB usable")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            BLENDED.replace("blended_tok_s", "blended_tok"), "did you mean 'blended_tok_s'?", id="misspelt key"
        ),
        pytest.param(BLENDED.replace("source", "sources"), "did you mean 'source'?", id="misspelt at the top"),
        pytest.param(BLENDED.replace("150", "0"), "blended_tok_s: expected a number above 0, got 0", id="zero"),
        pytest.param(BLENDED.replace("150", "-5"), "expected a number above 0, got -5", id="negative"),
        pytest.param(BLENDED.replace("150", "inf"), "expected a number above 0, got inf", id="infinite"),
        pytest.param(BLENDED.replace("150", "nan"), "expected a number above 0, got nan", id="not a number"),
        pytest.param(BLENDED.replace("150", '"150"'), "expected a number above 0, got '150'", id="text"),
        pytest.param(BLENDED.replace("150", "true"), "expected a number above 0, got True", id="truth value"),
        pytest.param(BLENDED.replace("2026-11-20", '"soon"'), "date: expected a date such as 2026-11-20", id="date"),
        pytest.param(BLENDED + "decode_tok_s = 5\n", "expected exactly one of", id="two kinds of rates"),
        pytest.param(BLENDED + 'gpu = "L4"\n', "expected either server", id="server and card"),
        pytest.param(BLENDED.replace("ovh/b3-64", "b3-64"), "expected provider/product", id="server without provider"),
        pytest.param(BLENDED + BLENDED[len(HEAD) :], "machine ovh/b3-64 appears twice", id="twice"),
        pytest.param(HEAD, "machine: expected at least one", id="no machine"),
        pytest.param("name = ", "not TOML", id="not TOML"),
        pytest.param(BLENDED + "[memory]\nlayers = 1\n", "memory: missing weights_gib", id="memory incomplete"),
        pytest.param(
            CURVES.replace('gpu = "A10G"', 'gpu = "A10G"\ngpu_count = 1.5'), "gpu_count: expected", id="cards"
        ),
        pytest.param(CURVES.replace("tpot_ms = 20", "tpot = 20"), "point 2: unknown key 'tpot'", id="key in a point"),
        pytest.param(STREAM.replace("[128, 80]", "[128]"), "prompt: expected pairs of whole tokens", id="no pair"),
        pytest.param(STREAM.replace("[128, 80]", "[1.5, 80]"), "prompt: expected pairs of whole", id="half a token"),
        pytest.param(STREAM.replace("[128, 80]", "[true, 80]"), "prompt: expected pairs of whole", id="true tokens"),
        pytest.param(STREAM.replace("[128, 80]", "[128, 0]"), "tok_s: expected a number above 0, got 0", id="no rate"),
        pytest.param(STREAM.replace("[128, 80]", "[0, 80]"), "tokens: expected a number above 0", id="no tokens"),
        pytest.param(STREAM.replace("[128, 80]", "[16, 80]"), "expected rising tokens, got [16, 16]", id="not rising"),
        pytest.param(STREAM.replace("generate =", "generated ="), "did you mean 'generate'?", id="misspelt phase"),
        pytest.param(STREAM.replace("[[16, 10]]", "[]"), "generate: expected at least one", id="no generation"),
        pytest.param(
            STREAM.replace("date = 2026-07-14", "blended_tok_s = 1"), "expected exactly one of", id="stream and rate"
        ),
        pytest.param(STREAM.replace("cpu", "gpu"), "batching_gain: expected 'cpu', got 'gpu'", id="gain"),
        pytest.param(STREAM.replace("2026-07-14", '"old"'), "machine 1: date: expected a date", id="machine's date"),
        pytest.param(STREAM.replace("0.001", "-1"), "context_slowdown: expected a number above 0", id="slowdown"),
    ],
)
def test_a_mistake_is_one_line_that_names_its_place(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_profile(text, "mine.toml")

    message = str(caught.value)
    assert message.startswith("mine.toml: ")
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("file", "offer_id", "tok_s"),
    [
        pytest.param("profiles.toml", "hetzner/ax42", 80, id="7B on AX42"),
        pytest.param("profiles.toml", "hetzner/ax102", 300, id="7B on AX102"),
        pytest.param("profiles.toml", "ovh/b3-64", 150, id="7B on b3-64"),
        pytest.param("profiles.toml", "aws/r7a.4xlarge/spot", 200, id="7B on r7a.4xlarge"),
        pytest.param("profiles-30b.toml", "hetzner/ax102", 80, id="30B on AX102"),
        pytest.param("profiles-30b.toml", "hetzner/ax162", 150, id="30B on AX162"),
        pytest.param("profiles-30b.toml", "ovh/b3-128", 100, id="30B on b3-128"),
        pytest.param("profiles-30b.toml", "aws/r7a.8xlarge/spot", 120, id="30B on r7a.8xlarge"),
        pytest.param("profiles-chargeback.toml", "aws/g5.2xlarge", 35, id="7-8B on g5.2xlarge"),
        pytest.param("profiles-chargeback.toml", "aws/g5.4xlarge", 35, id="8B on g5.4xlarge"),
    ],
)
def test_the_guides_tables_are_read_as_their_own_blended_estimates(file: str, offer_id: str, tok_s: float) -> None:
    profile = read_profile((GUIDES / file).read_text(encoding="utf-8"), file)
    model = Model(name="m", profile=profile.name)

    found = rated_for(model, an_offer(offer_id), {profile.name: profile}, measured_only=False)

    assert not isinstance(found, Unfit)
    assert (found.rates.prefill_tok_s, found.rates.decode_tok_s) == (tok_s, tok_s)
    assert found.rates.basis is Basis.ESTIMATED
    assert "guide" in found.rates.source
