"""One JSON object of the API -> one row and its link and child rows.

The record is kept whole (``document``, exactly as received); typed columns are a projection of it. What is
excluded from the mirror leaves the record here, before anything else looks at it. A record that no database
can hold becomes ``Poison``; a column that does not fit its type is left null and noted. Members the catalogue
does not know stay in the document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from hashlib import blake2b
from math import isfinite
from typing import Any, TypeGuard

import msgspec

from syncer.domain.exclude import Excluded
from syncer.domain.model import Child, Column, Link, Model
from syncer.domain.values import CONVERTERS, Unfit, json_text

#: Bytes of a content hash: a false "unchanged" has a chance of 2^-64 among 2^32 versions of a row.
HASH_BYTES = 16
#: Characters of an id: Kombo's have 24, and databases do not index text of any length.
ID_LENGTH = 255
#: Bytes of a text that still fit an entry of PostgreSQL's indexes, which take 2,704.
INDEXED_BYTES = 2_600
#: Digits of a fraction, and powers of ten: more are no data, and PostgreSQL's JSONB refuses them.
NUMBER_DIGITS = 1000

#: Columns that every record may have, typed like the catalogue's own.
COMMON_COLUMNS = (
    Column("remote_id", "text", "Id in the connected tool, as the tool gives it"),
    Column("changed_at", "timestamp", "When the record's own members last changed, says Kombo"),
    Column(
        "remote_deleted_at", "timestamp", "When Kombo or a sweep found the record gone; null while it lives"
    ),
)

#: Members that an anonymised record keeps.
_SHELL_MEMBERS = frozenset(
    {"id", "remote_id", "changed_at", "remote_deleted_at", "remote_created_at", "remote_updated_at"}
)

_NOT_ASCII = re.compile(r"[^\x01-\x7f]+")


def _exact(text: str) -> Decimal:
    """A JSON number with a fraction or an exponent; raises ValueError if it is too long."""
    try:
        value = Decimal(text)
        if len(text) <= NUMBER_DIGITS and abs(value.adjusted()) <= NUMBER_DIGITS:
            return value
    except ArithmeticError:
        pass
    raise ValueError(f"a number of more than {NUMBER_DIGITS} digits")


_decoder = msgspec.json.Decoder(float_hook=_exact)
_canonical = msgspec.json.Encoder(decimal_format="number", order="sorted")

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A record as the store takes it.

    values: every typed column of the model's table by name. links and children: rows by table name, for
    every link and child table of the model, empty lists included. notes: why a column is null though the
    record has a value. is_shell: a deleted record whose every other member has been blanked.
    """

    id: str
    values: Values
    document: str
    content_hash: bytes
    deleted_at: datetime | None
    is_shell: bool
    links: dict[str, list[Values]]
    children: dict[str, list[Values]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that cannot be a row; document is ASCII JSON text that any database holds.

    Where members are excluded and cannot be found in what came, the document is only a hash of it.
    """

    id: str | None
    reason: str
    document: str


def project(model: Model, raw: bytes, excluded: Excluded | None = None) -> Row | Poison:
    """The row of one record (raw: its JSON text), or the reason why there is none.

    Of what is excluded neither knows anything; a record without any of it is kept as it came.
    """
    try:
        record = _decoder.decode(raw)
        if not isinstance(record, dict):
            return _poison(raw, "not an object", excluded)
        stripped = excluded is not None and excluded.strip(record)
        if not _is_id(record.get("id")):
            return _poison(raw, "no usable id", excluded)
        if b"\\u0000" in raw and _has_nul(record):
            return _poison(raw, "holds a NUL character", excluded)
        return _row(model, record, json_text(record) if stripped else raw.decode(), excluded)
    except RecursionError:
        return _poison(raw, "nested too deeply", excluded)
    except (msgspec.DecodeError, UnicodeDecodeError, Unfit) as error:
        return _poison(raw, f"not readable: {error}", excluded)


def project_entry(child: Child, raw: bytes, excluded: Excluded | None = None) -> Values | None:
    """The row of a shared child, of its own document (raw); None where the child is excluded altogether.

    excluded: from the records that carry the child.
    """
    record = _decoder.decode(raw)
    for member in reversed(child.member):
        record = {member: record}
    if excluded is not None:
        excluded.strip(record)
    return next(iter(_child_rows(child, "", record, [])), None)


def _row(model: Model, record: Values, document: str, excluded: Excluded | None) -> Row:
    notes: list[str] = []
    record_id = record["id"]
    values = _columns(_own_columns(model), record, notes)
    deleted_at = values["remote_deleted_at"]
    return Row(
        id=record_id,
        values=values,
        document=document,
        content_hash=_hashed(record),
        deleted_at=deleted_at,
        is_shell=deleted_at is not None
        and all(_is_blank(value) for name, value in record.items() if name not in _SHELL_MEMBERS),
        links={
            link.table: []
            if excluded is not None and excluded.hides(link.member + link.target_path)
            else _link_rows(link, record_id, record, notes)
            for link in model.links
        },
        children={child.table: _child_rows(child, record_id, record, notes) for child in model.children},
        notes=tuple(notes),
    )


@cache
def _own_columns(model: Model) -> tuple[Column, ...]:
    return (*COMMON_COLUMNS, *model.columns)


def _columns(
    columns: tuple[Column, ...], record: Values, notes: list[str], inside: tuple[str, ...] = ()
) -> Values:
    """The columns' values by name; inside: the path to this record, for the notes."""
    values: Values = {}
    for column in columns:
        path = column.source
        value = record.get(path[0]) if len(path) == 1 else _at(path, record)
        if value is not None:
            try:
                value = CONVERTERS[column.type](value)
                if column.is_looked_up and len(value.encode()) > INDEXED_BYTES:
                    raise Unfit(f"longer than the {INDEXED_BYTES:,} bytes that an index takes")
            except Unfit as reason:
                notes.append(f"{'.'.join((*inside, *path))}: {reason}")
                value = None
        values[column.name] = value
    return values


def _link_rows(link: Link, owner_id: str, record: Values, notes: list[str]) -> list[Values]:
    rows: dict[str, Values] = {}
    for entry in _entries(record, link.member):
        target = _at(link.target_path, entry)
        if not _is_id(target):
            notes.append(f"{'.'.join(link.member)}: an entry without a usable id")
            continue
        rows[target] = {
            link.owner: owner_id,
            link.target: target,
            **_columns(link.columns, entry, notes, link.member),
        }
    return list(rows.values())


def _child_rows(child: Child, owner_id: str, record: Values, notes: list[str]) -> list[Values]:
    rows: list[Values] = []
    columns = (COMMON_COLUMNS[0], *child.columns)
    for entry in _entries(record, child.member):
        child_id = _at(("id",), entry)
        if not _is_id(child_id):
            notes.append(f"{'.'.join(child.member)}: an entry without a usable id")
            continue
        row = {"id": child_id, **_columns(columns, entry, notes, child.member)}
        if child.owner is None:
            # Of the columns alone: an entry may also say what belongs to one parent, such as its place there.
            row["content_hash"] = _hashed(
                {"id": child_id, **{each.name: _at(each.source, entry) for each in columns}}
            )
        else:
            row[child.owner] = owner_id
            row["position"] = len(rows)
        row["document"] = json_text(entry)
        rows.append(row)
    return rows


def _hashed(value: Values) -> bytes:
    """The same for equal values, whatever the order of their members."""
    return blake2b(_canonical.encode(value), digest_size=HASH_BYTES).digest()


def _entries(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """What is at the end of the path; lists on the way and at the end are entered, null is nothing."""
    if isinstance(value, list):
        for item in value:
            yield from _entries(item, path)
    elif isinstance(value, dict) and path:
        yield from _entries(value.get(path[0]), path[1:])
    elif value is not None:
        yield value


def _at(path: tuple[str, ...], value: Any) -> Any:
    for member in path:
        value = value.get(member) if isinstance(value, dict) else None
    return value


def _is_id(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= ID_LENGTH


def _is_blank(value: Any) -> bool:
    """Whether a value says nothing; zero and false say something."""
    if isinstance(value, dict):
        return all(map(_is_blank, value.values()))
    if isinstance(value, list):
        return all(map(_is_blank, value))
    return value is None or value == ""


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_has_nul(item) for item in value)


def ascii_json(document: str) -> str:
    """JSON text with NUL and every non-ASCII character escaped: any database's text column holds it."""
    # Outside of strings JSON is ASCII; numbers stay as they are written, also those that no float can hold.
    return _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], document)


def _poison(raw: bytes, reason: str, excluded: Excluded | None) -> Poison:
    # Bytes that are no UTF-8 become lone surrogates, which tell the bytes.
    text = raw.decode(errors="surrogateescape")
    try:
        # Lenient, unlike the decoder that refused it: only the id is looked for.
        record = json.loads(text, strict=False, parse_int=float)
    except (ValueError, RecursionError):
        record = None
    candidate = _at(("id",), record)
    usable = _is_id(candidate) and candidate.isprintable()
    document = ascii_json(text) if excluded is None else _without(text, raw, excluded)
    return Poison(candidate if usable else None, reason, document)


def _without(text: str, raw: bytes, excluded: Excluded) -> str:
    """What may be kept of a record that cannot be a row."""
    try:
        record = json.loads(text, strict=False, parse_float=_plain_float)
        if isinstance(record, dict):
            return json.dumps(record) if excluded.strip(record) else ascii_json(text)
    except (ValueError, RecursionError):
        pass
    return json.dumps({"withheld": blake2b(raw, digest_size=HASH_BYTES).hexdigest()})


def _plain_float(text: str) -> float | str:
    value = float(text)
    return value if isfinite(value) else text
