"""What is logged, how it looks, and what never shows in it."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog

from syncer.process.logging import HIDDEN, Redactor, configure_logging
from tests.support.log_setup import logging_put_back

SECRET = 'p"ss wörd/1'


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_is_put_back() -> Iterator[None]:
    with logging_put_back():
        yield


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_terminal_gets_text_and_everything_else_json() -> None:
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        configure_logging("INFO", "auto", stream=stream)
        structlog.get_logger("syncer.test").info(
            "run.finished", integration="personio:1", model="hris_groups", run=7
        )
    assert "run.finished" in terminal.getvalue()
    assert "{" not in terminal.getvalue()
    [event] = events(file)
    assert {key: event[key] for key in ("event", "level", "logger", "integration", "model", "run")} == {
        "event": "run.finished",
        "level": "info",
        "logger": "syncer.test",
        "integration": "personio:1",
        "model": "hris_groups",
        "run": 7,
    }
    assert event["timestamp"].endswith("Z")


def test_the_format_can_be_chosen() -> None:
    terminal, file = Terminal(), io.StringIO()
    configure_logging("INFO", "json", stream=terminal)
    structlog.get_logger().info("one")
    configure_logging("INFO", "text", stream=file)
    structlog.get_logger().info("two")
    assert events(terminal)[0]["event"] == "one"
    assert " two " in file.getvalue()


def test_events_below_the_level_are_not_logged() -> None:
    stream = io.StringIO()
    configure_logging("WARNING", "json", stream=stream)
    structlog.get_logger().info("quiet")
    logging.getLogger("uvicorn.error").info("quiet")
    structlog.get_logger().warning("loud")
    assert [event["event"] for event in events(stream)] == ["loud"]


def test_libraries_log_the_same_way_the_talkative_only_warnings_and_the_scheduler_nothing() -> None:
    stream = io.StringIO()
    configure_logging("DEBUG", "json", stream=stream)
    for name in (
        "asyncio",
        "httpx",
        "httpcore.connection",
        "apscheduler.scheduler",
        "alembic.runtime",
        "sqlalchemy.engine",
    ):
        logging.getLogger(name).info("every little thing")
        logging.getLogger(name).warning("connection closed")
    assert [(event["event"], event["logger"]) for event in events(stream)] == [
        ("connection closed", "asyncio"),
        ("connection closed", "httpx"),
        ("connection closed", "httpcore.connection"),
        ("connection closed", "alembic.runtime"),
        ("connection closed", "sqlalchemy.engine"),
    ]


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_secret_shows_nowhere(format: Literal["text", "json"]) -> None:
    stream = io.StringIO()
    configure_logging("INFO", format, redactor=Redactor([SECRET]), stream=stream)
    log = structlog.get_logger()
    log.info(
        f"asked with {SECRET}",
        text=SECRET,
        inside={"list": [SECRET, (SECRET,)], SECRET: 1},
        error=ValueError(SECRET),
        url="postgresql://syncer:p%22ss%20w%C3%B6rd%2F1@db/syncer",
        form="key=p%22ss+w%C3%B6rd%2F1",
    )
    logging.getLogger("uvicorn.error").error("%s", SECRET)
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("run.failed")
        logging.getLogger("uvicorn.error").exception("failed")
    assert stream.getvalue().count(HIDDEN) >= 8
    for trace in ("wörd", "w%C3", "w\\u00f6rd", "w\\xf6rd"):
        assert trace not in stream.getvalue()


def test_an_exception_is_logged_with_its_traceback() -> None:
    stream = io.StringIO()
    configure_logging("INFO", "json", stream=stream)
    try:
        raise ValueError("the answer is not valid")
    except ValueError:
        structlog.get_logger().exception("run.failed", run=7)
    [event] = events(stream)
    assert event["event"] == "run.failed"
    assert event["exception"].endswith("ValueError: the answer is not valid")


def test_a_secret_can_be_added_later_and_an_empty_one_hides_nothing() -> None:
    redactor = Redactor(["", "one"])
    assert redactor.hide("one two") == f"{HIDDEN} two"
    redactor.redact("two")
    redactor.redact("")
    assert redactor.hide("one two three") == f"{HIDDEN} {HIDDEN} three"


def test_a_secret_that_begins_another_does_not_leave_its_end() -> None:
    assert Redactor(["abc", "abcdef"]).hide("abcdef") == HIDDEN


def test_numbers_stay_numbers() -> None:
    stream = io.StringIO()
    configure_logging("INFO", "json", redactor=Redactor(["1"]), stream=stream)
    structlog.get_logger().info("page.written", rows=1, share=0.1, first=True, cursor=None)
    [event] = events(stream)
    assert (event["rows"], event["share"], event["first"], event["cursor"]) == (1, 0.1, True, None)


_UNUSED_LIBRARY = """
import sys
from syncer.process.log import Logger
from syncer.process.logging import configure_logging
configure_logging("WARNING", "json", stream=sys.stdout)
log = Logger("syncer.test").bind(run=7)
log.info("quiet")
print("structlog" in sys.modules)
log.warning("loud", rows=1)
log.debug("quiet")
"""


def test_the_logging_library_is_read_for_the_first_event_that_is_logged() -> None:
    ran = subprocess.run([sys.executable, "-c", _UNUSED_LIBRARY], capture_output=True, text=True, check=True)
    is_read, line = ran.stdout.splitlines()
    event = json.loads(line)
    assert is_read == "False"
    assert {key: event[key] for key in ("event", "level", "logger", "run", "rows")} == {
        "event": "loud",
        "level": "warning",
        "logger": "syncer.test",
        "run": 7,
        "rows": 1,
    }
