"""What a person sees on the status page, for a few streams and for a thousand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pytest

from syncer.daemon.web.page import MOST_PROBLEMS, status_page
from syncer.operations.problems import find_problems
from syncer.store.reading.overview import MOST_STREAMS

BAD = "<script>alert('&\"')</script>"
VOID = {"meta", "br"}


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
        "lag_seconds": 300,
        "last_full_walk_at": "2031-03-09T12:00:00.000Z",
        "last_error": None,
        "failures": 0,
        "due_at": None,
        "held": None,
        "quarantined": 0,
        "quarantined_since": None,
        **members,
    }


def status(*streams: dict[str, Any], **integration: Any) -> dict[str, Any]:
    """The status of these streams and their integrations."""
    names = dict.fromkeys(each["integration"] for each in streams)
    described = {"tool": "Personio", "organisation": "Acme", "status": "ACTIVE", **integration}
    lists_all = len(streams) <= MOST_STREAMS
    return {
        "now": "2031-03-09T12:00:00.000Z",
        "problems": [each.value() for each in find_problems(streams)],
        "integrations": [
            {
                "id": name,
                **described,
                **summed_up([each for each in streams if each["integration"] == name]),
                "lag_seconds": 300,
            }
            for name in names
        ],
        "streams": [each for each in streams if lists_all or each["state"] == "failed"],
        "lists_all": lists_all,
        "totals": summed_up(streams),
        "budget": {
            "limit": 300,
            "used": 212,
            "reserve": 30,
            "pacing": "even",
            "waiting": {"write": 0, "webhook": 0, "incremental": 2, "full": 1_500},
            "resets_in_seconds": 17.2,
            "window_seconds": 60.0,
            "answers_429": 4,
        },
        "behind": None,
        "deliveries": [],
        "environments": [],
        "key": None,
        "consumers": [],
        "webhooks": {"last_at": None, "last_day": {}, "unknown_models": []},
    }


def summed_up(streams: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sum up streams as the status does."""
    return {
        "streams": Counter(each["state"] for each in streams),
        "rows_live": sum(each["rows_live"] for each in streams),
        "rows_deleted": sum(each["rows_deleted"] for each in streams),
        "running": sum(each["is_running"] for each in streams),
    }


def test_webhooks_stand_in_a_line_once_some_have_come() -> None:
    assert "webhooks" not in Read(status_page(status(stream("hris_groups")))).text
    webhooks = {
        "last_at": "2031-03-09T11:59:18.000Z",
        "last_day": {"accepted": 1_234, "ignored": 3, "repeated": 2},
        "unknown_models": ["hris_shifts"],
    }
    read = Read(status_page({**status(stream("hris_groups")), "webhooks": webhooks}))
    assert (
        "webhooks: 1,234 accepted, 3 ignored, 2 repeated in 24 hours, the last 42 s ago; "
        "unknown models: hris_shifts"
    ) in read.text


def test_several_environments_have_a_line_each_with_their_limit_key_and_schedule() -> None:
    found = status(stream("hris_groups"))
    key = {"environment": "us", "refused_since": "2031-03-09T09:00:00.000Z", "error": "HTTP 401."}
    late = {"streams": 7, "longest_seconds": 120}
    environments = [
        {"name": "default", "integrations": 2, "budget": found["budget"], "key": None, "behind": None},
        {"name": "us", "integrations": 1, "budget": None, "key": key, "behind": late},
    ]
    text = " ".join(Read(status_page({**found, "environments": environments, "key": key})).text.split())
    assert "Nothing of us is read now. Kombo refuses the API key of the environment us, first 3 h ago" in text
    first, second = text.index("default 2 not refused 212 of 300 used"), text.index("us 1 refused not known")
    assert first < text.index("kept us") < second < text.index("behind: 7 streams")
    assert "Environments" not in Read(status_page({**found, "environments": environments[:1]})).text


def test_a_refused_key_stands_first_though_all_streams_are_well() -> None:
    key = {"refused_since": "2031-03-09T09:00:00.000Z", "error": f"Kombo answered HTTP 401: {BAD}."}
    read = Read(status_page({**status(stream("hris_groups")), "key": key}))
    assert "(1) syncer" in read.text
    assert "Nothing is read now." in read.text
    assert "Kombo refuses the API key, first 3 h ago (2031-03-09 09:00 UTC)." in read.text
    assert BAD in read.text
    assert "asks again every 15 minutes" in read.text
    assert "Everything is well" not in read.text


class Read(HTMLParser):
    """The page as a reader has it: its text and its links; whatever is not closed again is an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.links: list[str] = []
        self.tags: Counter[str] = Counter()
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.links += [value for name, value in attrs if name == "href" and value]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        self.text += " "

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data


def test_a_mirror_that_is_well_is_told_in_one_sentence() -> None:
    page = Read(status_page(status(stream("hris_groups"), stream("hris_employees", rows_live=12_345))))
    assert "Everything is well: 2 streams." in page.text
    assert "Needs a look" not in page.text
    assert "13,345" in page.text
    assert "212 of 300" in page.text
    assert "5 min ago" in page.text


def test_the_budget_is_told_with_who_waits_for_it() -> None:
    text = " ".join(Read(status_page(status(stream("hris_groups")))).text.split())
    assert "212 of 300 requests in 60 s 30 kept in reserve 17 s to the next window even pacing" in text
    assert "2 incremental, 1,500 full waiting requests 4 refused (429)" in text


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
    text = Read(status_page(status(stream("hris_groups"), stream("hris_employees", **members)))).text
    assert "1 of 2 streams needs a look." in text
    before, _, after = text.partition("Needs a look")
    assert "hris_employees" not in before
    reason = members.get("last_error") or "3 records are in quarantine: `syncer quarantine list` shows why."
    assert after.index("hris_employees") < after.index(reason) < after.index("hris_groups")


def test_a_refused_integration_is_one_line_that_says_when_and_how_it_is_tried_again() -> None:
    refused = [
        stream(
            f"hris_{number}",
            "workday:1",
            state="waiting",
            last_error="Not active.",
            failures=4,
            due_at="2031-03-09T12:08:30.000Z",
        )
        for number in range(35)
    ]
    empty = [{**each, "rows_live": 0, "rows_deleted": 0} for each in refused]
    page = Read(status_page(status(*empty, stream("hris_groups", "workday:1"))))
    assert page.tags["tr"] == Read(status_page(status(stream("hris_groups", "workday:1")))).tags["tr"] + 1
    text = Read(status_page(status(*refused, stream("hris_groups")))).text
    assert text.count("Not active.") == 1
    assert "35 models: hris_0, " in text
    assert "Failed 4 times in a row. Next try in 8 min. " in text
    assert "`syncer sync --integration workday:1` tries now." in text


def test_the_page_of_one_integration_shows_all_of_its_problems() -> None:
    many = [
        stream(f"hris_{number}", state="failed", last_error=f"Broken {number}.")
        for number in range(MOST_PROBLEMS + 5)
    ]
    text = Read(status_page(status(*many), "personio:1")).text
    assert all(f"Broken {number}. " in text for number in range(MOST_PROBLEMS + 5))


def test_a_model_that_is_not_offered_is_no_trouble() -> None:
    unavailable = stream(
        "hris_skills", state="unavailable", rows_live=0, rows_deleted=0, last_error="Not offered."
    )
    text = Read(status_page(status(stream("hris_groups"), unavailable))).text
    assert "Everything is well: 2 streams." in text
    assert "Not offered: hris_skills" in text
    assert "Needs a look" not in text


def test_a_first_load_shows_how_far_it_is() -> None:
    new: dict[str, Any] = {"state": "new", "rows_live": 0, "rows_deleted": 0, "lag_seconds": None}
    walk = {"kind": "full", "phase": "read", "began_at": None, "pages": 50, "rows": 12_500}
    text = Read(
        status_page(
            status(
                stream("hris_groups"),
                {**stream("hris_employees"), **new, "is_running": True, "walk": walk},
                {**stream("hris_absences"), **new},
            )
        )
    ).text
    assert "1 of 3 streams have been read." in text
    assert "reading everything: 12,500 records" in text
    assert "Not read yet: hris_absences" in text


def test_the_worst_comes_first_and_what_is_alike_shares_a_line() -> None:
    waiting = [
        stream(f"hris_{number}", state="waiting", last_error="The set-up is not finished.")
        for number in range(12)
    ]
    page = Read(
        status_page(
            status(*waiting, stream("ats_jobs", "greenhouse:2", state="failed", last_error="Broken."))
        )
    )
    assert "13 of 13 streams need a look." in page.text
    assert page.text.count("The set-up is not finished.") == 1
    assert "12 models: hris_0, hris_1, hris_2, hris_3 and 8 more" in page.text
    assert page.text.index("Broken.") < page.text.index("The set-up is not finished.")


@pytest.mark.parametrize("name", ["integration", "model", "last_error"])
def test_a_stream_cannot_write_html(name: str) -> None:
    bad = {**stream("hris_groups", state="failed"), name: BAD}
    chosen = BAD if name == "integration" else None
    for shown in (status_page(status(bad)), status_page(status({**bad, "state": "waiting"}), chosen)):
        page = Read(shown)
        assert page.tags["script"] == 0
        assert BAD in page.text


@pytest.mark.parametrize("name", ["tool", "organisation", "status"])
def test_an_integration_cannot_write_html(name: str) -> None:
    page = Read(status_page(status(stream("hris_groups"), stream("x", "hibob:2"), **{name: BAD})))
    assert BAD in page.text
    assert page.tags["script"] == 0


def test_a_thousand_streams_are_a_page_of_integrations_that_lead_to_theirs() -> None:
    many = [
        stream(f"hris_{model}", f"personio:{integration}/ü", state="failed" if not model else "complete")
        for integration in range(40)
        for model in range(25)
    ]
    whole = Read(status_page(status(*many)))
    assert "40 of 1,000 streams need a look." in whole.text
    assert f"and {40 - MOST_PROBLEMS} more" in whole.text
    assert "hris_7" not in whole.text
    assert len(whole.text) < 10_000
    link = "/?integration=personio%3A7%2F%C3%BC"
    assert link in whole.links

    its = [each for each in many if each["integration"] == "personio:7/ü"]
    one = Read(status_page(status(*its), "personio:7/ü"))
    assert "1 of 25 streams needs a look." in one.text
    assert {f"hris_{model}" for model in range(25)} <= set(one.text.split())
    assert "personio:8" not in one.text
    assert "/" in one.links


def test_integrations_with_trouble_come_first() -> None:
    streams = [stream("hris_groups", f"personio:{number}") for number in range(MOST_STREAMS + 1)]
    streams[100]["state"] = "failed"
    text = Read(status_page(status(*streams))).text
    assert text.rindex("personio:100") < text.index("personio:0 ")


def test_an_empty_mirror_says_how_to_begin() -> None:
    text = Read(status_page({**status(), "budget": None})).text
    assert "syncer integrations add ID" in text


def test_rows_that_are_held_back_need_a_look_and_say_what_to_do() -> None:
    held = stream(
        "hris_groups",
        state="held",
        last_error="What was held then.",
        held={"rows": 60, "since": "2031-03-09T09:00:00.000Z"},
    )
    page = Read(status_page(status(held, stream("hris_employees"))))
    assert "Needs a look" in page.text
    assert (
        "60 of 1,000 rows (6%) are missing at Kombo and held back: `syncer reconcile --approve "
        "--integration personio:1 --model hris_groups` marks what is still missing as deleted. "
        "First noticed 3 h ago."
    ) in page.text
    assert "What was held then." not in page.text


def test_a_sweep_under_way_is_told_as_such() -> None:
    walk = {"kind": "full", "phase": "sweep", "began_at": None, "pages": 50, "rows": 12_500}
    page = Read(status_page(status(stream("hris_groups", is_running=True, walk=walk))))
    assert "looking into what is missing" in page.text


def test_the_rows_of_a_model_that_is_not_offered_any_more_are_still_counted() -> None:
    former = stream("hris_groups", state="unavailable", last_full_walk_at=None, rows_live=17, rows_deleted=3)
    page = Read(status_page(status(former)))
    assert "Not offered" not in page.text
    assert "17" in page.text


def test_a_schedule_that_is_behind_is_told_in_a_sentence() -> None:
    behind = {"streams": 1_200, "longest_seconds": 2_040, "needs_a_minute": 800.4, "permits_a_minute": 270.0}
    text = Read(status_page({**status(stream("hris_groups")), "behind": behind})).text
    assert "Behind schedule: 1,200 streams are overdue, the longest by 34 min." in " ".join(text.split())
    assert "needs 800 requests a minute, the budget permits 270." in text
    assert "Behind" not in Read(status_page(status(stream("hris_groups")))).text


def test_consumers_show_how_far_they_are_behind_and_what_they_lost() -> None:
    def consumer(name: str, lost: int) -> dict[str, Any]:
        at = "2031-03-09T11:55:00.000Z"
        return {"name": name, "sequence": 120, "behind": 3_400, "lost": lost, "acknowledged_at": at}

    told = {**status(stream("hris_groups")), "consumers": [consumer("billing", 0), consumer("audit", 17)]}
    text = " ".join(Read(status_page(told)).text.split())
    assert "Consumers of changes" in text
    assert "billing 3,400 120 5 min ago" in text
    assert "auditlost 17 3,400 120 5 min ago" in text
    assert "Consumers of changes" not in Read(status_page(status(stream("hris_groups")))).text
    assert "Consumers of changes" not in Read(status_page(told, "personio:1")).text


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
    read = Read(status_page({**status(stream("hris_groups")), "deliveries": [stopped, new]}))
    assert "(1) syncer" in read.text
    assert "1 delivery needs a look." in read.text
    assert "`syncer deliveries resume billing` sends again." in read.text
    assert "HTTP 410 (Gone)" in read.text
    assert "1,500" in read.text
    assert "3 h ago" in read.text
    assert "never" in read.text
    assert "Deliveries" not in Read(status_page(status(stream("hris_groups")))).text
