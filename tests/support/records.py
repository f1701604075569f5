"""Records of any model, built from the catalogue alone, and the rows that follow from them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from syncer.domain.catalogue.model import Column, Model
from syncer.domain.records.row import COMMON_COLUMNS, Row, project_text

#: A moment for whatever needs one, and a page of a walk that began before it.
NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

_encoder = msgspec.json.Encoder(decimal_format="number")
_VALUES: dict[str, Callable[[str, int], Any]] = {
    "text": lambda name, version: f"{name} {version} äöü 😀",
    "boolean": lambda _, version: version % 2 == 1,
    "integer": lambda _, version: 2**53 + version,
    "number": lambda _, version: Decimal(f"{version}.10"),
    "date": lambda _, version: f"2024-02-{version:02}T00:00:00.000Z",
    "time": lambda _, version: f"08:{version:02}:00",
    "timestamp": lambda _, version: f"2024-02-29T08:{version:02}:00.123Z",
    "json": lambda name, version: {"of": name, "version": version, "list": [1, None, {"ü": True}]},
}

MakeRecord = Callable[..., dict[str, Any]]
MakeRow = Callable[..., Row]


def record_of(model: Model, record_id: str, version: int = 1, **members: Any) -> dict[str, Any]:
    """A record with a value in every column and two entries in every list that becomes rows."""
    record: dict[str, Any] = {"id": record_id}
    for child in model.children:
        for number, entry in enumerate(_entries_at(record, child.member)):
            entry["id"] = f"{record_id}-{child.member[0]}-{number}"
    for child in model.children:
        for entry in _entries_at(record, child.member):
            _fill(entry, (COMMON_COLUMNS[0], *child.columns), version)
    for link in model.links:
        for number, entry in enumerate(_entries_at(record, link.member)):
            _put(entry, link.target_path, f"{record_id}-{link.member[0]}-{number}")
            _fill(entry, link.columns, version)
    _fill(record, (*COMMON_COLUMNS, *model.columns), version)
    return {**record, "remote_deleted_at": None, "not_in_the_catalogue": version, **members}


def _entries_at(record: dict[str, Any], path: tuple[str, ...]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = record.setdefault(path[0], [{}, {}])
    for member in path[1:]:
        entries = [entry.setdefault(member, {}) for entry in entries]
    return entries


def _fill(record: dict[str, Any], columns: tuple[Column, ...], version: int) -> None:
    # Longer paths first: a column may hold the object that another one looks into.
    for column in sorted(columns, key=lambda column: -len(column.source)):
        _put(record, column.source, _VALUES[column.type](column.name, version))


def _put(record: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for member in path[:-1]:
        record = record.setdefault(member, {})
    record.setdefault(path[-1], value)


def row_of(model: Model, record_id: str = "record", version: int = 1, **members: Any) -> Row:
    row = project_text(model, _encoder.encode(record_of(model, record_id, version, **members)))
    assert isinstance(row, Row)
    assert not row.notes
    return row
