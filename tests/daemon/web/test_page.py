"""What a person reads on the status page, for a few streams and for a thousand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from syncer.daemon.web.page.contents import front_page, integration_page, stream_page
from syncer.daemon.web.page.facts import ProcessFacts
from syncer.daemon.web.page.grid import ROWS, GridQuery, choose_rows
from syncer.daemon.web.page.problem_lines import MOST_LINES
from syncer.daemon.web.page.render import Page
from syncer.daemon.web.page.status_pages import read_query
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome, StreamState
from syncer.operations.problems import find_problems
from syncer.operations.unknown_lists import report_unknown_models
from syncer.store.reading.freshness import Freshness
from syncer.store.reading.overview import MOST_STREAMS
from syncer.store.reading.runs import EndedRun

BAD = "<script>alert('&\"')</script>"
NOW = datetime(2031, 3, 9, 12, tzinfo=UTC)
VOID = {"meta", "br", "link", "img", "input"}
BUDGET = {
    "limit": 300,
    "used": 212,
    "reserve": 30,
    "pacing": "even",
    "waiting": {"write": 0, "webhook": 0, "incremental": 2, "full": 1_500},
    "resets_at": "2031-03-09T12:00:17.000Z",
    "window_seconds": 60.0,
    "answers_429": 4,
}
ENVIRONMENT = {
    "name": "default",
    "integrations": 1,
    "budget": BUDGET,
    "key": None,
    "behind": None,
    "queue": None,
    "verification": None,
}
FACTS = ProcessFacts(
    "host-1", 4711, "1.2.3", NOW - timedelta(hours=3), "sqlite:///x.db", "https://kombo.test"
)
#: In eight minutes and a half.
DUE = "2031-03-09T12:08:30.000Z"


def stream(model: str, integration: str = "personio:1", **members: Any) -> dict[str, Any]:
    """A stream as the status tells it: complete, unless said otherwise."""
    return {
        "integration": integration,
        "model": model,
        "state": "complete",
        "is_running": False,
        "walk": None,
        "rows_live": 1_000,
        "rows_deleted": 20,
        "complete_at": "2031-03-09T11:55:00.000Z",
        "last_full_walk_at": "2031-03-09T12:00:00.000Z",
        "last_run_at": "2031-03-09T11:55:00.000Z",
        "last_outcome": "complete",
        "environment": "default",
        "last_error": None,
        "failures": 0,
        "due_at": None,
        "held": None,
        "quarantined": 0,
        "quarantined_since": None,
        "verification": None,
        **members,
    }


def status(*streams: dict[str, Any], **integration: Any) -> dict[str, Any]:
    """The status of these streams and their integrations."""
    names = dict.fromkeys(each["integration"] for each in streams)
    described = {"tool": "Personio", "organisation": "Acme", "category": "HRIS", "status": "ACTIVE"}
    lists_all = len(streams) <= MOST_STREAMS
    return {
        "now": "2031-03-09T12:00:00.000Z",
        "problems": [each.value() for each in find_problems(streams)],
        "integrations": [
            {
                "id": name,
                **described,
                "checked_at": "2031-03-09T11:59:00.000Z",
                **integration,
                **summed_up([each for each in streams if each["integration"] == name]),
                "oldest_complete_at": "2031-03-09T11:55:00.000Z",
            }
            for name in names
        ],
        "streams": [each for each in streams if lists_all or each["state"] == "failed"],
        "lists_all": lists_all,
        "totals": summed_up(streams),
        "budget": BUDGET,
        "behind": None,
        "deliveries": [],
        "environments": [ENVIRONMENT],
        "processes": [],
        "key": None,
        "consumers": [],
        "unknown_models": [],
        "webhooks": {"last_at": None, "last_day": {}},
    }


def summed_up(streams: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sum up streams as the status does."""
    return {
        "streams": Counter(each["state"] for each in streams),
        "rows_live": sum(each["rows_live"] for each in streams),
        "rows_deleted": sum(each["rows_deleted"] for each in streams),
        "running": sum(each["is_running"] for each in streams),
    }


class Read(HTMLParser):
    """The page as a reader has it: its text and its links; whatever is not closed again is an error."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.text = ""
        self.links: list[str] = []
        self.tags: Counter[str] = Counter()
        self._open: list[str] = []
        self.feed(page.document(5))
        self.close()
        assert self._open == []
        # Between the end of an element and a full stop there is nothing to see.
        self.text = re.sub(r" ([.,;:])", r"\1", " ".join(self.text.split()))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.links += [value for name, value in attrs if name == "href" and value]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        self.text += " "

    def handle_data(self, data: str) -> None:
        # What only a button says is no part of the sentence that it stands in.
        if self._open[-1:] != ["button"]:
            self.text += data


def front(report: dict[str, Any], query: GridQuery | None = None, **given: Any) -> Page:
    """The page of all integrations."""
    query = query or GridQuery()
    cells = {
        each["id"]: {"hris_groups": Freshness(StreamState.COMPLETE, NOW, False)}
        for each in report["integrations"]
    }
    arguments = {
        "cells": cells,
        "models": ["hris_groups"],
        "runs": [],
        "charts": {},
        "facts": FACTS,
        **given,
    }
    return front_page(report, query, choose_rows(report, query), **arguments)


def read(*streams: dict[str, Any], **integration: Any) -> Read:
    return Read(front(status(*streams, **integration)))


def test_a_mirror_that_is_well_is_told_in_one_sentence() -> None:
    page = read(stream("hris_groups"), stream("hris_employees", rows_live=12_345))
    assert "Everything is well: 2 streams." in page.text
    assert "Needs a look" not in page.text
    assert "live rows 13,345" in page.text
    assert "oldest data 5 min ago" in page.text


def test_the_budget_is_told_with_who_waits_for_it() -> None:
    text = read(stream("hris_groups")).text
    assert "used of this window 212 of 300 kept in reserve 30 window 60 s next window in 17 s" in text
    assert "waiting requests 2 incremental, 1,500 full refused (429) 4" in text


def test_the_process_that_serves_the_page_is_told() -> None:
    text = read().text
    assert "host host-1 process 4711 version 1.2.3 started 3 h ago database sqlite:///x.db" in text


@pytest.mark.parametrize(
    "members",
    [
        {"state": "failed", "last_error": "No answer from api.kombo.dev."},
        {"state": "gone", "last_error": "Kombo does not know it."},
        {"state": "waiting", "last_error": "The set-up is not finished."},
        {"state": "incomplete", "quarantined": 3, "quarantined_since": "2031-03-08T11:00:00.000Z"},
    ],
    ids=lambda members: members["state"],
)
def test_trouble_stands_first_with_its_reason(members: dict[str, Any]) -> None:
    text = read(stream("hris_groups"), stream("hris_employees", **members)).text
    assert "1 of 2 streams needs a look. The other one is not affected." in text
    before, _, after = text.partition("Needs a look")
    assert "hris_employees" not in before
    reason = (
        members.get("last_error")
        or "3 records are in quarantine: syncer quarantine list --integration personio:1 shows why."
    )
    assert after.index("hris_employees") < after.index(reason) < after.index("hris_groups")


def test_a_refused_integration_is_one_line_that_says_when_and_how_it_is_tried_again() -> None:
    refused = [
        stream(
            f"hris_{number}",
            "workday:1",
            state="waiting",
            last_error="Not active.",
            failures=4,
            due_at=DUE,
        )
        for number in range(35)
    ]
    text = read(*refused, stream("hris_groups")).text
    assert text.count("Not active.") == 1
    assert "35 models: hris_0, hris_1, hris_2, hris_3 and 31 more" in text
    assert "Failed 4 times in a row. Next try in 8 min; now: syncer sync --integration workday:1" in text


def test_what_many_integrations_share_is_one_line_and_names_no_command_that_is_for_all() -> None:
    broken = [
        stream(f"hris_{model}", f"hibob:{number}", state="failed", last_error="HTTP 503.")
        for number in range(40)
        for model in range(2)
    ]
    text = read(*broken, stream("hris_groups", "other:1", state="waiting", last_error="Off.")).text
    assert text.count("HTTP 503.") == 1
    assert "40 integrations 80 streams, of hibob:0, hibob:1, hibob:10 and others" in text
    assert "syncer sync --integration other:1" in text
    assert "syncer sync --integration hibob" not in text


def test_a_front_page_leads_to_the_problems_that_it_has_no_room_for() -> None:
    many = [
        stream("hris_groups", f"hibob:{number}", state="failed", last_error=f"Broken {number}.")
        for number in range(MOST_LINES + 5)
    ]
    page = read(*many)
    assert "5 more: all integrations in trouble" in page.text
    assert "/?show=trouble" in page.links


def test_the_page_of_one_integration_shows_all_of_its_problems_and_streams() -> None:
    many = [
        stream(f"hris_{number}", state="failed", last_error=f"Broken {number}.")
        for number in range(MOST_LINES + 5)
    ]
    page = Read(integration_page(status(*many)))
    assert all(f"Broken {number}." in page.text for number in range(MOST_LINES + 5))
    assert {f"/integrations/personio:1/hris_{number}" for number in range(MOST_LINES + 5)} <= set(page.links)
    assert "Personio · Acme · ACTIVE as Kombo told 60 s ago" in page.text


def test_a_model_that_is_not_offered_is_no_trouble() -> None:
    unavailable = stream(
        "hris_skills", state="unavailable", rows_live=0, rows_deleted=0, last_error="Not offered."
    )
    text = read(stream("hris_groups"), unavailable).text
    assert "Everything is well: 2 streams." in text
    assert "Not offered by the tool: hris_skills" in text
    assert "Needs a look" not in text


def test_a_first_load_shows_how_far_it_is() -> None:
    new: dict[str, Any] = {"state": "new", "rows_live": 0, "rows_deleted": 0, "complete_at": None}
    walk = {
        "kind": "full",
        "phase": "read",
        "began_at": None,
        "pages": 50,
        "rows": 12_500,
        "expected_pages": 80,
    }
    page = read(
        stream("hris_groups"),
        {**stream("hris_employees"), **new, "is_running": True, "walk": walk},
        {**stream("hris_absences"), **new},
    )
    assert "1 of 3 streams have been read." in page.text
    assert "reading everything: 12,500 records" in page.text
    assert page.tags["progress"] == 1
    assert "Not read yet: hris_absences" in page.text


@pytest.mark.parametrize("name", ["integration", "model", "last_error"])
def test_a_stream_cannot_write_html(name: str) -> None:
    bad = {**stream("hris_groups", state="failed"), name: BAD}
    report = status(bad)
    for page in (front(report), integration_page(report), stream_page(report, runs=[], reasons=[(BAD, 1)])):
        shown = Read(page)
        assert shown.tags["script"] == 1
        assert BAD in shown.text


@pytest.mark.parametrize("name", ["tool", "organisation", "status"])
def test_an_integration_cannot_write_html(name: str) -> None:
    assert read(stream("hris_groups"), stream("x", "hibob:2"), **{name: BAD}).tags["script"] == 1
    page = Read(integration_page(status(stream("hris_groups"), **{name: BAD})))
    assert BAD in page.text
    assert page.tags["script"] == 1


def test_a_thousand_integrations_are_pages_of_rows_that_lead_to_theirs() -> None:
    many = [
        stream(f"hris_{model}", f"personio:{integration}/ü", state="failed" if not model else "complete")
        for integration in range(60)
        for model in range(5)
    ]
    whole = Read(front(status(*many)))
    assert f"60 integrations, 1 to {ROWS}" in whole.text
    assert "Page 1 of 3" in whole.text
    assert "/?page=2" in whole.links
    assert "/integrations/personio:7%2F%C3%BC" in whole.links
    last = Read(front(status(*many), GridQuery(page=99)))
    assert "60 integrations, 51 to 60" in last.text
    assert "/?page=2" in last.links


def test_a_search_finds_ids_tools_and_organisations_in_any_case() -> None:
    report = status(*(stream("hris_groups", f"hibob:{number}") for number in range(20)))
    report["integrations"][4]["organisation"] = "Nordlicht AG"
    [found] = choose_rows(report, GridQuery("nordLICHT personio")).rows
    assert found["id"] == "hibob:4"
    assert choose_rows(report, GridQuery("hibob:1")).found == 11
    none = Read(front(report, GridQuery(BAD)))
    assert ("No integration fits." in none.text, none.tags["script"]) == (True, 1)


def test_the_most_urgent_trouble_comes_first_and_can_be_shown_alone() -> None:
    streams = [stream("hris_groups", f"personio:{number}") for number in range(30)]
    streams[20] |= {"state": "waiting", "last_error": "Off."}
    streams[10] |= {"state": "failed", "last_error": "Broken."}
    streams[5] |= {"is_running": True}
    report = status(*streams)
    assert [each["id"] for each in choose_rows(report, GridQuery()).rows[:2]] == [
        "personio:10",
        "personio:20",
    ]
    assert choose_rows(report, GridQuery(show="trouble")).found == 2
    [running] = choose_rows(report, GridQuery(show="running")).rows
    assert running["id"] == "personio:5"


@pytest.mark.parametrize("page", ["0", "-1", "x", "1e9", "", "9" * 30, "٣"])
def test_a_choice_that_makes_no_sense_is_none(page: str) -> None:
    assert read_query({"page": page, "show": "nothing", "q": " " * 300}) == GridQuery()


def test_an_empty_mirror_says_how_to_begin() -> None:
    text = Read(front({**status(), "budget": None})).text
    assert "Nothing is mirrored yet. syncer integrations add ID begins." in text


def test_rows_that_are_held_back_need_a_look_and_say_what_to_do() -> None:
    held = stream(
        "hris_groups",
        state="held",
        last_error="What was held then.",
        held={"rows": 60, "since": "2031-03-09T09:00:00.000Z"},
    )
    told = (
        "60 of 1,000 rows (6%) are missing at Kombo and held back: syncer reconcile --approve "
        "--integration personio:1 --model hris_groups marks what is still missing as deleted. "
        "First noticed 3 h ago."
    )
    page = read(held, stream("hris_employees"))
    assert told in page.text
    assert "What was held then." not in page.text
    assert told in Read(stream_page(status(held), runs=[], reasons=[])).text


def test_the_page_of_a_stream_tells_why_records_are_in_quarantine_and_what_its_runs_did() -> None:
    bad = stream(
        "hris_groups", state="incomplete", quarantined=3, quarantined_since="2031-03-09T09:00:00.000Z"
    )
    key, at = StreamKey("personio:1", "hris_groups"), NOW - timedelta(minutes=5)
    run = EndedRun(key, at - timedelta(seconds=2.5), at, "full", Outcome.FAILED, "HTTP 500.", 7, 12, 3, True)
    text = Read(stream_page(status(bad), runs=[run], reasons=[("start_date is not a date", 3)])).text
    assert "3: start_date is not a date" in text
    assert "syncer quarantine retry --integration personio:1 --model hris_groups" in text
    assert "5 min ago failed HTTP 500. everything, by webhook 12 3 7 2.5 s" in text


@pytest.mark.parametrize(("due_at", "when"), [(DUE, "in 8 min"), ("2031-03-09T11:59:20.000Z", "at once")])
def test_the_page_of_a_failed_stream_says_when_and_how_it_is_tried_again(due_at: str, when: str) -> None:
    failed = stream("hris_groups", state="failed", last_error="HTTP 503.", due_at=due_at)
    text = Read(stream_page(status(failed), runs=[], reasons=[])).text
    command = "syncer sync --integration personio:1 --model hris_groups"
    assert f"HTTP 503. Next try {when}; now: {command}" in text
    assert f"Next try {when}; now: {command}" in read(failed).text


def test_no_command_is_named_for_streams_whose_key_is_refused() -> None:
    failed = stream("hris_groups", state="failed", last_error="HTTP 401.", failures=4, due_at=DUE)
    [problem] = find_problems([failed], refused=["default"])
    assert (problem.retry, problem.due_at, problem.failures) == (None, None, 4)
    [elsewhere] = find_problems([failed], refused=["other"])
    assert elsewhere.retry == "syncer sync --integration personio:1 --model hris_groups"
    assert elsewhere.due_at == DUE


def test_a_sweep_under_way_is_told_as_such() -> None:
    walk = {
        "kind": "full",
        "phase": "sweep",
        "began_at": None,
        "pages": 50,
        "rows": 9,
        "expected_pages": None,
    }
    assert "looking into what is missing" in read(stream("hris_groups", is_running=True, walk=walk)).text


def test_the_rows_of_a_model_that_is_not_offered_any_more_are_still_counted() -> None:
    former = stream("hris_groups", state="unavailable", last_full_walk_at=None, rows_live=17, rows_deleted=3)
    text = read(former).text
    assert "Not offered" not in text
    assert "17" in text


def test_a_schedule_that_is_behind_is_told_in_a_sentence() -> None:
    behind = {"streams": 1_200, "longest_seconds": 2_040, "needs_a_minute": 800.4, "permits_a_minute": 270.0}
    text = Read(front({**status(stream("hris_groups")), "behind": behind})).text
    assert "Everything is read, but later than planned." in text
    assert "Behind schedule: 1,200 streams are overdue, the longest by 34 min." in text
    assert "needs 800 requests a minute, the budget permits 270." in text
    assert "Behind" not in read(stream("hris_groups")).text


def test_webhooks_are_told_once_some_have_come() -> None:
    assert "Webhooks" not in read(stream("hris_groups")).text
    webhooks = {
        "last_at": "2031-03-09T11:59:18.000Z",
        "last_day": {"accepted": 1_234, "ignored": 3},
    }
    text = Read(front({**status(stream("hris_groups")), "webhooks": webhooks})).text
    assert "the last came 42 s ago accepted in 24 h 1,234 ignored in 24 h 3" in text


def test_lists_that_nobody_knows_are_told_with_the_lines_that_mirror_them() -> None:
    assert "nobody here knows" not in read(stream("hris_groups")).text
    unknown = report_unknown_models(["hris_shifts"])
    text = Read(front({**status(stream("hris_groups")), "unknown_models": unknown})).text
    assert '[[lists]] name = "hris_shifts" path = "/hris/shifts"' in text


def test_verifications_are_told_once_there_are_some_and_on_the_page_of_their_stream() -> None:
    assert "Verification" not in read(stream("hris_groups")).text
    found = {
        "streams": {"equal": 34, "different": 1},
        "differing": 2,
        "oldest_at": "2031-03-07T12:00:00.000Z",
        "is_well": False,
    }
    report = status(stream("hris_groups"))
    text = Read(front({**report, "environments": [{**ENVIRONMENT, "verification": found}]})).text
    assert "Verification 34 equal, 1 different; the oldest 2 d ago" in text
    assert "syncer verify names the records" in text
    last = {"verdict": "different", "ended_at": "2031-03-09T11:00:00.000Z", "differing": 2}
    page = stream_page(status(stream("hris_groups", verification=last)), runs=[], reasons=[])
    assert "verified different, 60 min ago, 2 records differ" in Read(page).text


def test_a_refused_key_stands_first_though_all_streams_are_well() -> None:
    key = {"refused_since": "2031-03-09T09:00:00.000Z", "error": f"Kombo answered HTTP 401: {BAD}."}
    behind = {"streams": 9, "longest_seconds": 90, "needs_a_minute": 8.0, "permits_a_minute": 270.0}
    page = Read(front({**status(stream("hris_groups")), "key": key, "behind": behind}))
    assert page.text.startswith("(1) syncer")
    # That is not because of the budget.
    assert "Behind schedule" not in page.text
    assert "Nothing is read now: Kombo refuses the API key." in page.text
    assert "Refused since 3 h ago." in page.text
    assert BAD in page.text
    assert "asks again every 15 minutes" in page.text
    assert "Everything is well" not in page.text


def test_consumers_show_how_far_they_are_behind_and_what_they_lost() -> None:
    def consumer(name: str, lost: int) -> dict[str, Any]:
        at = "2031-03-09T11:55:00.000Z"
        return {"name": name, "sequence": 120, "behind": 3_400, "lost": lost, "acknowledged_at": at}

    told = {**status(stream("hris_groups")), "consumers": [consumer("billing", 0), consumer("audit", 17)]}
    text = Read(front(told)).text
    assert "billing 3,400 120 5 min ago" in text
    assert "audit lost 17 3,400 120 5 min ago" in text
    assert "Consumers" not in read(stream("hris_groups")).text


def test_deliveries_stand_on_the_page_with_what_to_do() -> None:
    stopped = {
        "name": "billing",
        "receiver": "app.example.com",
        "state": "stopped",
        "behind": 1_500,
        "failures": 1,
        "last_error": "The receiver wants no more: it answered HTTP 410 (Gone).",
        "last_success_at": "2031-03-09T09:00:00.000Z",
    }
    new = {**stopped, "name": "crm", "state": "new", "behind": None, "last_success_at": None}
    page = Read(front({**status(stream("hris_groups")), "deliveries": [stopped, new]}))
    assert page.text.startswith("(1) syncer")
    assert "1 delivery needs a look." in page.text
    assert (
        "it answered HTTP 410 (Gone). syncer deliveries resume billing sends again. 1,500 3 h ago"
        in page.text
    )
    assert "never" in page.text
    assert "Deliveries" not in read(stream("hris_groups")).text


def test_only_the_parts_that_differ_are_sent_and_ages_make_no_difference() -> None:
    report = status(stream("hris_groups"), stream("hris_groups", "hibob:2"))
    before = front(report)
    known = {name: part.version for name, part in before.parts.items()}
    later = front({**report, "now": "2031-03-09T12:59:59.000Z"})
    assert later.changes(known) is None
    assert "64 min ago" in later.document(5)
    assert "64 min ago" not in before.document(5)

    held = stream("hris_groups", is_running=True)
    changes = front({**report, "streams": [held, report["streams"][1]]}).changes(known)
    assert changes is not None
    assert set(changes["parts"]) == {"running"}
