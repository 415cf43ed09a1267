"""Log: one line per tick, action and problem on stderr, `key=value` or JSON, without secrets.

Every value passes `clean` before it is laid out, and the line once more after, so that neither a quoted nor a broken-up
secret gets through.
"""

from collections.abc import Callable, MutableMapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TextIO

from autoscaler.fleet import Hold, Launch
from autoscaler.journal import Result
from autoscaler.loop import Acted, TickReport

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

Clean = Callable[[str], str]
Form = Literal["text", "json"]
DEBUG, INFO, WARNING = 10, 20, 30
_FIRST = ("at", "level", "event")


def logger_to(
    stream: TextIO, *, clean: Clean, now: Callable[[], datetime], form: Form = "text", least: int = INFO
) -> "FilteringBoundLogger":
    """A logger that writes lines to `stream`, from the level `least` on."""
    import structlog

    def stamped(_: Any, level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        found = {"at": now().isoformat(timespec="milliseconds"), "level": level, **event}
        return {key: _cleaned(value, clean) for key, value in found.items()}

    if form == "json":
        render: Any = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    else:
        render = structlog.processors.LogfmtRenderer(key_order=_FIRST, bool_as_flag=False)

    def whole(logger: Any, level: str, event: MutableMapping[str, Any]) -> str:
        return clean(render(logger, level, event))

    made: FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[stamped, whole],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        cache_logger_on_first_use=False,
    )
    return made


def log_tick(log: "FilteringBoundLogger", report: TickReport, *, seconds: float, epoch: int) -> None:
    """One line for each problem and action of a tick, and one for the tick; holds under -v."""
    for problem in report.problems:
        log.warning("problem", what=problem)
    for outcome in report.resumed:
        log.info("resumed", key=outcome.key, result=outcome.result.value, detail=outcome.detail)
    for acted in report.acted:
        _log_action(log, acted)
    states = {state.value: count for state, count in sorted(report.nodes_by_state.items())}
    deeds = sum(not isinstance(acted.action, Hold) for acted in report.acted)
    log.info("tick", epoch=epoch, seconds=round(seconds, 3), actions=deeds, problems=len(report.problems), **states)


def _log_action(log: "FilteringBoundLogger", acted: Acted) -> None:
    action = acted.action
    if isinstance(action, Hold):
        log.debug("hold", model=action.model or "", reason=action.reason)
        return
    known: dict[str, Any] = {"node": acted.node_id or ""}
    if isinstance(action, Launch):
        known |= {"pool": action.pool, "model": action.model}
    if acted.detail:
        known["detail"] = acted.detail
    say = log.info if acted.result in (Result.DONE, Result.WITHDRAWN) else log.warning
    say(type(action).__name__.lower(), result=acted.result.value, reason=action.reason, **known)


def _cleaned(value: Any, clean: Clean) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: _cleaned(one, clean) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(one, clean) for one in value]
    return value
