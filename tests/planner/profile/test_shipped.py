"""The shipped profiles: every machine gives finite rates or a reason, and the sources stay apart."""

import math
from datetime import date
from decimal import Decimal
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.catalog.offer import Offer, Role
from planner.profile.curve import Machine
from planner.profile.estimate import leave_one_out
from planner.profile.model import Basis, Model, Rates, Slo, Unfit
from planner.profile.rate import rated_for, rates_for
from planner.profile.shipped import shipped_profile, shipped_profiles
from policies.billing import Billing

PROFILES = shipped_profiles()
DEFAULT_SLO = Slo(ttft_ms=2000, tpot_ms=200)
LLAMA_7B = Model(name="chat", profile="llama-7b-q4", slo=DEFAULT_SLO)
LLAMA_8B = Model(name="chat", profile="llama-3.1-8b", slo=DEFAULT_SLO)


def an_offer(offer_id: str, **figures: object) -> Offer:
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
        "memory_gib": 64.0,
    }
    return Offer(**{**values, **figures})  # type: ignore[arg-type]  # a builder: the caller names the fields


def offer_of(machine: Machine) -> Offer:
    return an_offer(
        f"{machine.provider}/{machine.server}",
        memory_gib=1024.0,
        gpu=machine.gpu,
        gpu_count=machine.gpu_count,
        gpu_memory_gib=80.0 if machine.gpu else None,
    )


def good(found: Rates | Unfit) -> Rates:
    assert isinstance(found, Rates), found
    return found


@pytest.mark.parametrize("slo", [DEFAULT_SLO, Slo(), Slo(ttft_ms=500), Slo(tpot_ms=50)], ids=str)
@pytest.mark.parametrize("model", [LLAMA_7B, LLAMA_8B], ids=lambda model: model.profile)
def test_every_shipped_machine_gives_finite_rates_within_physics_or_a_reason(model: Model, slo: Slo) -> None:
    rated = 0
    for machine in PROFILES[model.profile].machines.values():
        asked = Model(name=model.name, profile=model.profile, slo=slo)
        found = rated_for(asked, offer_of(machine), PROFILES, measured_only=True)
        if isinstance(found, Unfit):
            assert found.reason, machine.key
            continue
        rated += 1
        rates, workloads = found.rates, found.workloads
        prefill_max = max(1000 * w.curve.prompt_tokens / (w.curve.single_user.ttft_ms or math.nan) for w in workloads)
        decode_max = max(1000 * w.point.concurrency / (w.point.tpot_ms or math.nan) for w in workloads)
        # Rates by length are those of whole requests, read and written at once: more than each alone would show.
        room = 2.5 if any("these hold for" in remark for remark in rates.remarks) else 1 + 1e-6
        assert 0 < rates.prefill_tok_s <= prefill_max * room, machine.key
        assert 0 < rates.decode_tok_s <= decode_max * room, machine.key
        assert all((w.point.ttft_p95_ms or 0) <= (slo.ttft_ms or math.inf) * (1 + 1e-9) for w in workloads), machine.key
        assert all((w.point.tpot_ms or 0) <= (slo.tpot_ms or math.inf) * (1 + 1e-9) for w in workloads), machine.key
    assert rated > 0


@pytest.mark.parametrize(
    ("offer_id", "prefill", "decode", "concurrency"),
    [
        pytest.param("aws/r7a.4xlarge", 90.0, 58.9, 5.2, id="first token 1.42 s alone, 2 s at 5.2 at once"),
        pytest.param("aws/r7a.8xlarge", 155.7, 133.3, 16.1, id="decode capped by its own prompt of 16 tokens"),
        pytest.param("ovh/b3-64", 82.5, 59.7, 3.3, id="1.55 s alone leaves less room"),
        pytest.param("hetzner-cloud/cpx62", 86.7, 77.5, 4.1, id="shared cores, fast memory"),
    ],
)
def test_the_default_slo_rates_the_known_servers(
    offer_id: str, prefill: float, decode: float, concurrency: float
) -> None:
    rates = good(rates_for(LLAMA_7B, an_offer(offer_id), PROFILES, measured_only=True))

    assert rates.prefill_tok_s == pytest.approx(prefill, abs=0.1)
    assert rates.decode_tok_s == pytest.approx(decode, abs=0.1)
    assert rates.concurrency == pytest.approx(concurrency, abs=0.05)
    assert rates.basis is Basis.MEASURED
    assert "CPU batching gain" in rates.rule
    assert rates.source_date


def test_a_server_too_slow_for_one_user_says_by_how_much() -> None:
    """128 tokens at 43.1 tok/s are 2.97 s to the first token."""
    found = rates_for(LLAMA_7B, an_offer("hetzner-cloud/ccx43"), PROFILES, measured_only=False)

    assert found == Unfit(
        reason="too slow for the SLO with one user (128 tokens in, 128 out): first token after 2967 ms, asked 2000"
    )


@pytest.mark.parametrize("offer_id", ["hetzner/ax102", "hetzner/ax162-r"])
def test_the_ax_servers_are_estimated_and_say_so(offer_id: str) -> None:
    rates = good(rates_for(LLAMA_7B, an_offer(offer_id), PROFILES, measured_only=False))

    assert rates.basis is Basis.ESTIMATED
    assert "Zen 4 rule" in rates.rule
    assert "leave-one-out error" in rates.rule
    refused = rates_for(LLAMA_7B, an_offer(offer_id), PROFILES, measured_only=True)
    assert isinstance(refused, Unfit)
    assert "estimate" in refused.reason


def test_the_estimate_of_ax102_lies_near_aws_servers_of_as_many_cores() -> None:
    """16 Zen 4 cores at 4.2 GHz with 57.6 GB/s against 16 at 3.7 GHz with 76.8 GB/s: prefill near, decode less."""
    ax102 = good(rates_for(LLAMA_7B, an_offer("hetzner/ax102"), PROFILES, measured_only=False))
    aws = good(rates_for(LLAMA_7B, an_offer("aws/r7a.4xlarge"), PROFILES, measured_only=False))

    assert ax102.prefill_tok_s == pytest.approx(aws.prefill_tok_s, rel=0.15)
    assert ax102.decode_tok_s < aws.decode_tok_s


def test_the_leave_one_out_error_of_the_estimating_rule_is_known() -> None:
    """Inside the range of sizes the rule is within 16 %; at its ends it extrapolates, up to 55 % off."""
    profile = shipped_profile("llama-7b-q4")
    assert profile.estimate is not None

    tests = leave_one_out(profile.estimate, profile.machines)

    assert len(tests) == 18
    inside = [t for t in tests if not t.key.endswith((".2xlarge", ".24xlarge"))]
    assert len(inside) == 12
    assert max(abs(t.prefill_error) for t in inside) < 0.17
    assert max(abs(t.decode_error) for t in inside) < 0.17
    assert max(abs(t.decode_error) for t in tests) < 0.56


def test_an_offer_with_a_measured_card_has_the_rates_of_that_card() -> None:
    g5 = {"gpu": "A10G", "gpu_count": 1, "gpu_memory_gib": 22.49}
    own = good(rates_for(LLAMA_8B, an_offer("aws/g5.16xlarge", **g5), PROFILES, measured_only=True))
    twin = good(rates_for(LLAMA_8B, an_offer("aws/g5.2xlarge", **g5), PROFILES, measured_only=True))

    assert (twin.prefill_tok_s, twin.decode_tok_s) == (own.prefill_tok_s, own.decode_tok_s)
    assert "NVIDIA A10G x 1 measured on aws/g5.16xlarge" in twin.rule


def test_of_two_machines_with_the_same_card_the_slower_counts() -> None:
    """One H100: the NVL of Azure and the HBM3 of UpCloud; the NVL is slower."""
    rates = good(
        rates_for(
            LLAMA_8B,
            an_offer("aws/p5.4xlarge", gpu="H100", gpu_count=1, gpu_memory_gib=80.0),
            PROFILES,
            measured_only=True,
        )
    )

    assert "H100 NVL" in rates.rule


def test_cards_measured_only_alone_are_estimated_as_replicas() -> None:
    one = {"gpu": "L4", "gpu_count": 1, "gpu_memory_gib": 22.49}
    four = {**one, "gpu_count": 4}
    single = good(rates_for(LLAMA_8B, an_offer("ovh/l4-90", **one), PROFILES, measured_only=True))
    replicas = good(rates_for(LLAMA_8B, an_offer("ovh/l4-360", **four), PROFILES, measured_only=False))

    assert replicas.decode_tok_s == pytest.approx(4 * single.decode_tok_s)
    assert replicas.basis is Basis.ESTIMATED
    assert isinstance(rates_for(LLAMA_8B, an_offer("ovh/l4-360", **four), PROFILES, measured_only=True), Unfit)


@pytest.mark.parametrize(
    "server", [m.server for m in PROFILES["llama-3.1-8b"].machines.values() if m.provider == "aws"]
)
def test_every_aws_server_of_the_vllm_sweep_has_a_rate(server: str) -> None:
    machine = PROFILES["llama-3.1-8b"].machines[f"aws/{server}"]

    assert good(rates_for(LLAMA_8B, offer_of(machine), PROFILES, measured_only=True)).basis is Basis.MEASURED


def test_where_two_rates_fail_the_workload_nearest_the_models_lengths_is_kept() -> None:
    """A10G: one set of rates cannot describe chat and long prompts; a model of chat lengths gets chat's."""
    offer = an_offer("aws/g5.2xlarge", gpu="A10G", gpu_count=1, gpu_memory_gib=22.49)
    model = Model(name="chat", profile="llama-3.1-8b", slo=DEFAULT_SLO, input_tokens=256, output_tokens=128)

    found = rated_for(model, offer, PROFILES, measured_only=True)

    assert not isinstance(found, Unfit)
    chat = next(w for w in found.workloads if w.curve.workload == "chat")
    assert chat.residual_ratio is not None
    others = [abs(w.residual_ratio or 0) for w in found.workloads if w is not chat]
    assert abs(chat.residual_ratio) < max(others)
    assert any("two rates do not describe this machine" in remark for remark in found.rates.remarks)


def test_one_workload_alone_states_the_ratio_it_assumes() -> None:
    machine = PROFILES["llama-3.1-8b"].machines["aws/m9g.8xlarge"]

    rates = good(rates_for(LLAMA_8B, offer_of(machine), PROFILES, measured_only=True))

    assert any("one workload (chat): P = 27.4 x G is assumed" in remark for remark in rates.remarks)
    assert rates.residual_ratio is None


def test_prompts_longer_than_measured_are_slower_then_refused() -> None:
    """r7a.4xlarge: measured to 1,024 tokens. At 1,536 the rate falls by the ratio; beyond 2,048 it is refused."""
    offer = an_offer("aws/r7a.4xlarge")

    def at(tokens: float) -> Rates | Unfit:
        return rates_for(
            Model(name="m", profile="llama-7b-q4", input_tokens=tokens), offer, PROFILES, measured_only=True
        )

    measured, longer = good(at(1024)), good(at(1536))
    assert longer.prefill_tok_s == pytest.approx(measured.prefill_tok_s / 1.5)
    assert longer.decode_tok_s < measured.decode_tok_s
    assert any("extrapolated from 1024" in remark for remark in longer.remarks)
    refused = at(2500)
    assert isinstance(refused, Unfit)
    assert refused.reason.startswith("longer than measured")


def test_requests_longer_than_any_workload_are_slower_then_refused() -> None:
    machine = PROFILES["llama-3.1-8b"].machines["upcloud/gpu-12xcpu-240gb-1xh100"]

    def at(tokens: float) -> Rates | Unfit:
        model = Model(name="m", profile="llama-3.1-8b", input_tokens=tokens, output_tokens=512)
        return rates_for(model, offer_of(machine), PROFILES, measured_only=True)

    measured, longer = good(at(4096)), good(at(6144))
    assert longer.prefill_tok_s < measured.prefill_tok_s
    assert any("longer than measured by 1.50" in remark for remark in longer.remarks)
    refused = at(9000)
    assert isinstance(refused, Unfit)
    assert refused.reason.startswith("longer than measured")


def test_no_batching_leaves_one_request_in_flight() -> None:
    offer = an_offer("aws/r7a.8xlarge")
    alone = Model(name="m", profile="llama-7b-q4", slo=DEFAULT_SLO, max_concurrency=1)

    batched = good(rates_for(LLAMA_7B, offer, PROFILES, measured_only=True))
    single = good(rates_for(alone, offer, PROFILES, measured_only=True))

    assert single.concurrency == 1
    assert single.prefill_tok_s == batched.prefill_tok_s
    assert single.decode_tok_s < batched.decode_tok_s / 4


def test_a_model_that_does_not_fit_says_what_it_needs_and_what_there_is() -> None:
    """Llama 3.1 8B needs 14.96 GiB of weights alone; a T4-sized A10G would have 15 x 0.9 = 13.5."""
    offer = an_offer("aws/g5.2xlarge", gpu="A10G", gpu_count=1, gpu_memory_gib=15.0)

    found = rates_for(LLAMA_8B, offer, PROFILES, measured_only=True)

    assert isinstance(found, Unfit)
    assert found.reason == "does not fit memory: needs 15.2 GiB, has 13.5 GiB usable"


def test_memory_lowers_the_concurrency_before_it_refuses() -> None:
    """8K of context is 1 GiB of cache a request: the card holds 4 at once, not the 15 the latency would allow."""
    offer = an_offer("aws/g5.2xlarge", gpu="A10G", gpu_count=1, gpu_memory_gib=22.49)
    model = Model(name="m", profile="llama-3.1-8b", slo=DEFAULT_SLO, context_tokens=8192)

    rates = good(rates_for(model, offer, PROFILES, measured_only=True))

    assert rates.concurrency is not None
    assert rates.concurrency <= 4
    assert any("memory holds 4 requests at once" in remark for remark in rates.remarks)


def test_spot_on_demand_and_monthly_twins_share_rates() -> None:
    spot = an_offer("aws/r7a.4xlarge/spot", is_spot=True)
    month = an_offer("hetzner-cloud/ccx53/month", role=Role.BASE)

    for twin, plain in ((spot, "aws/r7a.4xlarge"), (month, "hetzner-cloud/ccx53")):
        same = rates_for(LLAMA_7B, an_offer(plain), PROFILES, measured_only=False)
        assert rates_for(LLAMA_7B, twin, PROFILES, measured_only=False) == same


def test_what_nobody_measured_has_no_rate() -> None:
    found = rates_for(LLAMA_8B, an_offer("aws/r7a.4xlarge"), PROFILES, measured_only=False)

    assert isinstance(found, Unfit)
    assert found.reason.startswith("no measured rate of llama-3.1-8b on r7a.4xlarge")


def test_a_server_with_cards_is_not_rated_by_its_cpu() -> None:
    with_card = an_offer("aws/r7a.4xlarge", gpu="A10G", gpu_count=1, gpu_memory_gib=22.49)

    assert isinstance(rates_for(LLAMA_7B, with_card, PROFILES, measured_only=True), Unfit)


def test_an_unknown_profile_is_a_reason_not_a_crash() -> None:
    found = rates_for(Model(name="m", profile="nobody"), an_offer("ovh/b3-64"), PROFILES, measured_only=False)

    assert found == Unfit(reason="no measured rate: there is no profile 'nobody'")


SERVERS = [
    "aws/c8i.16xlarge",
    "aws/m9g.12xlarge",
    "azure/standard_nc24ads_a100_v4",
    "upcloud/gpu-12xcpu-128gb-1xl4",
    "upcloud/gpu-24xcpu-480gb-2xh100",
]


@given(st.sampled_from(SERVERS), st.floats(50, 5000), st.floats(5, 300), st.floats(1, 3), st.floats(1, 3))
def test_more_slack_in_the_slo_never_lowers_what_is_rated(
    server: str, ttft_ms: float, tpot_ms: float, more_ttft: float, more_tpot: float
) -> None:
    machine = PROFILES["llama-3.1-8b"].machines[server]

    def at(slo: Slo) -> dict[str, float]:
        model = Model(name="m", profile="llama-3.1-8b", slo=slo, context_tokens=1280)
        found = rated_for(model, offer_of(machine), PROFILES, measured_only=True)
        return {} if isinstance(found, Unfit) else {w.curve.workload: w.point.concurrency for w in found.workloads}

    tight = at(Slo(ttft_ms=ttft_ms, tpot_ms=tpot_ms))
    loose = at(Slo(ttft_ms=ttft_ms * more_ttft, tpot_ms=tpot_ms * more_tpot))
    assert all(loose[workload] >= concurrency - 1e-9 for workload, concurrency in tight.items())


def test_the_gain_never_falls_with_load_and_starts_at_one() -> None:
    gain = shipped_profile("llama-7b-q4").gain
    assert gain is not None

    assert (gain.concurrency[0], gain.decode_gain[0], gain.ttft_growth[0]) == (1, 1, 1)
    assert list(gain.decode_gain) == sorted(gain.decode_gain)
    assert list(gain.ttft_growth) == sorted(gain.ttft_growth)
    assert gain.machine_count == 225


def test_share_alike_data_lies_apart_with_its_notice_and_stays_small() -> None:
    data = files("planner.profile") / "data"
    shared = data / "sparecores"

    notice = (shared / "LICENSE-NOTICE.md").read_text(encoding="utf-8")
    assert "CC BY-SA 4.0" in notice
    assert "804d3c71ddae" in notice
    tables = [entry for entry in shared.iterdir() if entry.name.endswith(".csv")]
    assert len(tables) == 3
    assert all(table.name in notice for table in tables)
    assert not [entry for entry in data.iterdir() if entry.name.endswith(".csv")]
    size = sum(len(entry.read_bytes()) for folder in (data, shared) for entry in folder.iterdir() if entry.is_file())
    assert size < 300_000
