"""Lines of libraries that come again and again are logged once a minute, with their number."""

from __future__ import annotations

import asyncio
import io
import json
import logging

import pytest

from syncer.process.log_limit import EVERY, LogLimit
from syncer.process.logging import configure_logging
from tests.support.log_setup import logging_put_back


@pytest.fixture
def now() -> list[float]:
    """The time of the limit, to be moved."""
    return [1000.0]


@pytest.fixture
def limit(now: list[float]) -> LogLimit:
    return LogLimit(lambda: now[0])


def line(text: str, name: str = "asyncio", level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord(name, level, __file__, 1, text, (), None)


def test_one_line_of_a_kind_passes_a_minute_and_says_how_many_did_not(
    limit: LogLimit, now: list[float]
) -> None:
    assert [limit.filter(line(f"socket {number}")) for number in range(5)] == [True] + 4 * [False]
    now[0] += EVERY
    late = line("socket 5")
    assert limit.filter(late)
    assert late.getMessage() == "socket 5 (and 4 more of the kind since the last one)"
    assert not limit.filter(line("socket 6"))


def test_lines_of_other_kinds_and_of_the_program_itself_pass(limit: LogLimit) -> None:
    assert limit.filter(line("a"))
    assert limit.filter(line("a", level=logging.WARNING))
    assert limit.filter(line("a", name="uvicorn.error"))
    assert all(limit.filter(line("a", name="syncer")) for _ in range(5))


def test_errors_that_the_event_loop_catches_are_limited() -> None:
    stream = io.StringIO()
    with logging_put_back():
        configure_logging("INFO", "json", stream=stream)
        loop = asyncio.new_event_loop()
        for number in range(100):
            loop.call_exception_handler(
                {"message": f"accept {number} failed", "exception": OSError(24, "Too many open files")}
            )
        loop.close()
    assert [json.loads(each)["event"] for each in stream.getvalue().splitlines()] == ["accept … failed"]
