"""Bad input to `baseload plan`: one line naming file, row or key and what was expected; exit 2; nothing written."""

import gzip
import tempfile
from pathlib import Path

import numpy as np
import pytest

from autoscaler.cli import baseload, run

HEADER = "timestamp,input_tokens_per_s,output_tokens_per_s\n"
ROWS = "2026-11-30T00:00:00Z,10,20\n2026-11-30T01:00:00Z,10,20\n2026-11-30T02:00:00Z,10,20\n"
GOOD = HEADER + ROWS


def with_row(row: str, at: int = 1) -> str:
    """The good forecast with its row `at` (0: the first after the header) replaced."""
    rows = ROWS.splitlines()
    rows[at] = row
    return HEADER + "\n".join(rows) + "\n"


def scenarios(*probabilities: str) -> str:
    rows = [f"2026-11-30T00:00:00Z,10,20,s{n},{p}" for n, p in enumerate(probabilities)]
    return "timestamp,input_tokens_per_s,output_tokens_per_s,scenario,probability\n" + "\n".join(rows) + "\n"


class Refused:
    """Runs `baseload plan` in an empty folder and holds it to the contract of bad input."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        (folder / "good.csv").write_text(GOOD)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def __call__(self, *arguments: str, output: str = "plan.json", chart: str = "plan.svg") -> str:
        """What was said; `{}` in an argument stands for the folder."""
        before = self.listing()
        given = [argument.replace("{}", str(self.folder)) for argument in arguments]
        given += ["-o", str(self.folder / output), "--chart", str(self.folder / chart)]
        code = run(baseload(), ["plan", *given])
        said = self.capsys.readouterr()
        assert (code, said.out) == (2, ""), said.err
        assert said.err.startswith("baseload: ")
        assert said.err.count("\n") == 1
        assert "Traceback" not in said.err
        assert self.listing() == before, "something was written"
        return said.err

    def listing(self) -> dict[str, bytes | None]:
        return {
            str(path.relative_to(self.folder)): path.read_bytes() if path.is_file() else None
            for path in self.folder.rglob("*")
        }


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    return Refused(tmp_path, capsys)


# The forecast


@pytest.mark.parametrize(
    ("content", "where", "expected"),
    [
        pytest.param("", "f.csv", "expected a header", id="empty file"),
        pytest.param("\n\n", "f.csv", "expected a header", id="blank lines only"),
        pytest.param(HEADER, "f.csv", "expected one row per hour", id="header only"),
        pytest.param(ROWS, "f.csv, row 1", "timestamp", id="no header"),
        pytest.param(
            GOOD.replace("output_tokens_per_s", "words"),
            "row 1",
            "'output_tokens_per_s' is missing",
            id="no output",
        ),
        pytest.param(
            GOOD.replace("input_tokens_per_s", "input_token_per_s"),
            "row 1",
            "did you mean 'input_tokens_per_s'?",
            id="column misspelt",
        ),
        pytest.param(
            GOOD.replace("input_tokens_per_s", "timestamp"), "row 1", "appears twice", id="column named twice"
        ),
        pytest.param(with_row("2026-11-30T01:00:00,10,20"), "row 3", "zone", id="naive time"),
        pytest.param(with_row("2026-11-30T03:00:00+02:00,10,20"), "row 3", "zone", id="time zones mixed in one file"),
        pytest.param(with_row("30.11.2026 01:00,10,20"), "row 3", "ISO-8601", id="not a time"),
        pytest.param(with_row("2026-11-30T01:30:00Z,10,20"), "f.csv", "expected", id="off the hour"),
        pytest.param(
            GOOD + "2026-11-30T05:00:00Z,10,20\n", "row 5", "2026-11-30T03:00Z is missing", id="a gap of two hours"
        ),
        pytest.param(with_row("2026-11-30T00:00:00Z,10,20"), "row 3", "each hour once", id="an hour twice"),
        pytest.param(
            HEADER + "\n".join([ROWS.splitlines()[i] for i in (1, 0, 2)]) + "\n",
            "row 3",
            "in order of time",
            id="out of order",
        ),
        pytest.param(with_row("2026-11-30T01:00:00Z,-10,20"), "row 3: input_tokens_per_s", "0 or more", id="negative"),
        pytest.param(with_row("2026-11-30T01:00:00Z,10,NaN"), "row 3: output_tokens_per_s", "expected", id="NaN"),
        pytest.param(with_row("2026-11-30T01:00:00Z,inf,20"), "row 3: input_tokens_per_s", "expected", id="infinite"),
        pytest.param(with_row("2026-11-30T01:00:00Z,1e999,20"), "row 3: input_tokens_per_s", "expected", id="overflow"),
        pytest.param(with_row("2026-11-30T01:00:00Z,many,20"), "row 3: input_tokens_per_s", "'many'", id="text"),
        pytest.param(with_row("2026-11-30T01:00:00Z,,20"), "row 3: no input_tokens_per_s", "expected", id="empty"),
        pytest.param(with_row("2026-11-30T01:00:00Z,1.234,5,20"), "row 3: 4 columns", "expected 3", id="decimal comma"),
        pytest.param(with_row("2026-11-30T01:00:00Z,10"), "row 3: 2 columns", "expected 3", id="row cut short"),
        pytest.param(GOOD.replace(",", ";"), "row 1", "semicolons; expected commas", id="semicolons"),
        pytest.param(GOOD.replace(",", "\t"), "row 1", "tabs; expected commas", id="tabs"),
        pytest.param(GOOD.encode("utf-16"), "f.csv", "expected UTF-8", id="UTF-16"),
        pytest.param(with_row("2026-11-30T01:00:00Z,10,20 \xe9").encode("latin-1"), "row 3", "UTF-8", id="Latin-1"),
        pytest.param(gzip.compress(GOOD.encode() * 50)[:-20], "f.csv", "cut short", id="truncated gzip"),
        pytest.param(b"\x1f\x8b" + b"not gzip at all", "f.csv", "damaged", id="damaged gzip"),
        pytest.param(b"PK\x03\x04" + bytes(range(256)), "f.csv", "expected UTF-8", id="a zip file"),
        pytest.param(scenarios("0.5", "0.4"), "f.csv", "sum to 0.9; expected 1", id="probabilities sum to 0.9"),
        pytest.param(scenarios("0.7", "0.7"), "f.csv", "sum to 1.4; expected 1", id="probabilities sum to 1.4"),
        pytest.param(scenarios("1.5", "-0.5"), "row 2", "probability", id="probability above 1"),
        pytest.param(
            "timestamp,model,input_tokens_per_s,output_tokens_per_s\n2026-11-30T00:00:00Z,gpt-9,10,20\n",
            "f.csv",
            "'llama-7b-q4'",
            id="unknown model",
        ),
        pytest.param(
            GOOD.replace("\n", ",quantile\n", 1).replace("Z,10,20", "Z,10,20,0.9"),
            "f.csv",
            "0.9",
            id="bands without a mean",
        ),
    ],
)
def test_a_bad_forecast(refused: Refused, content: str | bytes, where: str, expected: str) -> None:
    path = refused.write("f.csv", content)
    said = refused("-f", str(path))
    assert str(path) in said
    assert where in said
    assert expected in said


def test_a_forecast_that_is_not_there(refused: Refused) -> None:
    assert "none.csv: no such file" in refused("-f", "{}/none.csv")


def test_a_directory_for_a_forecast(refused: Refused) -> None:
    assert f"{refused.folder}: is a directory; expected a file" in refused("-f", "{}")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(["--month", "2026-12"], "0 of the 744 hours of 2026-12; expected all", id="month outside"),
        pytest.param(["--month", "2026-11"], "3 of the 720 hours of 2026-11; expected all", id="month in part"),
        pytest.param(["--month", "2026-11", "--fill", "weekly"], "3 hours; --fill weekly", id="no week to repeat"),
        pytest.param(["--month", "2026-13"], "expected a year and a month such as 2026-12", id="month 13"),
        pytest.param(["--month", "November"], "expected a year and a month such as 2026-12", id="month by name"),
        pytest.param(["--fill", "weekly"], "--fill needs --month", id="fill without month"),
        pytest.param(["--month", "2026-11", "--fill", "daily"], "'daily' is not one of 'weekly'", id="unknown fill"),
        pytest.param(["--quantile", "0.9"], "no rows of quantile 0.9", id="no such band"),
    ],
)
def test_hours_the_forecast_does_not_have(refused: Refused, arguments: list[str], expected: str) -> None:
    assert expected in refused("-f", "{}/good.csv", *arguments)


# The fleet and its catalog

AZURE = "selector 'azure' matches no offer; expected an offer id or one of aws, aws.on-demand"
MODEL = '[[model]]\nname = "chat"\nprofile = "llama-7b-q4"\n'


@pytest.mark.parametrize(
    ("content", "where", "expected"),
    [
        pytest.param("", "fleet.toml", "[[model]]", id="empty fleet"),
        pytest.param('[[model]\nname = "x"', "fleet.toml", "TOML", id="not TOML"),
        pytest.param(MODEL.replace("profile", "profil"), "chat", "did you mean 'profile'?", id="misspelt model key"),
        pytest.param(MODEL + "[polcy]\n", "fleet.toml", "did you mean 'policy'?", id="misspelt table"),
        pytest.param(
            MODEL + "[policy]\ntarget_utilisation = 0.7\n",
            "[policy]",
            "did you mean 'target_utilization'?",
            id="misspelt policy key",
        ),
        pytest.param(MODEL + "[policy]\ntarget_utilization = 0.0\n", "target_utilization", "(0, 1]", id="target 0"),
        pytest.param(MODEL + "[policy]\ntarget_utilization = 1.7\n", "target_utilization", "(0, 1]", id="target 1.7"),
        pytest.param(MODEL + '[policy]\ntarget_utilization = "x"\n', "target_utilization", "number", id="target text"),
        pytest.param(MODEL + "[policy]\nsurvive_base_losses = 3\n", "survive_base_losses", "0, 1 or 2", id="survive 3"),
        pytest.param(MODEL + "[policy]\nmax_spot_share = 1.5\n", "max_spot_share", "[0, 1]", id="spot share 1.5"),
        pytest.param(MODEL + "[policy]\nmax_usd_month = 0\n", "max_usd_month", "above 0", id="budget 0"),
        pytest.param(
            MODEL + '[policy]\nsharing = "colocated"\n', "[policy] sharing", "'colocated'", id="colocated is refused"
        ),
        pytest.param(MODEL + '[policy]\npreset = "funde"\n', "preset", "'funded'", id="misspelt preset"),
        pytest.param(MODEL.replace("llama-7b-q4", "gpt-9"), "chat", "unknown profile 'gpt-9'", id="unknown profile"),
        pytest.param(MODEL + "cache_hit_ratio = 1.0\n", "chat", "[0, 1)", id="all input cached"),
        pytest.param(MODEL + "[model.slo]\nttft_ms = -1\n", "chat", "slo.ttft_ms", id="negative SLO"),
        pytest.param(MODEL + '[[owned]]\noffer = "hetzner/ax9"\ncount = 1\n', "hetzner/ax9", "offer", id="unknown"),
        pytest.param(
            MODEL + '[[owned]]\noffer = "hetzner/ax102"\ncount = 0\n', "hetzner/ax102", "count", id="owned count 0"
        ),
        pytest.param(MODEL + "[catalog.group_max]\nnone = 3\n", "group_max.none", "count_group", id="unknown group"),
    ],
)
def test_a_bad_fleet(refused: Refused, content: str, where: str, expected: str) -> None:
    path = refused.write("fleet.toml", content)
    said = refused("-f", "{}/good.csv", "-c", str(path))
    assert "fleet.toml" in said
    assert where in said
    assert expected in said


def test_a_fleet_without_what_its_catalog_does_not_have(refused: Refused) -> None:
    path = refused.write("fleet.toml", MODEL + '[catalog]\nwithout = ["azure"]\n')
    assert AZURE in refused("-f", "{}/good.csv", "-c", str(path))


def test_a_fleet_with_a_catalog_that_is_not_there(refused: Refused) -> None:
    path = refused.write("fleet.toml", MODEL + '[catalog]\nfiles = ["none.toml"]\n')
    assert f"{refused.folder / 'none.toml'}: no such file" in refused("-f", "{}/good.csv", "-c", str(path))


OFFER = """
provider = "mine"
price_date = 2026-10-01
currency = "USD"
net_of_vat = true
source = "a quote"

[[offer]]
product = "box"
role = "burst"
region = "here"
billing = "started_hour"
price_usd_hour = 0.5
cores = 16
memory_gib = 64
"""


@pytest.mark.parametrize(
    ("content", "where", "expected"),
    [
        pytest.param(OFFER.replace("= 0.5", "= 0"), "offer box", "above 0", id="price 0"),
        pytest.param(OFFER.replace("= 0.5", "= -0.5"), "offer box", "above 0", id="price negative"),
        pytest.param(OFFER.replace("= 0.5", "= nan"), "offer box", "price_usd_hour", id="price NaN"),
        pytest.param(OFFER.replace("price_usd_hour = 0.5\n", ""), "offer box", "price", id="price missing"),
        pytest.param(OFFER.replace("= 0.5", '= "cheap"'), "offer box", "price_usd_hour", id="price in words"),
        pytest.param(
            OFFER.replace("price_usd_hour", "price_usd_hr"),
            "offer box",
            "did you mean 'price_usd_hour'?",
            id="misspelt key",
        ),
        pytest.param(OFFER.replace("started_hour", "hourly"), "offer box", "billing", id="unknown billing"),
        pytest.param(OFFER.replace("price_date = 2026-10-01\n", ""), "mine.toml", "price_date", id="no price date"),
        pytest.param(OFFER + OFFER[OFFER.index("[[offer]]") :], "offer mine/box", "twice", id="an offer twice"),
    ],
)
def test_a_bad_catalog(refused: Refused, content: str, where: str, expected: str) -> None:
    refused.write("mine.toml", content)
    fleet = refused.write("fleet.toml", MODEL + '[catalog]\nfiles = ["mine.toml"]\n')
    said = refused("-f", "{}/good.csv", "-c", str(fleet))
    assert "mine.toml" in said
    assert where in said
    assert expected in said


def test_the_catalog_of_these_tests_is_good_as_it_stands(refused: Refused) -> None:
    refused.write("mine.toml", OFFER)
    fleet = refused.write("fleet.toml", MODEL + '[catalog]\nfiles = ["mine.toml"]\n')
    assert run(baseload(), ["plan", "-f", str(refused.folder / "good.csv"), "-c", str(fleet)]) == 0
    assert "Plan for chat" in refused.capsys.readouterr().out


def test_a_model_no_offer_can_serve(refused: Refused) -> None:
    fleet = refused.write("fleet.toml", MODEL + "[model.slo]\nttft_ms = 0.001\n")
    said = refused("-f", "{}/good.csv", "-c", str(fleet))
    assert "model chat" in said
    assert "TTFT" in said or "slo" in said.lower()


def test_two_models_and_a_forecast_that_names_none(refused: Refused) -> None:
    fleet = refused.write("fleet.toml", MODEL + MODEL.replace("chat", "code"))
    said = refused("-f", "{}/good.csv", "-c", str(fleet))
    assert "good.csv" in said
    assert "expected the column 'model'" in said


def test_a_fleet_that_is_a_directory(refused: Refused) -> None:
    assert "is a directory" in refused("-f", "{}/good.csv", "-c", "{}")


# Options


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(["--set", "garbage"], "--set garbage: expected KEY=VALUE", id="set without ="),
        pytest.param(["--set", "=3"], "expected KEY=VALUE", id="set without key"),
        pytest.param(["--set", "demand=1.5"], "expected a factor such as *1.5", id="demand is no factor"),
        pytest.param(["--set", "demand=*-1"], "expected a factor", id="negative factor"),
        pytest.param(["--set", "demand=*nan"], "expected a factor", id="NaN factor"),
        pytest.param(["--set", "target_utilization=0"], "target_utilization must be in (0, 1], got 0", id="target 0"),
        pytest.param(["--set", "target_utilization=1.01"], "must be in (0, 1], got 1.01", id="target above 1"),
        pytest.param(["--set", "target_utilisation=0.5"], "did you mean 'target_utilization'?", id="misspelt key"),
        pytest.param(["--set", "price.aws=0"], "must be above 0, got 0", id="price 0"),
        pytest.param(["--set", "price.azure=*2"], AZURE, id="no such provider"),
        pytest.param(["--set", "sharing=colocated"], "expected 'none' or 'hourly'", id="colocated"),
        pytest.param(["--slo", "ttft=500"], "did you mean 'ttft_ms'?", id="misspelt SLO"),
        pytest.param(["--slo", "ttft_ms=fast"], "slo.ttft_ms is 'fast'; expected a valid number", id="SLO in words"),
        pytest.param(["--without", "azure"], AZURE, id="without nothing"),
        pytest.param(["--only", "azure"], AZURE, id="only nothing"),
        pytest.param(["--policy", "enterprize"], "expected bootstrapped, funded, enterprise", id="unknown preset"),
        pytest.param(["--currency", "GBP"], "'GBP' is not one of 'USD', 'EUR'", id="unknown currency"),
        pytest.param(["--maximise", "traffic"], "No such option", id="unknown option"),
    ],
)
def test_a_bad_option(refused: Refused, arguments: list[str], expected: str) -> None:
    assert expected in refused("-f", "{}/good.csv", *arguments)


def test_no_forecast_at_all(refused: Refused) -> None:
    assert "--forecast" in refused()


# Where the plan goes


@pytest.mark.parametrize("name", ["plan.pdf", "plan", "plan.svg.gz", ".svg"])
def test_a_chart_of_unknown_kind(refused: Refused, name: str) -> None:
    said = refused("-f", "{}/good.csv", chart=name)
    assert name in said
    assert ".svg or .png" in said


def test_a_folder_to_write_to_that_does_not_exist(refused: Refused) -> None:
    assert "nowhere does not exist" in refused("-f", "{}/good.csv", output="nowhere/plan.json")


def test_an_output_that_is_a_directory(refused: Refused) -> None:
    (refused.folder / "plans").mkdir()
    assert "plans: is a directory; expected a file to write" in refused("-f", "{}/good.csv", output="plans")


@pytest.mark.parametrize("name", ["nowhere/plan.svg", "folder.svg"])
def test_a_chart_that_cannot_be_written_leaves_no_plan_behind(refused: Refused, name: str) -> None:
    (refused.folder / "folder.svg").mkdir()
    assert name in refused("-f", "{}/good.csv", chart=name)


def test_an_output_in_a_folder_that_may_not_be_written(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(**where: object) -> None:  # root, who builds, may write anywhere
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "mkstemp", denied)
    assert "plan.json: cannot be written (Permission denied)" in refused("-f", "{}/good.csv")


def test_an_output_below_a_file(refused: Refused) -> None:
    assert "cannot be written (Not a directory)" in refused("-f", "{}/good.csv", output="good.csv/plan.json")


def test_an_old_plan_survives_bad_input(refused: Refused) -> None:
    refused.write("plan.json", "the old plan")
    refused("-f", "{}/none.csv")
    assert (refused.folder / "plan.json").read_text() == "the old plan"


# Large, and good


def test_two_million_rows_are_planned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = 2_000_160  # every five seconds, 720 to the hour: 2,778 hours
    times = np.arange(rows) * np.timedelta64(5, "s") + np.datetime64("2026-01-01T00:00:00")
    path = tmp_path / "large.csv"
    path.write_text(HEADER + "Z,100.25,20.5\n".join(np.datetime_as_string(times).tolist()) + "Z,100.25,20.5\n")
    assert run(baseload(), ["plan", "-f", str(path), "--only", "ovh"]) == 0
    said = capsys.readouterr()
    assert "(2,778 h)" in said.out
    assert "rows are 5 seconds apart; averaged to hours" in said.err
