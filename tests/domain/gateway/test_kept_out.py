"""What records lose on their way to an application, and what stays as it came."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.erasure.erased import Erased
from syncer.domain.erasure.traces import ErasedRecord, traces_of
from syncer.domain.gateway.kept_out import KeptOut, Unclean
from syncer.domain.records.exclude import excluded_from
from syncer.domain.records.exclusions import exclusions
from syncer.domain.stream_key import StreamKey

EMPLOYEES, SHIFTS = "hris_employees", "hris_shifts"
INTEGRATION, SOMEBODY = "personio:1", "26vafvWSRmbhNcxJYqjCzuJg"
SECRET = "065-81-1234"


def kept_out(*patterns: str, model: str = EMPLOYEES, erased: ErasedRecord | None = None) -> KeptOut:
    """What is kept out of a list by these exclusions and one erasure."""
    every = exclusions(patterns, [SHIFTS])
    excluded = excluded_from(model, every, is_undescribed=model not in catalogue())
    key = b"k" * 32
    traces = set() if erased is None else traces_of(key, erased, with_owned=True)
    return KeptOut(StreamKey(INTEGRATION, model), excluded, Erased(key, dict.fromkeys(traces, "receipt")))


def somebody(model: str = EMPLOYEES, **known: Any) -> ErasedRecord:
    return ErasedRecord(model, INTEGRATION, **{"id": SOMEBODY, **known})


def test_a_record_without_any_of_it_stays_to_the_byte() -> None:
    odd = b'{ "id":"1",\n"custom_fields": {"x": 1.10, "y":1e400}, "z":"\\u00e9" }'
    assert kept_out(f"{EMPLOYEES}.ssn", erased=somebody()).clean(odd) == odd


@pytest.mark.parametrize("odd", [b'"\\ud800"', b"NaN", b"1" * 2000 + b".5", b'"a\nb"', b'"\xff"'])
def test_a_record_that_is_not_quite_json_is_cleaned_all_the_same(odd: bytes) -> None:
    text = b'{"id":"1","ssn":"%s","first_name":%s}' % (SECRET.encode(), odd)
    assert kept_out(f"{EMPLOYEES}.groups").clean(text) == text
    cleaned = kept_out(f"{EMPLOYEES}.ssn").clean(text)
    assert cleaned is not None
    assert json.loads(cleaned).keys() == {"id", "first_name"}


@pytest.mark.parametrize(
    "text",
    [
        b"null",
        b'"%s"' % SECRET.encode(),
        b'["%s"]' % SECRET.encode(),
        b'{"id":"1","ssn":"%s"' % SECRET.encode(),
        b'{"id":"1","x":%s"%s"%s}' % (b"[" * 50_000, SECRET.encode(), b"]" * 50_000),
    ],
    ids=lambda text: repr(text[:30]),
)
def test_a_record_that_cannot_be_read_is_none_to_pass_on(text: bytes) -> None:
    with pytest.raises(Unclean) as refused:
        kept_out("*.ssn").clean(text)
    assert SECRET not in str(refused.value)


def test_a_record_that_is_erased_is_known_by_its_remote_id_where_that_is_excluded() -> None:
    keeps = kept_out(f"{EMPLOYEES}.remote_id", erased=somebody(id=None, remote_id="zenzi"))
    assert keeps.clean(b'{"id":"1","remote_id":"zenzi"}') is None
    assert keeps.clean(b'{"id":"2","remote_id":"ann"}') == b'{"id":"2"}'


def test_records_of_an_added_list_lose_what_the_family_excludes_and_those_that_are_erased() -> None:
    keeps = kept_out(f"{SHIFTS}.note", f"{EMPLOYEES}.ssn", model=SHIFTS, erased=somebody(SHIFTS))
    assert keeps.clean(json.dumps({"id": SOMEBODY}).encode()) is None
    assert keeps.clean(b'{"note":"x"}') == b"{}"
    shift = {"id": "2", "note": SECRET, "employee": {"id": "e", "ssn": SECRET}}
    cleaned = keeps.clean(json.dumps(shift).encode())
    assert cleaned is not None
    assert json.loads(cleaned) == {"id": "2", "employee": {"id": "e"}}
