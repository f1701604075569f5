"""What is erased leaves whatever record comes, and nothing else does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.erasure.erased import Erased, Forgotten
from syncer.domain.erasure.relations import owned_tables
from syncer.domain.erasure.texts import clean_poison, clean_record, clean_text
from syncer.domain.erasure.traces import ErasedRecord, traces_of
from syncer.domain.records.record import Poison, Record, hashed, read_record
from tests.support.somebody import CANDIDATES, EMPLOYEES, USERS, add_somebody
from tests.support.source import listed, standing_environment

INTEGRATION, KEY, RECEIPT = "personio:1", b"k" * 32, "a receipt"
SOMEBODY = ErasedRecord("hris_employees", INTEGRATION, "e1", "4711")


def erased(*records: ErasedRecord, with_owned: bool = True, key: bytes = KEY) -> Erased:
    """All that is erased, by these records."""
    traces = {each for record in records for each in traces_of(key, record, with_owned=with_owned)}
    return Erased(key, dict.fromkeys(traces, RECEIPT), frozenset() if with_owned else {RECEIPT})


def left(
    table: str, record: dict[str, Any], *records: ErasedRecord, with_owned: bool = True
) -> dict[str, Any] | None:
    """What is left of a record; None where it is erased itself."""
    forgotten = erased(*records, with_owned=with_owned).forget(table, INTEGRATION, record)
    return record if forgotten.receipt is None else None


def test_a_record_that_is_erased_is_known_by_its_id_or_by_the_tools() -> None:
    assert left("hris_employees", {"id": "e1", "remote_id": None}, SOMEBODY) is None
    assert left("hris_employees", {"id": "another", "remote_id": "4711"}, SOMEBODY) is None
    # The same ids are other records in another list, or of another customer.
    assert left("ats_candidates", {"id": "e1", "remote_id": "4711"}, SOMEBODY) is not None
    record = {"id": "another", "remote_id": "4711"}
    assert erased(SOMEBODY).forget("hris_employees", "personio:2", record) == Forgotten(None)


@pytest.mark.parametrize(
    ("table", "record"),
    [
        ("hris_absences", {"id": "a", "employee_id": "e1"}),
        ("hris_payslips", {"id": "p", "employee": {"id": "e1"}}),
        ("hris_performance_reviews", {"id": "r", "reviewee": {"id": "e1"}, "reviewer": {"id": "e2"}}),
    ],
)
def test_what_is_about_it_is_erased_with_it_unless_it_is_erased_alone(
    table: str, record: dict[str, Any]
) -> None:
    assert left(table, json.loads(json.dumps(record)), SOMEBODY) is None
    alone = left(table, record, SOMEBODY, with_owned=False)
    assert alone is not None
    assert "e1" not in json.dumps(alone)


def test_what_mentions_it_loses_reference_copy_and_link() -> None:
    manager = {"id": "e1", "first_name": "Zenzi"}
    employee = {"id": "e2", "manager_id": "e1", "manager": manager, "first_name": "Tom"}
    assert left("hris_employees", employee, SOMEBODY) == {
        "id": "e2",
        "manager_id": None,
        "manager": None,
        "first_name": "Tom",
    }
    user = ErasedRecord("ats_users", INTEGRATION, "u1")
    team = [{"id": "u1", "first_name": "Zenzi"}, {"id": "u2", "first_name": "Tom"}]
    assert left("ats_jobs", {"id": "j", "hiring_team": team, "contact_id": "u1"}, user) == {
        "id": "j",
        "hiring_team": [{"id": "u2", "first_name": "Tom"}],
        "contact_id": None,
    }
    note = {"id": "n", "author": {"id": "u1"}, "author_id": "u1", "content_html": "text"}
    assert left("ats_notes", note, user) == {
        "id": "n",
        "author": None,
        "author_id": None,
        "content_html": "text",
    }


def test_copies_inside_copies_go_and_those_that_are_about_it() -> None:
    candidate = ErasedRecord("ats_candidates", INTEGRATION, "c1")
    application = {"id": "x", "candidate": {"id": "c1", "last_name": "Quast"}, "outcome": "PENDING"}
    record = {"id": "i", "application": application, "application_id": "x", "title": "Talk"}
    assert left("ats_interviews", dict(record), candidate) is None
    # Erased alone, its application stays, and with it the interview, which does not name it any more.
    kept = left("ats_interviews", record, candidate, with_owned=False)
    assert kept is not None
    assert kept["application"] == {"id": "x", "candidate": None, "outcome": "PENDING"}


def test_what_is_about_an_erased_record_of_the_tool_is_known_by_the_tools_id() -> None:
    candidate = ErasedRecord("ats_candidates", INTEGRATION, "c1", "77")
    order = {"id": "o", "candidate": {"remote_id": "77", "email": "z@firm.example"}}
    assert left("assessment_orders", order, candidate) is None
    assert left("assessment_orders", {"id": "o", "candidate": {"remote_id": "78"}}, candidate) is not None


def test_in_what_nobody_describes_every_object_and_text_with_its_id_goes() -> None:
    record = {
        "id": "e2",
        "custom_fields": {"buddy": "e1", "team": ["e1", "e2"], "size": 3},
        "brand_new": [{"id": "e1", "deep": {"name": "Zenzi"}}, {"lead": {"id": "e1"}, "kept": True}],
        "remote_data": {"deep": {"copy": {"id": "e1", "name": "Zenzi"}}},
    }
    assert left("hris_employees", record, SOMEBODY) == {
        "id": "e2",
        "custom_fields": {"buddy": None, "team": ["e2"], "size": 3},
        "brand_new": [{"lead": None, "kept": True}],
        "remote_data": {"deep": {"copy": None}},
    }


def test_members_that_have_lost_something_are_named() -> None:
    record = {"id": "e2", "manager_id": "e1", "manager": {"id": "e1"}, "first_name": "Tom"}
    assert erased(SOMEBODY).forget("hris_employees", INTEGRATION, record) == Forgotten(
        None, frozenset({"manager_id", "manager"})
    )


@pytest.mark.parametrize("model", [EMPLOYEES, CANDIDATES, USERS])
def test_of_a_whole_company_nothing_is_left_of_somebody_and_all_else_stays(model: str) -> None:
    environment = standing_environment(records=400)
    (company,) = environment.companies.values()
    somebody, about = add_somebody(company, model)
    everything = {name: listed(company, name) for name in catalogue()}
    assert json.dumps(everything).count(f'"{somebody}"') > 5
    known = erased(ErasedRecord(model, company.integration_id, somebody))
    gone: dict[str, set[str]] = {}
    for name, records in everything.items():
        for record_id, record in list(records.items()):
            before = json.dumps(record)
            receipt, members = known.forget(name, company.integration_id, record)
            if receipt is not None:
                del records[record_id]
                gone.setdefault(name, set()).add(record_id)
            assert (json.dumps(record) != before) == bool(members)
            assert not members or f'"{somebody}"' in before
    assert f'"{somebody}"' not in json.dumps(everything)
    assert gone == about
    assert gone.keys() <= owned_tables(model)


def test_a_record_that_was_cleaned_has_one_hash_however_it_is_written() -> None:
    known = erased(SOMEBODY)
    texts = (
        b'{"id":"e2","manager":{"id":"e1","first_name":"Zenzi"},"a":1}',
        b'{"a": 1, "manager": {"id": "e1", "first_name": "Later"}, "id": "e2"}',
    )
    records = [read_record(each) for each in texts]
    cleaned = [
        clean_record(known, "hris_employees", INTEGRATION, each)
        for each in records
        if isinstance(each, Record)
    ]
    hashes = {each.content_hash for each in cleaned if isinstance(each, Record)}
    assert hashes == {hashed({"a": 1, "manager": None, "id": "e2"})}


def test_a_record_that_has_nothing_of_it_stays_byte_for_byte() -> None:
    text = b'{ "id": "e2", "pay": 1.10, "manager": {"id": "e3"} }'
    assert clean_text(erased(SOMEBODY), "hris_employees", INTEGRATION, text).text == text


@pytest.mark.parametrize(
    "document",
    [
        '{"id": 7, "manager": {"id": "e1", "first_name": "Zenzi"}}',
        '{"id": "e2", "manager": {"id": "e1", "first_name": "Zenzi"}, "broken": ',
        '[{"id": "e1", "first_name": "Zenzi"}]',
    ],
)
def test_records_that_cannot_be_rows_lose_it_too(document: str) -> None:
    poison = clean_poison(
        erased(SOMEBODY), "hris_employees", INTEGRATION, Poison(None, "no usable id", document)
    )
    assert isinstance(poison, Poison)
    assert "Zenzi" not in poison.document


def test_a_record_that_cannot_be_a_row_and_is_erased_is_left_out() -> None:
    known = erased(SOMEBODY)
    assert clean_poison(known, "hris_employees", INTEGRATION, Poison("e1", "too large", "{}")) == RECEIPT
    about = Poison(None, "no usable id", '{"id": 7, "employee_id": "e1"}')
    assert clean_poison(known, "hris_absences", INTEGRATION, about) == RECEIPT


def test_records_of_native_lists_are_known_by_key_or_by_whom_they_were_listed_for() -> None:
    by_key = erased(ErasedRecord("people", INTEGRATION, "17"))
    by_parent = erased(ErasedRecord("hris_employees", INTEGRATION, "e1", None, (("people", "4711"),)))
    one = Record("17", None, b"", b"{}", "4711")
    for known in (by_key, by_parent):
        assert clean_record(known, "people", INTEGRATION, one) == RECEIPT
        assert clean_record(known, "people", "personio:2", one) == one
        assert clean_record(known, "others", INTEGRATION, one) == one


def test_traces_tell_nothing_without_their_key() -> None:
    traces = traces_of(KEY, SOMEBODY, with_owned=True)
    assert traces.isdisjoint(traces_of(b"x" * 32, SOMEBODY, with_owned=True))
    assert all(len(each) == 16 and b"e1" not in each and b"4711" not in each for each in traces)
    assert not erased(SOMEBODY, key=b"x" * 32).is_in("hris_employees", "e2")


def test_where_nothing_is_erased_nothing_is_read() -> None:
    text = b"not JSON at all"
    assert clean_text(Erased(), "hris_employees", INTEGRATION, text).text is text
    assert not Erased()
