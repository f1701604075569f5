"""Members in which a record differs from the document of its row."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncer.domain.feed.difference import former_values, without_excluded
from syncer.domain.records.exclude import excluded_from, exclusions

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
records = st.dictionaries(texts, json_values, max_size=6)


def written(record: Any) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode()


def reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return [reordered(item) for item in value] if isinstance(value, list) else value


def exact(value: Any) -> str:
    """Text that is the same for the same value alone: Python takes 1, 1.0 and True for equal."""
    return json.dumps(value, sort_keys=True)


@settings(max_examples=60)
@given(record=records)
def test_another_order_of_members_is_no_difference(record: dict[str, Any]) -> None:
    assert former_values(written(reordered(record)), json.dumps(record, indent=2).encode()) == {}


@settings(max_examples=200)
@given(record=records, document=records)
def test_the_members_that_differ_are_told_with_their_former_values_and_no_others(
    record: dict[str, Any], document: dict[str, Any]
) -> None:
    document = {**reordered(record), **document}
    record = {**record, **{name: document[name] for name in list(document)[::2]}}
    differs = {
        name
        for name in {*record, *document}
        if (name in record) != (name in document) or exact(record[name]) != exact(document[name])
    }
    former = former_values(written(record), json.dumps(document).encode())
    assert set(former) == differs
    for name, value in former.items():
        assert (value is None) == (name not in document)
        assert value is None or exact(json.loads(value)) == exact(document[name])


@pytest.mark.parametrize(
    ("record", "document"),
    [
        ('{"x": 1}', '{"x": "1"}'),
        ('{"x": 1}', '{"x": 1.0}'),
        ('{"x": 1}', '{"x": true}'),
        ('{"x": null}', '{"y": null}'),
        ('{"x": []}', '{"x": {}}'),
        ('{"x": [1, 2]}', '{"x": [2, 1]}'),
        ('{"x": ""}', '{"x": null}'),
        ('{"x": {"y": 1}}', '{"x": {"y": 2}}'),
    ],
)
def test_what_looks_nearly_the_same_is_a_difference(record: str, document: str) -> None:
    assert "x" in former_values(record.encode(), document.encode())


def test_a_text_that_cannot_be_read_is_an_error() -> None:
    for text in (b"[1]", b'{"x": ', b'{"x": "\xff"}', b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"):
        with pytest.raises((msgspec.DecodeError, UnicodeDecodeError, RecursionError)):
            former_values(text, b'{"x": 1}')


def test_what_is_excluded_is_taken_out_of_a_document_that_was_stored_with_it() -> None:
    excluded = excluded_from("hris_employees", exclusions(["hris_employees.ssn", "*.remote_data"]))
    document = b'{"id": "e", "ssn": "secret", "manager": {"id": "m", "remote_data": 1}}'
    assert json.loads(without_excluded(document, excluded)) == {"id": "e", "manager": {"id": "m"}}
    assert without_excluded(document, None) == document
