"""`baseload bench` against llama.cpp's own server on a random model, and against a double; what is wrong is said."""

import json
from pathlib import Path

import jsonschema
import pytest

from autoscaler.cli import baseload, run
from planner.report.bench import bench_schema, duration_words
from tests.servers.llama_server import write_model
from tests.servers.openai_double import OpenAiDouble, Trouble, openai_double

SHORT = ("--batch-sizes", "1,2", "--duration", "0.2", "--warm-up", "0.05", "--repeats", "2")


@pytest.fixture(scope="session")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "random.gguf"
    write_model(path)
    return path


def bench(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = run(baseload(), ["bench", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_gguf_file_is_served_measured_saved_and_drawn(
    gguf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved, picture = tmp_path / "bench.json", tmp_path / "bench.png"
    code, out, _ = bench(
        "--model", gguf, "--threads", 1, "--lengths", "32:16", "--lengths", "96:8", "--batch-sizes", "1,2",
        "--duration", 1, "--warm-up", 0.3, "--repeats", 2, "--machine", "hetzner/ax102", "-o", saved,
        "--chart", picture, capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert "random at http://127.0.0.1:" in out
    assert "(llama.cpp), machine hetzner/ax102" in out
    assert "batch size throughput latency P50 latency P99" in " ".join(out.split())
    document = json.loads(saved.read_text())
    jsonschema.validate(document, bench_schema())
    assert [one["workload"] for one in document["workloads"]] == ["32:16", "96:8"]
    for workload, (prompt, output) in zip(document["workloads"], ((32, 16), (96, 8)), strict=True):
        assert [step["users"] for step in workload["steps"]] == [1, 2]
        for step in workload["steps"]:
            assert len(step["windows"]) == 2
            for window in step["windows"]:
                assert window["errors"] == {}
                assert window["prompt_tokens"] == pytest.approx(prompt, rel=0.15)  # words of one or two tokens
                assert window["output_tokens"] <= output  # the first answer of each user is cut short
                assert window["output_tok_s"] > 0
                assert window["concurrency"] == pytest.approx(step["users"], rel=0.25)
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_an_endpoint_is_measured_and_what_is_doubtful_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with openai_double(OpenAiDouble(token_s=0.02)) as double:
        code, out, err = bench("--url", double.url + "/", *SHORT, "--json", capsys=capsys)
    assert code == 0
    document = json.loads(out)
    jsonschema.validate(document, bench_schema())
    assert document["workloads"][0]["workload"] == "256:128"
    assert any("percentiles of so few say little" in one for one in document["remarks"])
    assert "note: 256:128 at 1: " in err
    assert "note: takes about 1 s, answers that outlast their window apart" in err  # two loads, two windows of 0.25 s


def test_lengths_of_a_file_and_those_that_are_shipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("input_tokens,output_tokens\n30,5\n60,7\n")
    with openai_double(OpenAiDouble(token_s=0.001)) as double:
        code, out, _ = bench(
            "--url", double.url, *SHORT, "--lengths", trace, "--lengths", "servegen-m-small",
            "--max-input-tokens", 50, "--max-output-tokens", 6, capsys=capsys,
        )  # fmt: skip
    assert code == 0
    assert "Workload trace.csv: " in out
    assert "Workload servegen-m-small: " in out
    sent = double.requests[2:]
    assert max(one["max_tokens"] for one in sent) == 6
    assert max(len(one["messages"][0]["content"].split()) for one in sent) <= 47  # 50 less the frame


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "expected exactly one of --url (an endpoint) and --model (a GGUF file)"),
        (("--url", "http://h/v1", "--model", "m.gguf"), "expected exactly one of --url"),
        (("--url", "h:80"), "--url h:80: expected http:// or https://"),
        (("--url", "http://h/v1", "--threads", "2"), "--threads: of llama.cpp's server"),
        (("--url", "http://h/v1", "--batch-sizes", "0"), "--batch-sizes 0: expected numbers above 0"),
        (("--url", "http://h/v1", "--batch-sizes", "1.5"), "--batch-sizes 1.5: expected whole numbers"),
        (("--url", "http://h/v1", "--rates", "x"), "--rates x: expected numbers above 0"),
        (("--url", "http://h/v1", "--lengths", "8:8", "--lengths", "8:8"), "two workloads are named 8:8"),
        (("--url", "http://h/v1", "--lengths", "no.csv"), "no.csv: no such file"),
        (("--model", "no.gguf"), "--model no.gguf: no such file; expected a GGUF file"),
        (("--url", "http://h/v1", "--chart", "x.pdf"), "x.pdf: a chart is written as .svg or .png"),
    ],
)
def test_wrong_input_is_said_in_a_line(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = bench(*arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_lengths_of_a_file_with_a_model_need_a_limit(gguf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = bench("--model", gguf, "--lengths", "servegen-m-small", capsys=capsys)
    assert code == 2
    assert "expected --max-input-tokens and --max-output-tokens" in err


def test_a_file_that_is_no_model_is_exit_code_5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"no model")
    code, _, err = bench("--model", broken, *SHORT, capsys=capsys)
    assert code == 5
    assert "llama.cpp's server did not start" in err


def test_a_server_that_refuses_is_exit_code_5_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "bench.json"
    with openai_double(OpenAiDouble(trouble=Trouble.BUSY)) as double:
        code, out, err = bench("--url", double.url, *SHORT, "-o", saved, capsys=capsys)
    assert (code, out) == (5, "")
    assert "no request was answered (HTTP 429 × " in err
    assert not saved.exists()


def test_how_long_it_takes_is_said_in_minutes_from_two_on() -> None:
    assert duration_words(975) == "16 minutes"
    assert duration_words(119) == "119 s"


def test_a_token_never_shows(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASELOAD_BENCH_TOKEN", "sk-very-secret")
    with openai_double(OpenAiDouble(token_s=0.001)) as double:
        code, out, err = bench("--url", double.url, *SHORT, "--json", capsys=capsys)
    assert code == 0
    assert {one["authorization"] for one in double.headers} == {"Bearer sk-very-secret"}
    assert "very-secret" not in out + err
