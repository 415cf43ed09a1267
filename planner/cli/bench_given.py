"""Options of `baseload bench`: what is measured, under which load, and where the result goes."""

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.bench.client import Api
from planner.bench.lengths import FixedLengths, Lengths, fixed_lengths, read_lengths
from planner.bench.seen import Load
from planner.cli.options import JsonOption
from planner.errors import InputError

if TYPE_CHECKING:
    from planner.bench.client import Endpoint

TOKEN = "BASELOAD_BENCH_TOKEN"  # noqa: S105 - the name of a variable, not its value
SHIPPED = {"servegen-m-small": "defaults/lengths/servegen_m_small.csv"}
"""Lengths that come with the program, by name."""
MOST_USERS = 4096
MOST_SLOTS = 32
"""Requests at once llama.cpp's server is started for where arrivals are at a rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGiven:
    """What is measured."""

    url: Annotated[
        str | None, typer.Option("--url", help="Endpoint up to and with /v1, such as http://10.0.0.5:8000/v1.")
    ] = None
    model: Annotated[
        Path | None, typer.Option("--model", help="GGUF file: llama.cpp's server is started on it, here.")
    ] = None
    served_model: Annotated[
        str | None, typer.Option("--served-model", help="Model to ask for, where the endpoint serves several.")
    ] = None
    api: Annotated[Api, typer.Option("--api", help="Chat or plain completions.")] = Api.CHAT
    stop_at_eos: Annotated[
        bool, typer.Option("--stop-at-eos", help="Let answers end early; for endpoints that refuse ignore_eos.")
    ] = False
    timeout: Annotated[float, typer.Option("--timeout", metavar="S", min=0.1, help="Of a whole request.")] = 600.0
    stall: Annotated[
        float, typer.Option("--stall", metavar="S", min=0.1, help="Longest wait for the next bytes of an answer.")
    ] = 60.0
    threads: Annotated[
        int | None,
        typer.Option("--threads", min=1, help="Of llama.cpp, with --model; else all processors but one."),
    ] = None
    machine: Annotated[
        str | None,
        typer.Option("--machine", metavar="PROVIDER/PRODUCT", help="What is measured, as in the catalog: ovh/b3-64."),
    ] = None

    def served(self, load: "LoadGiven") -> AbstractContextManager[str]:
        """The endpoint's URL while it is there: the one given, or a server on the file. Raises InputError."""
        if self.url is not None and self.model is None:
            if self.threads is not None:
                raise InputError("--threads: of llama.cpp's server, which only --model starts")
            if not self.url.startswith(("http://", "https://")):
                raise InputError(f"--url {self.url}: expected http:// or https://, up to and with /v1")
            return nullcontext(self.url.rstrip("/"))
        if self.model is None or self.url is not None:
            raise InputError("expected exactly one of --url (an endpoint) and --model (a GGUF file)")
        from planner.bench.llama import llama_server

        if not self.model.is_file():
            raise InputError(f"--model {self.model}: no such file; expected a GGUF file")
        users = [one.users or MOST_SLOTS for one in load.loads()]
        threads = self.threads or max(1, (os.cpu_count() or 1) - 1)  # one is left to the client
        return llama_server(self.model, slots=max(users), context_tokens=load.most_tokens(), threads=threads)

    def endpoint(self, url: str) -> "Endpoint":
        """What requests are sent to."""
        from pydantic import SecretStr

        from planner.bench.client import Endpoint

        token = os.environ.get(TOKEN)
        return Endpoint(
            url=url,
            model=self.served_model or "",
            api=self.api,
            token=SecretStr(token) if token else None,
            timeout_s=self.timeout,
            stall_s=self.stall,
            ignores_eos=not self.stop_at_eos,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadGiven:
    """Under which load."""

    lengths: Annotated[
        list[str] | None,
        typer.Option(
            "--lengths",
            metavar="IN:OUT|FILE|NAME",
            help="Tokens of prompt and answer, each a workload: 256:128 (the default), a CSV of requests or of a "
            f"histogram, or {', '.join(SHIPPED)}.",
        ),
    ] = None
    batch_sizes: Annotated[
        str, typer.Option("--batch-sizes", metavar="N,N,…", help="Users at once, each waiting for its answer.")
    ] = "1,4,8,16,32"
    rates: Annotated[
        str | None,
        typer.Option("--rates", metavar="R,R,…", help="Requests per second that come at random, instead of users."),
    ] = None
    duration: Annotated[float, typer.Option("--duration", metavar="S", min=0.1, help="Of each window.")] = 60.0
    repeats: Annotated[int, typer.Option("--repeats", min=1, max=10, help="Windows of each load.")] = 3
    warm_up: Annotated[
        float, typer.Option("--warm-up", metavar="S", min=0, help="Before each window; not counted.")
    ] = 5.0
    max_input_tokens: Annotated[
        int | None, typer.Option("--max-input-tokens", min=1, help="Cut longer prompts of a file to this.")
    ] = None
    max_output_tokens: Annotated[
        int | None, typer.Option("--max-output-tokens", min=1, help="Cut longer answers of a file to this.")
    ] = None
    shared_prefix: Annotated[
        int,
        typer.Option("--shared-prefix", metavar="TOKENS", min=0, help="Tokens all prompts begin with."),
    ] = 0
    seed: Annotated[int, typer.Option("--seed", help="Of prompts, lengths and arrivals.")] = 0

    def loads(self) -> tuple[Load, ...]:
        """The steps. Raises InputError."""
        if self.rates is not None:
            return tuple(Load(requests_per_s=rate) for rate in _numbers("--rates", self.rates))
        users = _numbers("--batch-sizes", self.batch_sizes)
        if any(one != int(one) or one > MOST_USERS for one in users):
            raise InputError(f"--batch-sizes {self.batch_sizes}: expected whole numbers from 1 to {MOST_USERS}")
        return tuple(Load(users=int(one)) for one in users)

    def workloads(self) -> tuple[Lengths, ...]:
        """Where lengths come from, a workload each. Raises InputError."""
        found = tuple(self._lengths(one) for one in self.lengths or ["256:128"])
        if len({one.name for one in found}) < len(found):
            raise InputError(f"--lengths: two workloads are named {found[0].name}; expected different ones")
        return found

    def most_tokens(self) -> int:
        """Tokens of the longest request, which a server's context must hold. Raises InputError."""
        most = 0
        for one in self.workloads():
            if isinstance(one, FixedLengths):
                most = max(most, one.input_tokens + one.output_tokens)
            elif self.max_input_tokens is None or self.max_output_tokens is None:
                raise InputError(
                    f"--lengths {one.name}: with --model expected --max-input-tokens and --max-output-tokens, which "
                    "say how much context a request gets"
                )
            else:
                most = max(most, self.max_input_tokens + self.max_output_tokens)
        return most

    def _lengths(self, text: str) -> Lengths:
        from planner import files

        fixed = fixed_lengths(text)
        if fixed is not None:
            return fixed
        content = files.packaged_text(SHIPPED[text]) if text in SHIPPED else files.read_text(text)
        return read_lengths(
            content,
            source=text,
            name=Path(text).name,
            most_input_tokens=self.max_input_tokens,
            most_output_tokens=self.max_output_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultGiven:
    """Where the result goes."""

    output: Annotated[Path | None, typer.Option("-o", "--output", help="Save the result as JSON.")] = None
    chart: Annotated[Path | None, typer.Option("--chart", help="Draw the result to an .svg or .png file.")] = None
    as_json: JsonOption = False


def _numbers(option: str, text: str) -> list[float]:
    """Numbers above 0, each once, rising."""
    try:
        found = sorted({float(part) for part in text.split(",")})
    except ValueError:
        found = []
    if not found or not all(0 < one < float("inf") for one in found):
        raise InputError(f"{option} {text}: expected numbers above 0, separated by commas")
    return found
