"""Read a record of a native list: its key, and its row with the typed columns of the view. Pure."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from syncer.domain.catalogue.model import Column, ColumnType
from syncer.domain.fingerprint import fingerprint_of
from syncer.domain.native.jmespath import at, kind
from syncer.domain.native.key_members import key_members
from syncer.domain.native.lenient_json import decode_leniently
from syncer.domain.native.spec import Format, NativeListSpec
from syncer.domain.records.exclude import Excluded, excluded_from
from syncer.domain.records.exclusions import Exclusion
from syncer.domain.records.projection import Projection
from syncer.domain.records.record import (
    ID_LENGTH,
    Poison,
    Record,
    decoded,
    has_nul,
    hashed,
    is_too_large,
    poison,
    text_hash,
    too_large,
)
from syncer.domain.records.row import Row
from syncer.domain.records.values import CONVERTERS, Unfit, json_text

_NUMBER = re.compile(r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?")
#: https://www.w3.org/TR/xmlschema-2/#boolean
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def read_native(
    spec: NativeListSpec, raw: bytes, parent: str | None, excluded: Excluded | None = None
) -> Record | Poison:
    """Read the record of a JSON text, or why it cannot be a row. parent: the value of its row.

    Of what is excluded neither knows anything.
    """
    try:
        record = decoded(raw)
        if not isinstance(record, dict):
            # A row of CSV that is a list has other cells than the header.
            reason = "more or fewer cells than the header" if spec.format == "csv" else "not an object"
            return _poison(raw, reason, excluded=excluded)
        is_stripped = excluded is not None and excluded.strip(record)
        text = json_text(record).encode() if is_stripped else raw
        try:
            key = _key(spec, record, parent)
        except Unfit as error:
            return _poison(raw, f"no usable key: {error}", excluded=excluded)
        if is_too_large(raw):
            return too_large(raw, _as_it_can_be_kept(key))
        if b"\\u0000" in raw and has_nul(record):
            return _poison(raw, "holds a NUL character", _as_it_can_be_kept(key), excluded)
        content = hashed(record) if is_stripped else raw
        return Record(key, None, _content_hash(spec, content, parent), text, parent)
    except RecursionError:
        return _poison(raw, "nested too deeply", excluded=excluded)
    except (msgspec.DecodeError, UnicodeDecodeError, Unfit) as error:
        return _poison(raw, f"not readable: {error}", _key_of_unreadable(spec, raw, parent), excluded)


def read_stored_native(spec: NativeListSpec, stored: Record, excluded: Excluded) -> Record:
    """Read a row's record once more, without what is excluded; without anything where that cannot be told."""
    stripped = strip_stored(stored, excluded, {})
    if stripped is None:
        return stored
    record, text = stripped
    return stored._replace(text=text, content_hash=_content_hash(spec, hashed(record), stored.parent))


def strip_stored(stored: Record, excluded: Excluded, rest: dict[str, Any]) -> tuple[Any, bytes] | None:
    """Take what is excluded out of a row's record; give what is left and its text, None where it has nothing.

    rest: what is left where that cannot be told.
    """
    try:
        record = decoded(stored.text)
        if not excluded.strip(record):
            return None
        return record, json_text(record).encode()
    except (RecursionError, AttributeError, msgspec.DecodeError, UnicodeDecodeError, Unfit):
        return rest, json_text(rest).encode()


def _content_hash(spec: NativeListSpec, content: bytes, parent: str | None) -> bytes:
    # With a key that does not tell its row a record can move from one row to another.
    return text_hash(content + (parent or "").encode() if spec.may_list_twice else content)


def twin(record: Record) -> Poison:
    """Quarantine a record whose key another record of its page has, with other content."""
    return _poison(record.text, "has the same key as another record", record.id)


def unsendable(value: str, reason: str) -> Poison:
    """Quarantine a row of the mirror that cannot be asked for; the text is no record, however often read."""
    return _poison(json.dumps(value).encode(), reason)


def project_native(spec: NativeListSpec, record: Record) -> Row | Poison:
    """Project a record: its values are ``parent`` and ``columns``, JSON text of an object or None."""
    try:
        members = decoded(record.text)
        notes: list[str] = []
        columns = {each.name: column_value(each, spec.format, members, notes) for each in spec.columns}
        text = json_text(columns) if columns else None
    except RecursionError:
        return _poison(record.text, "nested too deeply", record.id)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _poison(record.text, f"not readable: {error}", record.id)
    return Row(
        id=record.id,
        values={"parent": record.parent, "columns": text},
        document=record.text.decode(),
        content_hash=record.content_hash,
        deleted_at=None,
        is_shell=False,
        links={},
        children={},
        notes=tuple(notes),
    )


def _key(spec: NativeListSpec, record: Any, parent: str | None) -> str:
    """Write the key: one part as it is, several as a JSON list of texts. Raises Unfit."""
    each = spec.for_each
    parts = [
        _part(path, parent if each is not None and path == each.key_part else _found(path, record))
        for path in spec.key
    ]
    key = parts[0] if len(parts) == 1 else json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    if len(key) > ID_LENGTH:
        raise Unfit(f"it is longer than {ID_LENGTH} characters")
    return key


def _key_of_unreadable(spec: NativeListSpec, raw: bytes, parent: str | None) -> str | None:
    """Read the key of a record that no database takes: its row is there and not gone."""
    try:
        key = _key(spec, decode_leniently(raw), parent)
    except (ValueError, RecursionError):
        return None
    return _as_it_can_be_kept(key)


def _as_it_can_be_kept(key: str) -> str | None:
    """Return the key; None where no row can have it."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return None
    return None if "\0" in key else key


def _part(path: str, value: Any) -> str:
    match value:
        case None:
            raise Unfit(f"{path} is missing")
        case "":
            raise Unfit(f"{path} is empty")
        case bool():
            return "true" if value else "false"
        case str() | int():
            return str(value)
        case Decimal():
            raise Unfit(f"{path} is a number with a fraction")
        case _:
            raise Unfit(f"{path} is {kind(value)}")


def column_value(column: Column, written: Format, record: Any, notes: list[str]) -> Any:
    """Convert the value at the column's path (JMESPath) to JSON; None with a note where it does not fit."""
    path = column.source[0]
    try:
        value = _found(path, record)
        if written != "json" and isinstance(value, str):
            value = _from_text(column.type, value)
        return None if value is None else _in_json(column.type, value)
    except Unfit as reason:
        notes.append(f"{path}: {reason}")
        return None


def _found(path: str, record: Any) -> Any:
    try:
        return at(path, record)
    except ValueError as error:
        raise Unfit(str(error)) from None


def _from_text(type_: ColumnType, text: str) -> Any:
    """Read a text of XML or CSV, which have no other values; it stays text where that fails."""
    if type_ in ("text", "json"):
        return text
    text = text.strip()
    if not text:
        return None
    if type_ == "boolean":
        return _BOOLEANS.get(text.lower(), text)
    return Decimal(text) if type_ in ("integer", "number") and _NUMBER.fullmatch(text) else text


def _in_json(type_: ColumnType, value: Any) -> Any:
    """Convert the value to the column's type. Raises Unfit."""
    converted = CONVERTERS[type_](value)
    match converted:
        case datetime():
            # As the tables keep it on SQLite: of one width, so that text order is time order.
            return converted.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
        case date() | time():
            return converted.isoformat()
        case _:
            return value if type_ == "json" else converted


def _poison(raw: bytes, reason: str, key: str | None = None, excluded: Excluded | None = None) -> Poison:
    """Make a poison whose id is the key; a member ``id`` need not be one."""
    if is_too_large(raw):
        return too_large(raw, key)
    return replace(poison(raw, reason, excluded), id=key)


def native_projection(spec: NativeListSpec, exclusions: frozenset[Exclusion]) -> Projection:
    """Identify the projection of the list's records: with other columns they become other rows.

    Where members are excluded, also by what keys are made of: no process may go on that makes them of such a
    member.
    """
    excluded = excluded_from(spec.name, exclusions)
    removed = [] if excluded is None else [str(each) for each in excluded.exclusions]
    keys = sorted(map(str, key_members(spec)))
    columns = spec.columns_fingerprint
    fingerprint = fingerprint_of([columns, removed, keys]) if exclusions else columns
    return Projection(fingerprint, tuple(removed), frozenset(keys))
