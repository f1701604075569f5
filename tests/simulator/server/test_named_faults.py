"""Faults by name: what is typed happens to the requests that are meant, and to as many."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from syncer.simulator.server.faults import Dropped, Faults, Mangled, Reply
from syncer.simulator.server.named_faults import KINDS, add_fault, add_named
from syncer.simulator.server.request_log import RequestInfo

AT = datetime(2031, 3, 9, tzinfo=UTC)


def asked(model: str | None, page: int = 1) -> RequestInfo:
    return RequestInfo(AT, "GET", "/v1", model=model, page=page)


def script(*texts: str) -> Faults:
    made = Faults()
    for text in texts:
        add_named(made, text, Random(1))
    return made


@pytest.mark.parametrize(
    ("status", "code"),
    [("500", b"PLATFORM.UNKNOWN_ERROR"), ("401", b"AUTHENTICATION_INVALID"), ("409", b"SETUP_SYNC_PENDING")],
)
def test_a_status_is_answered_with_what_kombo_says_with_it(status: str, code: bytes) -> None:
    faults = script(f"hris_absences={status}")
    answer = faults.take(asked("hris_absences"))
    assert isinstance(answer, Reply)
    assert answer.status == int(status)
    assert code in answer.body
    assert faults.take(asked("hris_groups")) is None
    assert faults.take(asked(None)) is None


def test_a_share_of_the_requests_fails() -> None:
    for text, expected in (("hris_*=truncated@25%", 250), ("bad-gateway=0.25", 250), ("not-json=100%", 1000)):
        faults = script(text)
        hits = sum(faults.take(asked("hris_groups")) is not None for _ in range(1000))
        assert abs(hits - expected) <= 50, text


def test_every_kind_is_an_answer_and_a_cursor_expires_where_there_is_one() -> None:
    for kind in KINDS:
        answer = script(f"ats_jobs={kind}").take(asked("ats_jobs", page=2))
        assert isinstance(answer, Reply | Mangled | Dropped), kind
    assert script("ats_jobs=expired-cursor").take(asked("ats_jobs", page=1)) is None


def test_a_fault_is_over_after_so_many_requests() -> None:
    faults = Faults()
    add_fault(faults, "*", 503, 1.0, Random(1), times=2)
    assert [faults.take(asked(None)) is None for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("hris_absence=500", "Did you mean hris_absences"),
        ("bad-gatewy=5%", "Did you mean bad-gateway"),
        ("hris_absences=5000", "'5000'"),
        ("hris_absences=broken", "truncated"),
        ("bad-gateway=150%", "'150%' is no share"),
        ("hris_absences", "is no fault"),
        ("hris_*=500@many", "'many' is no share"),
    ],
)
def test_what_means_nothing_is_refused_in_words(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=named.replace("*", r"\*")):
        script(text)
