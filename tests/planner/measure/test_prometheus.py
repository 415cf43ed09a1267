import gc
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from planner.errors import InputError
from planner.measure.prometheus import MetricsError, Prometheus, selector, without_user
from tests.servers.prometheus_double import error, matrix, prometheus_double, vector

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
T = NOON.timestamp()


@pytest.fixture
def double():
    with prometheus_double() as double:
        yield double


@pytest.fixture
def prometheus(double):
    with Prometheus(double.url, timeout_s=5.0) as prometheus:
        yield prometheus


def test_an_instant_query_has_samples_with_their_own_times(double, prometheus):
    double.answer = lambda _: matrix(({"__name__": "up", "instance": "a"}, [(T - 15, "1"), (T, "0")]))
    (one,) = prometheus.instant("up[1m]", at=NOON).series
    assert (one.name, one.times_s, one.values) == ("up", (T - 15, T), (1.0, 0.0))
    assert double.asked[0].form == {"query": "up[1m]", "time": f"{T:.3f}", "timeout": "5s"}


def test_nothing_matched_is_no_series_and_not_a_zero(prometheus):
    assert prometheus.instant("up", at=NOON).series == ()


def test_samples_that_are_no_numbers_are_no_measurements(double, prometheus):
    double.answer = lambda _: matrix(
        ({"__name__": "a"}, [(T - 30, "NaN"), (T - 15, "7"), (T, "+Inf")]), ({"__name__": "b"}, [(T, "NaN")])
    )
    (one,) = prometheus.instant("{}", at=NOON).series
    assert (one.name, one.values) == ("a", (7.0,))


def test_a_sample_of_another_shape_is_an_error(double, prometheus):
    document = matrix(({"__name__": "a"}, [(T - 15, "7"), (T, "8")]))
    document["data"]["result"][0]["values"][1] = [T]
    double.answer = lambda _: document
    with pytest.raises(MetricsError, match="its answer cannot be read"):
        prometheus.instant("a", at=NOON)


def test_answers_come_uncompressed_and_cycles_are_collected_again_afterwards(double, prometheus):
    prometheus.instant("up", at=NOON)
    assert double.asked[0].accept_encoding == "identity"
    assert gc.isenabled()
    double.status, double.body = 200, b"no json"
    with pytest.raises(MetricsError):
        prometheus.instant("up", at=NOON)
    assert gc.isenabled()


def test_cycles_are_collected_while_prometheus_is_waited_for():
    """A daemon's other threads make garbage while this one waits up to its time-out."""
    seen = []

    def answered(request: httpx.Request) -> httpx.Response:
        seen.append(gc.isenabled())
        return httpx.Response(200, json=vector(({"__name__": "up"}, T, "1")))

    with Prometheus("http://prometheus", transport=httpx.MockTransport(answered)) as prometheus:
        assert prometheus.instant("up", at=NOON).series
    assert seen == [True]


def test_a_native_histogram_is_left_out(double, prometheus):
    document = vector(({"__name__": "a"}, T, "1"))
    document["data"]["result"].append({"metric": {"__name__": "h"}, "histogram": [T, {"count": "1"}]})
    double.answer = lambda _: document
    assert [one.name for one in prometheus.instant("{}", at=NOON).series] == ["a"]


def test_warnings_are_handed_on(double, prometheus):
    double.answer = lambda _: vector(warnings=("store 2 is away",))
    assert prometheus.instant("up", at=NOON).warnings == ("store 2 is away",)


def test_the_token_goes_in_the_header_and_nowhere_else(double):
    with Prometheus(double.url, token=SecretStr("planted-secret")) as prometheus:
        prometheus.instant("up", at=NOON)
        double.status = 403
        double.body = b"no"
        with pytest.raises(MetricsError) as raised:
            prometheus.instant("up", at=NOON)
    assert double.asked[0].authorization == "Bearer planted-secret"
    assert "planted-secret" not in str(double.asked[0].form) + str(raised.value) + repr(prometheus)


@pytest.mark.parametrize(
    ("status", "document", "said"),
    [
        (400, error("bad_data", "invalid parameter"), "answered 400, bad_data: invalid parameter"),
        (422, error("execution", "many-to-many"), "answered 422, execution: many-to-many"),
        (503, error("timeout", "query timed out"), "answered 503, timeout: query timed out"),
        (200, error("execution", "found duplicate series"), "answered 200, execution: found duplicate series"),
        (200, {"status": "success", "data": {"resultType": "tensor", "result": []}}, "cannot be read"),
        (200, {"status": "success", "data": {"resultType": "vector", "result": [{"value": 3}]}}, "cannot be read"),
        (200, {"status": "success"}, "cannot be read"),
    ],
)
def test_an_error_of_the_api_says_which_url_and_why(double, prometheus, status, document, said):
    double.status, double.answer = status, lambda _: document
    with pytest.raises(MetricsError, match=said) as raised:
        prometheus.instant("up", at=NOON)
    assert str(raised.value).startswith(f"{double.url}/api/v1/query: ")


def test_an_answer_that_is_no_json_is_an_error(double, prometheus):
    double.status, double.body = 502, b"<html>bad gateway</html>"
    with pytest.raises(MetricsError, match="answered 502 with something else than Prometheus' JSON"):
        prometheus.instant("up", at=NOON)


def test_redirects_are_not_followed(double):
    double.status, double.headers, double.body = 302, {"Location": f"{double.url}/elsewhere"}, b""
    with (
        Prometheus(double.url, token=SecretStr("planted-secret")) as prometheus,
        pytest.raises(MetricsError, match="302"),
    ):
        prometheus.instant("up", at=NOON)
    assert [asked.path for asked in double.asked] == ["/api/v1/query"]


def test_a_server_that_hangs_is_an_error_in_time(double):
    double.hangs_s = 30.0
    with Prometheus(double.url, timeout_s=0.1) as prometheus, pytest.raises(MetricsError, match=r"within 0\.1 s"):
        prometheus.instant("up", at=NOON)


def test_an_answer_that_does_not_come_to_an_end_is_an_error_in_time():
    class Endless(httpx.SyncByteStream):
        def __iter__(self):
            while True:
                yield bytes(1 << 20)

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Endless()))
    with (
        Prometheus("http://prometheus", timeout_s=1e-6, transport=transport) as prometheus,
        pytest.raises(MetricsError, match="no whole answer within"),
    ):
        prometheus.instant("up", at=NOON)


def test_a_proxy_of_the_environment_is_not_told_what_is_asked(double, monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with prometheus_double() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        with Prometheus(double.url, token=SecretStr("planted-secret")) as prometheus:
            prometheus.instant("up", at=NOON)
        assert (len(double.asked), proxy.asked) == (1, [])


def test_nobody_there_is_an_error_that_hides_user_and_password():
    with Prometheus("http://ops:hunter2pass@127.0.0.1:1") as prometheus, pytest.raises(MetricsError) as raised:
        prometheus.instant("up", at=NOON)
    assert str(raised.value) == "http://127.0.0.1:1/api/v1/query: no answer, connection refused"


def test_a_ca_file_that_is_none_is_named(tmp_path):
    with pytest.raises(InputError, match=r"ca_file .*missing\.pem"):
        Prometheus("https://localhost", ca_file=str(tmp_path / "missing.pem"))
    (tmp_path / "bad.pem").write_text("hello")
    with pytest.raises(InputError, match="expected certificates in PEM"):
        Prometheus("https://localhost", ca_file=str(tmp_path / "bad.pem"))


def test_a_long_range_is_asked_in_parts_that_meet_without_sharing_a_step(double, prometheus):
    double.answer = lambda asked: matrix(
        ({"model": "m"}, [(float(asked.form[name]), "1") for name in ("start", "end")])
    )
    step = timedelta(seconds=30)
    answer = prometheus.over("x", start=NOON, end=NOON + 25_000 * step, step=step)
    spans = [((float(a.form["start"]) - T) / 30, (float(a.form["end"]) - T) / 30) for a in double.asked]
    assert spans == [(0, 10_999), (11_000, 21_999), (22_000, 25_000)]
    assert [(at - T) / 30 for at in answer.series[0].times_s] == [0, 10_999, 11_000, 21_999, 22_000, 25_000]


def test_a_range_that_ends_before_it_starts_is_refused(prometheus):
    with pytest.raises(ValueError, match="expected start before end"):
        prometheus.over("x", start=NOON, end=NOON - timedelta(hours=1), step=timedelta(hours=1))


def test_a_selector_names_metrics_and_further_labels():
    assert selector(("a:b", "up"), 'job="vllm",') == '{__name__=~"a:b|up", job="vllm"}'
    assert selector(("up",)) == '{__name__=~"up"}'


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://a:b@host:9090/prefix/", "http://host:9090/prefix"),
        ("https://host?token=x", "https://host"),
        ("http://[::1]:9090", "http://[::1]:9090"),
    ],
)
def test_a_url_is_shown_without_what_is_secret(url, shown):
    assert without_user(url) == shown
