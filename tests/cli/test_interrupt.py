"""Ctrl-C during a backfill: the page under way is stored, the next command goes on from there."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from syncer.simulator.server.faults import Late, Match
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from syncer.simulator.server.request_log import RequestInfo
    from tests.support.command_line import Shell
    from tests.support.source import Source

MODEL = "hris_time_off_balances"


@pytest.fixture
def pages(mirror: Shell) -> Shell:
    """One model in many small pages."""
    mirror.settings |= {"SYNCER_KOMBO__PAGE_SIZE": "5", "SYNCER_SYNC__MODELS": f'["{MODEL}"]'}
    return mirror


def pages_asked(source: Source) -> list[int | None]:
    return [each.page for each in source.environment.asked_for(MODEL)]


def interrupt_at(source: Source, page: int) -> list[subprocess.Popen[str]]:
    """Send SIGINT to the commands that will be in the list when that page is answered."""
    commands: list[subprocess.Popen[str]] = []

    def interrupt(asked: RequestInfo) -> None:
        if asked.page == page:
            for command in commands:
                command.send_signal(signal.SIGINT)

    source.environment.between_pages = interrupt
    return commands


@pytest.mark.parametrize("arguments", [["backfill"], ["sync"], ["backfill", "--json"]])
def test_an_interrupted_pass_finishes_its_page_and_resumes(
    pages: Shell, source: Source, arguments: list[str]
) -> None:
    commands = interrupt_at(source, 4)
    command = pages.start(*arguments)
    commands.append(command)
    out, err = command.communicate()
    assert command.returncode == 130, err
    assert "Finishing the pages under way" in err
    assert f"Interrupted. `syncer {arguments[0]}` goes on where it stopped." in err
    assert "stopped" in out
    asked = pages_asked(source)
    assert 4 <= len(asked) < 10

    source.environment.between_pages = None
    status = pages.run("status", "--json")
    assert (status.code, status.json["totals"]["streams"]) == (1, {"incomplete": 1})
    stored = status.json["totals"]["rows_live"] + status.json["totals"]["rows_deleted"]
    # Two more pages are on their way while one is stored.
    assert stored >= (4 - 2) * 5

    assert pages.run(*arguments).code == 0
    # What was fetched but not stored is asked for again; what was stored is not.
    assert pages_asked(source)[len(asked)] == stored // 5 + 1
    rows = source.environment.companies[source.integration].rows(MODEL)
    done = pages.run("status", "--json").json["totals"]
    assert done["rows_live"] + done["rows_deleted"] == len(rows)


@pytest.fixture
def silence(source: Source) -> Iterator[threading.Event]:
    """Kombo never answers the first page; the event tells that it was asked for."""
    asked, released = threading.Event(), threading.Event()

    async def never(_: float) -> None:
        asked.set()
        await asyncio.to_thread(released.wait)

    source.environment.sleep = never
    source.environment.faults.add(Match(model=MODEL), Late(0))
    yield asked
    released.set()


def test_a_second_ctrl_c_ends_it_at_once_and_leaves_no_stream_locked(
    pages: Shell, silence: threading.Event
) -> None:
    command = pages.start("backfill")
    assert silence.wait(PATIENCE)
    command.send_signal(signal.SIGINT)
    assert command.stderr is not None
    while "Finishing" not in command.stderr.readline():
        assert command.poll() is None
    command.send_signal(signal.SIGINT)
    out, err = command.communicate()
    assert command.returncode == 130
    assert "Interrupted" not in err, "the pass came to its ordered end"
    assert out == ""
    again = pages.run("backfill")
    assert again.code == 0, again.err


def test_a_pass_that_waits_for_kombo_is_cancelled_after_a_while(
    pages: Shell, silence: threading.Event
) -> None:
    command = pages.start("backfill", "--json", SYNCER_KOMBO__TIMEOUT="7d")
    assert silence.wait(PATIENCE)
    command.send_signal(signal.SIGTERM)
    out, err = command.communicate(timeout=PATIENCE)
    assert command.returncode == 130
    assert "Interrupted." in err
    assert [each["outcome"] for each in json.loads(out)["streams"]] == ["stopped"]
