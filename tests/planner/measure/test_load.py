"""The numbers: a window of 60 s, five scrapes 15 s apart, the last one now."""

import pytest

from planner.measure.dialect import DIALECTS, LITELLM, LLAMA_CPP, SGLANG, VLLM
from planner.measure.load import Load, RequestMeans, loads_of, targets_of
from planner.measure.series import Series

NOW_S = 1_000.0
TIMES = (940.0, 955.0, 970.0, 985.0, 1000.0)
MEANS = RequestMeans(input_tokens=100.0, output_tokens=50.0)


def a_series(name: str, *values: float, instance: str = "a:8000", **labels: str) -> Series:
    return Series(
        labels={"__name__": name, "job": "j", "instance": instance, **labels},
        times_s=TIMES[-len(values) :],
        values=values,
    )


def even(name: str, per_s: float, *, instance: str = "a:8000", **labels: str) -> Series:
    return a_series(name, *(6000.0 + per_s * (t - TIMES[0]) for t in TIMES), instance=instance, **labels)


def flat(name: str, value: float, *, instance: str = "a:8000", **labels: str) -> Series:
    return a_series(name, *([value] * 5), instance=instance, **labels)


def a_load(*series: Series, dialect=VLLM, means: RequestMeans | None = MEANS, model: str = "m") -> Load:
    return loads(*series, dialect=dialect, means=means)[model]


def loads(*series: Series, dialect=VLLM, means: RequestMeans | None = MEANS) -> dict[str, Load]:
    def whose(labels):
        return next((labels[name] for name in dialect.model_labels if name in labels), None)

    return loads_of(
        targets_of(series),
        dialect,
        whose=whose,
        means={} if means is None else {"m": means, "n": means},
        default_means=RequestMeans(input_tokens=500.0, output_tokens=200.0),
        now_s=NOW_S,
        window_s=60.0,
    )


def vllm(instance: str = "a:8000", *, waiting: Series | None = None, running: float = 2.0) -> tuple[Series, ...]:
    """A server that begins and ends one request of 100 tokens in and 50 out each second."""
    named = {"instance": instance, "model_name": "m"}
    return (
        flat("up", 1.0, instance=instance),
        even("vllm:prompt_tokens_total", 100.0, **named),
        even("vllm:generation_tokens_total", 50.0, **named),
        even("vllm:request_success_total", 0.75, finished_reason="stop", **named),
        even("vllm:request_success_total", 0.25, finished_reason="length", **named),
        flat("vllm:num_requests_running", running, **named),
        waiting or flat("vllm:num_requests_waiting", 0.0, **named),
    )


def test_a_fleet_without_a_queue_is_asked_for_what_it_begins():
    load = a_load(*vllm("a:8000"), *vllm("b:8000"))
    assert (load.input_tok_s, load.output_tok_s, load.requests_s) == pytest.approx((200.0, 100.0, 2.0))
    assert (load.running, load.waiting, load.queue_input_tokens, load.targets) == (4.0, 0.0, 0.0, 2)
    assert load.at_s == NOW_S


def test_overload_is_seen_at_the_input_and_not_at_completions():
    growing = a_series("vllm:num_requests_waiting", 0, 15, 30, 45, 60, model_name="m")
    load = a_load(*vllm(waiting=growing))
    assert load.requests_s == pytest.approx(2.0)  # one ends each second, and one more waits
    assert load.input_tok_s == pytest.approx(200.0)  # 100 begun, 100 more that wait
    assert load.output_tok_s == pytest.approx(100.0)
    assert (load.queue_input_tokens, load.queue_output_tokens) == pytest.approx((6000.0, 3000.0))


def test_a_queue_that_is_worked_off_is_no_demand():
    shrinking = a_series("vllm:num_requests_waiting", 60, 45, 30, 15, 0, model_name="m")
    load = a_load(*vllm(waiting=shrinking))
    assert (load.input_tok_s, load.output_tok_s, load.requests_s) == pytest.approx((0.0, 0.0, 0.0))


def test_zero_is_measured_zero():
    names = ("prompt_tokens_total", "generation_tokens_total", "num_requests_running", "num_requests_waiting")
    load = a_load(*(flat(f"vllm:{name}", 0.0, model_name="m") for name in names))
    assert load.is_zero
    assert not a_load(*vllm()).is_zero


def test_one_sample_is_no_measurement():
    assert loads(a_series("vllm:prompt_tokens_total", 5_000_000.0, model_name="m")) == {}


def test_a_restart_gives_neither_a_negative_nor_a_huge_rate():
    named = {"model_name": "m"}
    load = a_load(
        a_series("vllm:prompt_tokens_total", 9e9, 9e9 + 1500, 0, 1500, 3000, **named),
        a_series("vllm:generation_tokens_total", 4e9, 4e9 + 750, 0, 750, 1500, **named),
        a_series("vllm:request_success_total", 9e6, 9e6 + 15, 0, 15, 30, **named),
        a_series("vllm:num_requests_running", 40, 40, 0, 2, 2, **named),
        a_series("vllm:num_requests_waiting", 500, 500, 0, 0, 0, **named),
    )
    assert load.input_tok_s == pytest.approx(4500 / 60)
    assert load.output_tok_s == pytest.approx(50 * (45 + 2) / 60)


def test_engines_of_one_server_add_up():
    one = [even("vllm:prompt_tokens_total", 10.0, model_name="m", engine=str(rank)) for rank in (0, 1)]
    assert a_load(*one).input_tok_s == pytest.approx(20.0)


def test_a_server_with_old_and_new_names_is_counted_once():
    named = {"model_name": "m"}
    load = a_load(
        *vllm(),
        even("vllm:prefix_cache_queries_total", 100.0, **named),
        even("vllm:prefix_cache_hits_total", 40.0, **named),
        even("vllm:gpu_prefix_cache_queries_total", 100.0, **named),
        even("vllm:gpu_prefix_cache_hits_total", 90.0, **named),
        flat("vllm:kv_cache_usage_perc", 0.5, **named),
        flat("vllm:gpu_cache_usage_perc", 0.9, **named),
    )
    assert (load.cache_hit_ratio, load.kv_cache_ratio) == pytest.approx((0.4, 0.5))


def test_a_server_with_old_names_only_is_read_by_them():
    named = {"model_name": "m"}
    load = a_load(
        *vllm(),
        even("vllm:gpu_prefix_cache_queries_total", 100.0, **named),
        even("vllm:gpu_prefix_cache_hits_total", 25.0, **named),
        flat("vllm:gpu_cache_usage_perc", 0.9, **named),
        even("vllm:num_preemptions_total", 0.1, **named),
    )
    assert (load.cache_hit_ratio, load.kv_cache_ratio, load.preempted) == pytest.approx((0.25, 0.9, 6.0))


def test_without_a_mean_request_output_is_what_was_made_and_what_waits_at_the_settings():
    growing = a_series("vllm:num_requests_waiting", 0, 0, 0, 0, 6, model_name="m")
    load = a_load(*vllm(waiting=growing), means=None)
    assert load.input_tok_s == pytest.approx(100.0 + 500 * 6 / 60)
    assert load.output_tok_s == pytest.approx(50.0 + 200 * 6 / 60)


def test_a_server_that_went_away_keeps_what_it_was_asked_and_not_what_it_holds():
    gone = [
        Series(labels={**one.labels, "instance": "b:8000"}, times_s=TIMES[:2], values=one.values[:2])
        for one in vllm(running=8.0)
        if one.name != "up"
    ]
    load = a_load(*vllm(), *gone)
    assert load.running == 2.0
    assert load.input_tok_s == pytest.approx(100.0 + 1500 / 60)


def test_llama_cpp_counts_cached_input_beside_and_no_requests():
    here = {"model": "m"}
    load = a_load(
        even("llamacpp:prompt_tokens_total", 60.0, **here),
        even("llamacpp:prompt_tokens_cached_total", 40.0, **here),
        even("llamacpp:tokens_predicted_total", 50.0, **here),
        flat("llamacpp:requests_processing", 4.0, **here),
        a_series("llamacpp:requests_deferred", 0, 0, 0, 0, 3, **here),
        dialect=LLAMA_CPP,
        means=None,
    )
    assert load.cache_hit_ratio == pytest.approx(0.4)
    assert load.input_tok_s == pytest.approx(100.0 + 500 * 3 / 60)
    assert load.output_tok_s == pytest.approx(50.0 + 200 * 3 / 60)
    assert load.requests_s is None
    assert (load.queue_input_tokens, load.queue_output_tokens) == (1500.0, 600.0)


@pytest.mark.parametrize("suffix", ["_metric_total", "_total"], ids=["new", "old"])
def test_litellm_shares_what_is_in_flight_by_what_models_are_asked(suffix):
    load = loads(
        even(f"litellm_input_tokens{suffix}", 300.0, requested_model="m", model="openai/x"),
        even(f"litellm_output_tokens{suffix}", 30.0, requested_model="m", model="openai/x"),
        even(f"litellm_input_tokens{suffix}", 100.0, requested_model="n", model="openai/y"),
        even(f"litellm_output_tokens{suffix}", 10.0, requested_model="n", model="openai/y"),
        a_series("litellm_in_flight_requests", 0, 0, 0, 0, 24),
        dialect=LITELLM,
    )
    assert load["m"].input_tok_s == pytest.approx(300.0 + 100 * 18 / 60)
    assert load["n"].input_tok_s == pytest.approx(100.0 + 100 * 6 / 60)
    assert load["m"].output_tok_s == pytest.approx(30.0 + 50 * 18 / 60)
    assert (load["m"].running, load["n"].running) == (18.0, 6.0)


def test_a_label_set_that_appears_at_a_gateway_counts_from_nothing():
    load = a_load(
        flat("up", 1.0),
        even("litellm_input_tokens_metric_total", 0.0, requested_model="m", team="a"),
        a_series("litellm_input_tokens_metric_total", 600.0, requested_model="m", team="b"),
        dialect=LITELLM,
    )
    assert load.input_tok_s == pytest.approx(10.0)


def test_sglang_counts_when_requests_end():
    named = {"model_name": "m"}
    load = a_load(
        even("sglang:prompt_tokens_total", 100.0, **named),
        even("sglang:generation_tokens_total", 50.0, **named),
        even("sglang:num_requests_total", 1.0, **named),
        even("sglang:cached_tokens_total", 30.0, **named),
        a_series("sglang:num_running_reqs", 0, 0, 0, 0, 6, **named),
        flat("sglang:num_queue_reqs", 0.0, **named),
        dialect=SGLANG,
    )
    assert (load.input_tok_s, load.requests_s, load.cache_hit_ratio) == pytest.approx((110.0, 1.1, 0.3))


@pytest.mark.parametrize("dialect", [DIALECTS[name] for name in sorted(DIALECTS)], ids=sorted(DIALECTS))
def test_every_dialect_names_tokens_and_a_model(dialect):
    assert dialect.input_tokens
    assert dialect.output_tokens
    assert dialect.model_labels
    assert len(set(dialect.names)) == len(dialect.names)
