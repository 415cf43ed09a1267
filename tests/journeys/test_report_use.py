"""`baseload report --prometheus`: what nodes did by offer and model, and the next month at it; a real Prometheus.

Six hours of 3 November 2025. The base server does 0.2 of its rated work for three hours; then requests wait, and it
does 0.4. The burst pool holds 1.5 times the requests of the rated point for an hour, and does 1.3 times the work.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from autoscaler.cli import baseload, run
from planner.measure.recorded import BATCHING, RATED, THROUGHPUT, UTILIZATION
from planner.report.month_schema import month_schema
from tests.journeys.test_report import FLEET, folder, report
from tests.needs import program
from tests.planner.month.months import BASE, OUTPUT_H, POOL
from tests.servers.prometheus_double import error, prometheus_double
from tests.servers.real_prometheus import real_prometheus

__all__ = ["folder"]
START_S = datetime(2025, 11, 3, tzinfo=UTC).timestamp()
PAST: Mapping[str, Mapping[str, tuple[float | None, ...]]] = {
    UTILIZATION: {BASE: (0.2, 0.2, 0.2, 0.4, 0.4, 0.4), POOL: (1.3,)},
    BATCHING: {BASE: (0.5,) * 6, POOL: (1.5,)},
    THROUGHPUT: {BASE: (None, None, None, 0.4, 0.4, 0.4), POOL: (1.3,)},
    RATED: {BASE: (OUTPUT_H / 3600,) * 6, POOL: (OUTPUT_H / 3600,)},
}
"""By hour; None: no sample."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    where = tmp_path_factory.mktemp("recorded")
    written, data = where / "past.om", where / "data"
    written.write_text("\n".join([*_lines(), "# EOF"]) + "\n")
    made = [program("promtool", "prometheus"), "tsdb", "create-blocks-from", "openmetrics", str(written), str(data)]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
    with real_prometheus(data=data) as server:
        yield server.url


def _lines() -> Iterator[str]:
    """A sample in the middle of every minute, as a rule records them."""
    for name, by_offer in PAST.items():
        for offer, hours in by_offer.items():
            for minute in range(60 * len(hours)):
                value = hours[minute // 60]
                if value is not None:
                    labels = f'pool="{offer}",model="m"' + (',phase="decode"' if name == RATED else "")
                    yield f"{name}{{{labels}}} {value} {START_S + 60 * minute + 30:.0f}"


def test_use_by_offer_is_in_the_report_and_the_next_month_is_planned_at_it(
    url: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--month", "2025-11", "--prometheus", url, "--currency", "USD"]
    code, out, _ = report(capsys, *options, "--json")
    assert code == 0
    document = json.loads(out)
    jsonschema.validate(document, month_schema())
    base, pool = document["use"]["rows"]
    assert (base["offer"], base["model"], base["measured_hours"], base["saturated_hours"]) == (BASE, "m", 6.0, 3.0)
    assert (base["utilization_mean"], base["utilization_p95"]) == pytest.approx((0.3, 0.4))
    assert (base["batching_ratio"], base["throughput_ratio"]) == pytest.approx((0.5, 0.4))
    assert (pool["measured_hours"], pool["throughput_ratio"]) == pytest.approx((1.0, 1.3))
    # December's traffic is 0.4 of a node: one base server at 72. At 0.4 of its rates it is a whole one, above the
    # target of 0.9: two would cost 144, a burst node all month 744 x 0.10 = 74.40. The pool does more by holding more
    # requests than rated: no drift.
    measured = document["next_month"]["at_measured_rates"]
    assert [(one["offer"], one["throughput_factor"]) for one in measured["factors"]] == [(BASE, 0.4)]
    assert float(document["next_month"]["plan"]["bill_usd"]) == 72
    assert float(measured["plan"]["bill_usd"]) == 74.4

    code, _, _ = report(capsys, *options, "--format", "md,html")
    page = (folder / "capacity-report-2025-11.md").read_text()
    assert f"| m | {BASE} | 6.0 | 30.0 | 40.0 | 50.0 | 3.0 | 40 |" in page
    assert "the plan would be to cancel 1 hetzner/ax102, for USD 74.40: USD 2.40 more." in page
    assert f'throughput_factor_by_offer = {{ "{BASE}" = 0.4 }}' in page.replace("\\", "")

    span = "--start 2025-11-01T00:00Z --end 2025-12-01T00:00Z"
    assert (
        f"- baseload profile fit --prometheus {url} --machine {BASE} --model m --selector '…' {span} -o m.toml"
        in page.replace("\\", "")
    )
    assert "Of the 720 hours those that were not measured are unknown" in page

    # What the report proposes is a key of the fleet, and the next plan is made by it.
    line = f'throughput_factor_by_offer = {{ "{BASE}" = 0.4 }}\nload_time_s = 0'
    (folder / "fleet.toml").write_text(FLEET.replace("load_time_s = 0", line))
    code, out, _ = report(capsys, "--month", "2025-11", "--json")
    assert float(json.loads(out)["next_month"]["plan"]["bill_usd"]) == 74.4
    # The month's ratios are of what nodes were rated at then: by the factor they do all that they are rated at now.
    code, out, _ = report(capsys, *options, "--json")
    document = json.loads(out)
    assert document["use"]["rows"][0]["throughput_ratio"] == pytest.approx(0.4)
    assert document["next_month"]["at_measured_rates"] is None


def test_a_month_nobody_recorded_says_which_rules_are_missing(
    url: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with prometheus_double() as double:
        code, _, _ = report(capsys, "--month", "2025-11", "--prometheus", double.url, "--format", "md")
    assert code == 0
    page = (folder / "capacity-report-2025-11.md").read_text()
    assert "has no utilization by offer of this month: it is recorded by the rules of infra/monitoring/" in page
    assert "At the measured rates" not in page


def test_a_prometheus_that_fails_leaves_no_report(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with prometheus_double() as double:
        double.status, double.answer = 503, lambda _: error("timeout", "query timed out")
        code, _, err = report(capsys, "--month", "2025-11", "--prometheus", double.url)
    assert code == 5
    assert "answered 503, timeout: query timed out" in " ".join(err.split())
    assert not (folder / "capacity-report-2025-11.html").exists()
    assert report(capsys, "--month", "2025-11", "--prometheus", "prometheus:9090")[0] == 2


def test_a_factor_of_an_offer_that_is_not_there_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = 'throughput_factor_by_offer = { "hetzner/ax012" = 0.4 }\nload_time_s = 0'
    (folder / "fleet.toml").write_text(FLEET.replace("load_time_s = 0", line))
    assert run(baseload(), ["plan", "-f", "forecast.csv", "-c", "fleet.toml"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"throughput_factor_by_offer: no offer is called 'hetzner/ax012'; did you mean '{BASE}'?" in said
