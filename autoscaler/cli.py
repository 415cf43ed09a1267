"""The one command `baseload`: mounts every part's commands and turns what went wrong into one line and an exit code.

The edge: nothing above it, and nothing below it prints an error or chooses an exit code for one. docs/exit-codes.md is
its contract. Modules that take long to load are imported by the commands that use them, so that `--help` is quick.
"""

import gc
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

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

QUIET = ("-q", "--quiet")
VERBOSE = ("-v", "--verbose")


def main() -> None:
    """Run `baseload` with the arguments of this process, and end the process with the exit code of the contract."""
    # A plan is a short run: collecting while modules load and arrays are made costs a tenth of it.
    gc.set_threshold(100_000, 50, 50)
    # Matrices here are small: threads would take longer to wake than to work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(run(baseload(), sys.argv[1:]))


def baseload() -> typer.Typer:
    """The whole command: the planner's commands, under options that hold for all of them."""
    from planner.cli import app as planning

    app = typer.Typer(
        name="baseload",
        rich_markup_mode=None,  # plain help: loading rich for it would cost a third of the time
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog="-q and -v may stand anywhere. Exit codes: 0 done, 2 bad input, 3 unserved, 4 not proven, 5 failed.",
    )
    app.callback(invoke_without_command=True)(for_all_commands)
    app.add_typer(planning)
    return app


def for_all_commands(
    context: typer.Context,
    quiet: Annotated[bool, typer.Option(*QUIET, help="No remarks and no progress on stderr; errors stay.")] = False,
    verbose: Annotated[bool, typer.Option(*VERBOSE, help="Say more on stderr; a traceback if it is a bug.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Base load and burst for self-hosted LLM inference: the cheapest fleet for the traffic you expect.

    Example: baseload plan -f forecast.csv --explain
    """
    if quiet and verbose:
        raise typer.BadParameter("expected one of -q and -v, got both")
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"baseload {installed('baseload')}")
        raise typer.Exit
    context.ensure_object(dict).update(quiet=quiet, verbose=verbose)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


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
            what = f"{type(error).__name__}: {error}"
            return one_line(f"this is a bug, please report it with what the command says under -v: {what}"), BUG


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
