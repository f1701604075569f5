"""``plan``: what commands and the schedule cost, told before anything is asked."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from syncer.simulator.server.limit import RateLimit
from tests.support.databases import sqlite_file

if TYPE_CHECKING:
    from tests.support.command_line import Shell
    from tests.support.source import Source


def asked(source: Source) -> int:
    """How many requests the source has answered."""
    return len(source.environment.requests)


def test_a_plan_needs_tables_and_says_so(mirror: Shell) -> None:
    sqlite_file(mirror.settings["SYNCER_DATABASE__URL"]).unlink()
    ran = mirror.run("plan")
    assert (ran.code, ran.out) == (3, "")
    assert "`syncer migrate`" in ran.err


def test_before_the_first_pass_everything_is_an_estimate_and_nothing_is_asked(
    mirror: Shell, source: Source
) -> None:
    mirror.run("migrate")
    ran = mirror.run("plan")
    assert ran.code == 0
    assert "request limit: not known yet, assumed to be 300 requests in 60 s · 30 kept in reserve" in ran.out
    assert "backfill: 5 requests at least · less than a minute · " in ran.out
    assert "the rows of 3 streams are estimated" in ran.out
    assert asked(source) == 0
    assert mirror.run("status", "--json").json["streams"] == []


def test_a_plan_tells_what_the_command_then_takes(mirror: Shell, source: Source) -> None:
    mirror.settings["SYNCER_KOMBO__PAGE_SIZE"] = "10"
    mirror.run("backfill")
    company = source.environment.companies[source.integration]
    served = {
        model: len(company.rows(model)) for model in ("hris_employees", "hris_groups", "hris_locations")
    }
    assert max(served.values()) > 20
    # A page that shows that nothing has changed; every page of ten rows; nothing.
    requests: dict[str, Callable[[int], int]] = {
        "sync": lambda _: 1,
        "reconcile": lambda rows: -(-rows // 10),
        "backfill": lambda _: 0,
    }
    for command in ("sync", "reconcile", "backfill"):
        # What is known of the integration is asked anew.
        with sqlite3.connect(mirror.settings["SYNCER_DATABASE__URL"].removeprefix("sqlite:///")) as database:
            database.execute("UPDATE sync_integrations SET checked_at = '2001-01-01T00:00:00.000000Z'")
        before = asked(source)
        told = mirror.run("plan", command, "--json").json
        assert asked(source) == before
        assert told["budget"]["limit_is_assumed"] is False
        cost = told["commands"][command]
        mirror.run(command)
        assert asked(source) - before == cost["requests"]
        by_model = {each["model"]: each["requests"] for each in cost["models"]}
        assert by_model == {model: requests[command](rows) for model, rows in served.items()}
        assert sum(by_model.values()) + cost["other_requests"] == cost["requests"]
        assert cost["skipped"] == (3 if command == "backfill" else 0)


def test_the_selection_is_that_of_the_commands(mirror: Shell, source: Source) -> None:
    mirror.run("migrate")
    told = mirror.run("plan", "sync", "--model", "hris_g*", "--json").json
    assert [each["model"] for each in told["commands"]["sync"]["models"]] == ["hris_groups"]
    # The schedule is that of all streams.
    assert told["schedule"]["streams"] == 3
    for wrong in (["--integration", "nobody:1"], ["--model", "nonsense"]):
        ran = mirror.run("plan", "sync", *wrong)
        assert (ran.code, ran.out) == (2, "")


def test_an_unfinished_walk_costs_what_is_left_of_it(mirror: Shell, source: Source) -> None:
    mirror.run("backfill")
    with sqlite3.connect(mirror.settings["SYNCER_DATABASE__URL"].removeprefix("sqlite:///")) as database:
        database.execute(
            "UPDATE sync_streams SET walk_id = 'w', walk_kind = 'full', walk_filters = '{}',"
            " walk_cursor = 'c', walk_pages = 9, walk_rows = 3, walk_phase = 'read', rows_live = 1000,"
            " rows_deleted = 0 WHERE model = 'hris_groups'"
        )
    told = mirror.run("plan", "backfill", "--json").json["commands"]["backfill"]
    assert {each["model"]: each["requests"] for each in told["models"]}["hris_groups"] == 4
    assert told["skipped"] == 2


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ""),
        (
            {"SYNCER_SYNC__EVERY": "1s"},
            "less often, at most every_max (1d) apart. Polled alike, all would fit with every = ",
        ),
        ({"SYNCER_SYNC__EVERY": "1s", "SYNCER_SYNC__EVERY_MAX": "2s"}, "up to every_max (2s): they wait in"),
    ],
    ids=["it fits", "stretched", "behind"],
)
def test_a_schedule_that_does_not_fit_is_no_error_but_told(
    mirror: Shell, settings: dict[str, str], expected: str
) -> None:
    mirror.run("migrate")
    ran = mirror.run("plan", "sync", **settings, SYNCER_BUDGET__RESERVE="200")
    assert ran.code == 0
    assert expected in ran.out
    assert ("does not fit" in ran.out) is bool(expected)
    told = mirror.run("plan", "--json", **settings, SYNCER_BUDGET__RESERVE="200").json["schedule"]
    assert told["fits"] is not bool(expected)
    assert (told["fitting_every"] is None) is told["fits"]


def test_status_tells_of_a_schedule_that_is_behind(mirror: Shell, source: Source) -> None:
    source.environment.limit = RateLimit(time.monotonic, limit=600)
    mirror.run("backfill")
    assert "behind" not in mirror.run("status").out
    assert mirror.run("status", "--json").json["behind"] is None
    with sqlite3.connect(mirror.settings["SYNCER_DATABASE__URL"].removeprefix("sqlite:///")) as database:
        database.execute(
            "UPDATE sync_streams SET due_at = strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-34 minutes')"
        )
    ran = mirror.run("status")
    assert (
        "behind schedule: 3 streams, the longest overdue by 34 min; the schedule needs 0 requests a minute, "
        "the budget permits 540"
    ) in ran.out
    assert mirror.run("status", "--json").json["behind"]["streams"] == 3
