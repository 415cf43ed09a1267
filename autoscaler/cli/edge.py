"""The edge: what went wrong becomes one line on stderr and an exit code; docs/exit-codes.md is its contract.

Nothing above it, and nothing below it prints an error or chooses an exit code for one.
"""

import os
import sys
import traceback
from collections.abc import Sequence

import typer
from typer.main import get_command

from planner.errors import InputError, PlannerError

BUG = 1
"""Exit code of an error nobody foresaw, as of any Python program."""
BAD_INPUT = 2
FAILED = 5
INTERRUPTED = 130
"""128 + SIGINT, as a shell would say."""
BROKEN_PIPE = 141
"""128 + SIGPIPE: who read our output has gone."""

EXTRAS = {
    **dict.fromkeys(("httpx", "kubernetes", "prometheus_client", "structlog", "urllib3"), "daemon"),
    **dict.fromkeys(("boto3", "botocore"), "aws"),
    "hcloud": "hetzner",
    "ovh": "ovh",
    "ruamel": "publish",
    **dict.fromkeys(("aiohttp", "psutil"), "bench"),
    **dict.fromkeys(("xllamacpp", "gguf"), "llama"),
}
"""By package: what of pyproject.toml brings it. An installation may lack it."""

QUIET = ("-q", "--quiet")
VERBOSE = ("-v", "--verbose")


def run(app: typer.Typer, arguments: Sequence[str]) -> int:
    """The exit code of `app` run with `arguments`; whatever went wrong has been said in one line on stderr."""
    lifted = options_first(arguments)
    try:
        result = get_command(app).main(list(lifted), prog_name="baseload", standalone_mode=False)
        sys.stdout.flush()
    except SystemExit as stop:  # typer ends the process itself when a pipe breaks, with a code of its own
        if isinstance(stop.__context__, BrokenPipeError):
            return let_go_of_stdout()
        return stop.code if isinstance(stop.code, int) else int(bool(stop.code))
    except BrokenPipeError:
        return let_go_of_stdout()
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the edge: one line, never a traceback unless asked for
        if any(flag in lifted for flag in VERBOSE) and is_bug(error):
            traceback.print_exception(error)
        line, code = verdict(error)
        print(line, file=sys.stderr)  # noqa: T201 - the one place that says an error
        return code
    return result if isinstance(result, int) else 0


def options_first(arguments: Sequence[str]) -> tuple[str, ...]:
    """The arguments with -q and -v moved to the front, so that `baseload plan -q` means `baseload -q plan`."""
    own = list(arguments)
    rest = own[own.index("--") :] if "--" in own else []
    own = own[: len(own) - len(rest)]
    lifted = [a for a in own if a in (*QUIET, *VERBOSE)]
    return (*lifted, *(a for a in own if a not in lifted), *rest)


def verdict(error: Exception) -> tuple[str, int]:
    """What to say of `error`, in one line, and the exit code that tells its kind."""
    match error:
        case typer.TyperException():
            return usage_line(error), BAD_INPUT
        case typer.Abort():
            return "baseload: stopped", INTERRUPTED
        case InputError():
            return one_line(str(error)), BAD_INPUT
        case PlannerError():
            return one_line(str(error)), FAILED
        case OSError(filename=str() | bytes() as name):
            return one_line(f"{os.fsdecode(name)}: {error.strerror}"), BAD_INPUT
        case OSError():
            return one_line(f"the system refused: {error.strerror or error}"), FAILED
        case MemoryError():
            return one_line("not enough memory for this input; use fewer scenarios or a shorter horizon"), FAILED
        case _:
            package = (getattr(error, "name", None) or "").partition(".")[0]
            if isinstance(error, ModuleNotFoundError) and package in EXTRAS:
                line, code = f"{package} is not installed; install baseload[{EXTRAS[package]}]", BAD_INPUT
            else:
                what = f"{type(error).__name__}: {error}"
                line, code = f"this is a bug, please report it with what the command says under -v: {what}", BUG
            return one_line(line), code


def is_bug(error: Exception) -> bool:
    """Whether nobody foresaw `error`, so that a traceback says more than its message."""
    return verdict(error)[1] == BUG


def usage_line(error: typer.TyperException) -> str:
    """What is wrong with the command line, and where its help is; the help itself when a group got no command."""
    message = error.format_message()
    if message.startswith("Usage:"):
        return message
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "baseload"
    message = message.replace("Value error, ", "")  # pydantic's own words, by way of typer
    return one_line(f"{message.rstrip('.')} (see '{command} --help')")


def one_line(message: str) -> str:
    """`message` on one line, under the command's name."""
    return "baseload: " + " ".join(message.split())


def let_go_of_stdout() -> int:
    """The exit code for a reader that has gone; nothing more is written, so that the interpreter ends in silence."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE
