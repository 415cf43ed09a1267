"""What others say by Python's logging: lines of the daemon's log, while it runs and no longer."""

import io
import json
import logging

from autoscaler.daemon.telemetry.log import logger_to
from autoscaler.daemon.telemetry.relay import relayed
from tests.autoscaler.daemon.clocks import SetClock

SECRET = "hunter-2-hunter-2"


def clean(text: str) -> str:
    return text.replace(SECRET, "***")


def said_by(name: str, *, level: int = logging.WARNING, error: Exception | None = None) -> list[dict[str, object]]:
    stream = io.StringIO()
    with relayed(logger_to(stream, clean=clean, now=SetClock().now, form="json")):
        logging.getLogger(name).log(level, "page %d of\n%s", 2, SECRET, exc_info=error)
    logging.getLogger(name).log(level, "after the end")
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_warning_is_one_line_that_says_whose_it_is_and_no_secret() -> None:
    (line,) = said_by("autoscaler.providers.aws.pages")
    assert (line["level"], line["event"]) == ("warning", "said")
    assert (line["by"], line["what"]) == ("autoscaler.providers.aws.pages", "page 2 of ***")


def test_an_error_is_one_too_and_its_traceback_is_its_kind() -> None:
    (line,) = said_by("urllib3.connectionpool", level=logging.ERROR, error=ValueError(SECRET))
    assert (line["level"], line["failed"]) == ("error", "ValueError")
    assert SECRET not in str(line)


def test_what_libraries_tell_by_the_way_is_not_told() -> None:
    assert said_by("botocore.retries", level=logging.INFO) == []


def test_values_that_do_not_fit_the_words_lose_no_words() -> None:
    stream = io.StringIO()
    with relayed(logger_to(stream, clean=clean, now=SetClock().now)):
        relay = logging.getLogger().handlers[-1]
        relay.handle(logging.LogRecord("kubernetes", logging.WARNING, "", 1, "%d nodes", ("some",), None))
    assert 'what="%d nodes"' in stream.getvalue()
