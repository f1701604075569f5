"""A log that nobody reads: the program goes on, and what is lost is counted."""

from __future__ import annotations

import fcntl
import io
import json
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import structlog

from syncer.process.log_writer import LogWriter
from syncer.process.logging import configure_logging, flush_log
from tests.support.log_setup import logging_put_back
from tests.support.waiting import until

#: Bytes that the pipe holds.
PIPE = 65536


@dataclass
class Pipe:
    """A pipe that holds little, and what was read from it."""

    ends: tuple[int, int] = field(default_factory=os.pipe)
    text: bytes = b""

    def __post_init__(self) -> None:
        for end in self.ends:
            fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PIPE)
        os.set_blocking(self.ends[0], False)

    def read(self) -> list[dict[str, Any]]:
        """Read what is there; gives all events so far."""
        with suppress(BlockingIOError):
            self.text += os.read(self.ends[0], 1 << 20)
        return [json.loads(line) for line in self.text.split(b"\n")[:-1]]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """The log's other end."""
    made = Pipe()
    with logging_put_back(), open(made.ends[1], "w", encoding="utf-8") as stream:
        configure_logging("INFO", "json", stream=stream, in_background=True)
        yield made
        # What waits is read, so that the thread leaves the descriptor alone.
        until(lambda: made.read() is not None and flush_log(), "the end of the log")
    os.close(made.ends[0])


def log_lines(numbers: range) -> None:
    for number in numbers:
        structlog.get_logger().info("line", number=number, text="x" * 1000)


def test_lines_come_in_their_order_and_are_flushed(pipe: Pipe) -> None:
    for number in range(3):
        structlog.get_logger().info("line", number=number)
    assert flush_log()
    assert [event["number"] for event in pipe.read()] == [0, 1, 2]


def test_nobody_waits_for_a_reader_and_what_is_lost_is_counted_in_its_place(pipe: Pipe) -> None:
    log_lines(range(3000))
    assert not flush_log()
    until(lambda: pipe.read()[-1:] and pipe.read()[-1]["event"] == "log_lines_lost", "the loss")
    log_lines(range(3000, 3001))
    until(lambda: pipe.read()[-1].get("number") == 3000, "the last line")
    *kept, loss, last = pipe.read()
    assert [event["number"] for event in kept] == list(range(len(kept)))
    assert loss["lines"] == 3000 - len(kept)
    assert loss["level"] == "warning"
    # As much is kept as is promised, and no more.
    assert 800_000 < sum(len(json.dumps(event)) for event in kept) < 1_200_000
    assert last["number"] == 3000


def test_the_log_of_a_pipe_that_is_set_not_to_block_is_whole(pipe: Pipe) -> None:
    os.set_blocking(pipe.ends[1], False)
    log_lines(range(20))
    until(lambda: len(pipe.read()) == 20, "all lines")


def test_what_the_disk_does_not_take_is_counted_once_it_does() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    ours, its = os.pipe()
    writer = LogWriter(full)
    for number in range(2):
        writer.emit(logging.makeLogRecord({"msg": f"line {number}"}))
    writer.flush()
    # There is room again.
    os.dup2(its, full)
    writer.emit(logging.makeLogRecord({"msg": "line 2"}))
    writer.flush()
    assert os.read(ours, PIPE) == b"log_lines_lost\nline 2\n"
    for each in (full, ours, its):
        os.close(each)


def test_json_is_readable_in_any_encoding(pipe: Pipe) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "latin-1")
    configure_logging("INFO", "json", stream=stream)
    structlog.get_logger().info("line", name="Αλέξανδρος")
    assert isinstance(stream.buffer, io.BytesIO)
    assert json.loads(stream.buffer.getvalue())["name"] == "Αλέξανδρος"
