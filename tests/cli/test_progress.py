"""What a pass looks like while it goes: bars on a terminal, lines in a pipe."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from rich.console import Console

from syncer.cli.pass_results import summarize
from syncer.cli.progress import Bars, Lines, Tally, counted, effects, line_of
from syncer.domain.records.change import Counts
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Kind
from syncer.simulator.server.faults import Late, Match, not_ready
from syncer.sync.context import Progress, Result

if TYPE_CHECKING:
    from tests.support.command_line import Shell
    from tests.support.source import Source

ONE, TWO = StreamKey("personio:1", "hris_groups"), StreamKey("hibob:2", "hris_groups")


def picture(bars: Bars) -> list[str]:
    """The bars as they are now, on a console of their own."""
    console = Console(file=io.StringIO(), width=120)
    with console.capture() as captured:
        console.print(bars)
    return captured.get().splitlines()


def page(key: StreamKey, rows: int, pages: int = 1) -> Progress:
    return Progress(key, "page", Kind.FULL, rows=rows, pages=pages)


def ended(key: StreamKey, outcome: Outcome, error: str | None = None) -> Progress:
    return Progress(
        key, "ended", Kind.FULL, result=Result(key, outcome, Counts(created=3), 1, Kind.FULL, error)
    )


def test_rows_are_those_of_this_pass_also_where_a_walk_goes_on_or_begins_again() -> None:
    tally = Tally()
    tally(Progress(ONE, "begun", Kind.FULL, rows=500, pages=2))
    tally(page(ONE, 750, 3))
    tally(Progress(TWO, "begun", Kind.FULL))
    tally(page(TWO, 10))
    tally(Progress(TWO, "begun", Kind.INCREMENTAL))
    tally(page(TWO, 4))
    assert tally.rows == 250 + 10 + 4


def test_a_stream_that_another_runner_has_is_told_once_and_only_at_the_end() -> None:
    told: list[str] = []
    lines = Lines(told.append)
    for _ in range(20):
        lines(ended(ONE, Outcome.BUSY, "Another runner works on this stream."))
    assert told == []
    assert lines.busy == {ONE}
    lines(Progress(ONE, "begun", Kind.FULL))
    lines(page(ONE, 3))
    lines(ended(ONE, Outcome.COMPLETE))
    assert told == ["personio:1 hris_groups: complete (full, 1 page), 3 created"]
    assert lines.busy == set()


def test_a_line_tells_effects_and_reason() -> None:
    result = Result(ONE, Outcome.FAILED, Counts(updated=1200, deleted=1), 2, Kind.INCREMENTAL, "No answer.")
    assert line_of(result) == (
        "personio:1 hris_groups: failed (incremental, 2 pages), 1,200 updated, 1 deleted, No answer."
    )
    assert effects(Counts()) == []
    assert line_of(Result(ONE, Outcome.SKIPPED)) == "personio:1 hris_groups: skipped"


def test_a_pass_is_well_if_every_stream_is() -> None:
    good = [Result(ONE, Outcome.COMPLETE, Counts(created=1), 2), Result(TWO, Outcome.UNAVAILABLE)]
    assert summarize(good).is_well
    assert summarize(good).pages == 2
    assert not summarize([*good, Result(TWO, Outcome.STOPPED)]).is_well


def test_one_thing_is_not_many() -> None:
    assert [counted(number, "row") for number in (0, 1, 1000)] == ["0 rows", "1 row", "1,000 rows"]


def test_the_bars_tell_what_is_known_and_nothing_else() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120, highlight=False)
    with Bars(console) as bars:
        bars.plan([ONE, TWO])
        bars(Progress(ONE, "begun", Kind.FULL, expected=1000))
        bars(page(ONE, 250))
        bars(Progress(TWO, "begun", Kind.FULL))
        first, second, whole = (line.split() for line in picture(bars))
        assert (first[:2], first[3:5]) == (["personio:1", "hris_groups"], ["250", "rows"])
        assert second[:2] == ["hibob:2", "hris_groups"]
        assert whole[:8] == ["0", "of", "2", "streams", "·", "250", "rows", "·"]
        bars(page(ONE, 1250, 5))
        bars(ended(ONE, Outcome.COMPLETE))
        bars(ended(TWO, Outcome.WAITING, "not yet"))
        assert len(picture(bars)) == 1
    assert isinstance(console.file, io.StringIO)
    assert "✗ hibob:2 hris_groups waiting" in console.file.getvalue()
    assert "✗ personio:1" not in console.file.getvalue()


def test_the_bars_name_the_request_limit_as_what_is_waited_for() -> None:
    now = 0.0
    console = Console(file=io.StringIO(), force_terminal=True, width=120, highlight=False)
    with Bars(console, lambda: now) as bars:
        bars.wait_for_limit(30)
        now = 8.0
        assert "waiting for the request limit: 22 s" in picture(bars)[-1]
        bars.plan([ONE])
        bars(Progress(ONE, "begun", Kind.FULL))
        assert picture(bars)[-1].endswith(" · waiting for the request limit: 22 s")
        bars(page(ONE, 250))
        assert "waiting" not in picture(bars)[-1], "a page has just come"
        now = 29.0
        assert picture(bars)[-1].endswith(" · waiting for the request limit: 1.0 s")
        now = 34.0
        assert picture(bars)[-1].endswith(" · waiting for the next page for 26 s")


@pytest.mark.parametrize("width", [70, 120])
def test_on_a_terminal_there_are_bars_then_a_table(mirror: Shell, source: Source, width: int) -> None:
    source.environment.faults.add(Match(model="hris_locations"), not_ready(), times=None)
    # So that there is time for a look at the bars.
    source.environment.faults.add(Match(model="hris_groups"), Late(0.5), times=3)
    ran = mirror.on_terminal("backfill", width=width, SYNCER_KOMBO__PAGE_SIZE="5")
    assert ran.code == 1
    assert "━" in ran.out
    assert "\x1b[?25l" in ran.out, "the cursor is hidden"
    assert ran.out.rindex("\x1b[?25h") > ran.out.rindex("\x1b[?25l"), "and comes back"
    shown = ran.plain
    assert "of 3 streams · " in shown
    assert "run_ended" not in shown
    # What is left when the bars are gone.
    last = shown.rpartition("of 3 streams")[2].splitlines()
    assert not any("━" in line for line in last[1:])
    assert any(line.startswith(f"✗ {source.integration} hris_locations waiting: ") for line in last)
    assert last[-1].startswith("3 streams: 2 complete, 1 waiting · ")
    assert max(map(len, last)) <= width


def test_on_a_terminal_a_second_pass_is_a_line(mirror: Shell) -> None:
    mirror.run("backfill")
    ran = mirror.on_terminal("sync", "--model", "hris_groups")
    assert ran.code == 0
    assert ran.plain.splitlines()[-1].startswith("✓ 1 stream: 1 complete · ")


def test_on_a_terminal_status_check_and_query_fit_and_have_colours(mirror: Shell) -> None:
    mirror.run("backfill")
    for arguments in (["status"], ["check"], ["query", "SELECT * FROM hris_employees"], ["models"]):
        ran = mirror.on_terminal(*arguments, width=90)
        assert ran.code == 0, ran.out
        assert "\x1b[" in ran.out
        assert max(cell_len(line) for line in ran.plain.splitlines()) <= 90


def test_a_table_on_a_terminal_shows_a_hundred_rows_and_counts_the_rest(mirror: Shell) -> None:
    mirror.run("migrate")
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1250) SELECT i FROM n"
    ran = mirror.on_terminal("query", many)
    lines = ran.plain.split("\r\n")
    assert [line.strip() for line in lines[:3]] == ["i", "1", "2"]
    assert lines[-2:] == ["100 of 1,250 rows; --limit 0 shows all.", ""]
