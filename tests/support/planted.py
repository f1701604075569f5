"""Records whose every sensitive value is a mark, at every depth, in members that nobody knows, too.

It goes by the classes of the catalogue alone, not by what the program makes of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, TypeAlias

from syncer.domain.catalogue.model import Column, Member, Model
from syncer.domain.catalogue.privacy import Privacy

MARK = "s3cr3t"
#: What stands for the mark where only a number or a day fits.
NUMBER, DAY = 7712.25, "1907-07-07"

Path: TypeAlias = tuple[str, ...]
Record: TypeAlias = dict[str, Any]

_TYPED: Mapping[str, object] = {"number": NUMBER, "date": DAY}


def plant(model: Model, record: Record) -> Record:
    """Give the record with its marks; ids, and what may be seen, stay as they are."""
    planted = _planted(record, (), dict(_places(model)))
    assert isinstance(planted, dict)
    unknown = {each.name: [MARK] for each in model.columns if each.privacy is Privacy.UNKNOWN}
    # A copy that nobody knows, and a value that has another shape than what is known.
    return {
        **planted,
        **unknown,
        "unlisted_copies": [{"id": MARK, "salary_amount": NUMBER, "note": {"deep": MARK}}],
    }


def holds_mark(value: object) -> bool:
    """Tell whether a value that a database gives, or any inside it, is a mark."""
    if isinstance(value, dict):
        return any(map(holds_mark, (*value, *value.values())))
    if isinstance(value, list | tuple | set):
        return any(map(holds_mark, value))
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return float(value) == NUMBER
    shown = bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value)
    return any(mark in shown for mark in (MARK, str(NUMBER), DAY))


def _planted(value: Any, path: Path, places: dict[Path, object]) -> Any:
    if isinstance(value, dict):
        planted = {name: _planted(each, (*path, name), places) for name, each in value.items()}
        return {**planted, "unlisted": MARK, "unlisted_too": [{"id": MARK, "deep": [MARK]}]}
    if isinstance(value, list):
        return [_planted(each, path, places) for each in value]
    if value is None or isinstance(value, bool):
        return value
    # Ids of copies are the keys of rows.
    mark = places.get(path, None if path[-1:] == ("id",) else _of_its_type(value))
    return value if mark is None else f"{MARK}-{value}" if mark == MARK else mark


def _of_its_type(value: object) -> object:
    return MARK if isinstance(value, str) else NUMBER


@cache
def _places(model: Model) -> tuple[tuple[Path, object], ...]:
    """List the paths that columns and shown members are read from, with their marks; None: shown."""
    own = ("id", "changed_at", "remote_deleted_at")
    found: list[tuple[Path, object]] = [((name,), None) for name in own]
    found.append((("remote_id",), MARK if model.remote_id.is_sensitive else None))
    # What is read out of a copy stands last, and holds where the copy as a whole is sensitive.
    for columns, base in ((model.columns, ()), *((each.columns, each.member) for each in model.links)):
        found += _of_columns(columns, base)
    for link in model.links:
        found.append(((*link.member, *link.target_path), None))
    keys = {(*child.member, "id") for child in model.children}
    for child in model.children:
        # The key of a row that is shown, whoever refers to it.
        found.append(((*child.member, "id"), None))
        found.append(((*child.member, "remote_id"), MARK if child.remote_id.is_sensitive else None))
        found += (each for each in _of_columns(child.columns, child.member) if each[0] not in keys)
    return tuple(found)


def _of_columns(columns: Iterable[Column], base: Path) -> Iterator[tuple[Path, object]]:
    for column in columns:
        path = (*base, *column.source)
        if column.type == "json":
            if not column.is_sensitive:
                yield path, None
                yield from _of_members(column.members, path)
        else:
            yield path, _TYPED.get(column.type, MARK) if column.is_sensitive else None


def _of_members(members: Iterable[Member], base: Path) -> Iterator[tuple[Path, object]]:
    for member in members:
        path = (*base, member.name)
        if not member.privacy.is_sensitive:
            yield path, None
        yield from _of_members(member.members, path)
