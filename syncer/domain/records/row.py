"""One record -> one row and its link and child rows.

Typed columns are a projection of the record; one that does not fit its type is left null and noted. Members
the catalogue does not know stay in the document.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from syncer.domain.catalogue.model import Child, Column, Link, Model
from syncer.domain.records.blank import SHELL_MEMBERS, is_blank
from syncer.domain.records.columns import Sources, Values, read_columns, sources_of, value_at
from syncer.domain.records.exclude import Excluded
from syncer.domain.records.record import Poison, Record, decoded, hashed, is_id, poison, read_stored
from syncer.domain.records.values import json_text

#: Columns that every record may have, typed like the catalogue's own.
COMMON_COLUMNS = (
    Column("remote_id", "text", "Id in the connected tool, as the tool gives it"),
    Column("changed_at", "timestamp", "Time at which the record's own members last changed, as Kombo says"),
    Column(
        "remote_deleted_at",
        "timestamp",
        "Time at which Kombo or a sweep marked the record deleted; null while it lives",
    ),
)


class Row(Struct, frozen=True):
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


def project(model: Model, record: Record, excluded: Excluded | None = None) -> Row | Poison:
    """Project a record to its row, or to the reason why there is none; excluded: as it was read with."""
    try:
        return _row(model, record, excluded)
    except RecursionError:
        return poison(record.text, "nested too deeply", excluded)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return poison(record.text, f"not readable: {error}", excluded)


def project_text(model: Model, raw: bytes, excluded: Excluded | None = None) -> Row | Poison:
    """Project a row's document to its row, or to the reason why there is none."""
    record = read_stored(raw, excluded)
    return project(model, record, excluded) if isinstance(record, Record) else record


def project_entry(child: Child, raw: bytes, excluded: Excluded | None = None) -> Values | None:
    """Project a shared child from its own document (raw); None where it is excluded altogether.

    excluded: from the records that carry the child.
    """
    record = decoded(raw)
    for member in reversed(child.member):
        record = {member: record}
    if excluded is not None:
        excluded.strip(record)
    return next(iter(_child_rows(child, "", record, [])), None)


def _row(model: Model, record: Record, excluded: Excluded | None) -> Row:
    notes: list[str] = []
    members = decoded(record.text)
    values = read_columns(_model_sources(model), members, notes)
    deleted_at = values["remote_deleted_at"]
    return Row(
        id=record.id,
        values=values,
        document=record.text.decode(),
        content_hash=record.content_hash,
        deleted_at=deleted_at,
        is_shell=is_shell(members, deleted_at),
        links={
            link.table: []
            if excluded is not None and excluded.hides(link.member + link.target_path)
            else _link_rows(link, record.id, members, notes)
            for link in model.links
        },
        children={child.table: _child_rows(child, record.id, members, notes) for child in model.children},
        notes=tuple(notes),
    )


def is_shell(members: Values, deleted_at: datetime | None) -> bool:
    """Tell whether a record is a deleted one whose every other member has been blanked."""
    return deleted_at is not None and all(
        is_blank(value) for name, value in members.items() if name not in SHELL_MEMBERS
    )


@cache
def _model_sources(model: Model) -> Sources:
    return sources_of((*COMMON_COLUMNS, *model.columns))


@cache
def _link_sources(link: Link) -> Sources:
    return sources_of(link.columns)


@cache
def _child_sources(child: Child) -> Sources:
    return sources_of((COMMON_COLUMNS[0], *child.columns))


def _link_rows(link: Link, owner_id: str, record: Values, notes: list[str]) -> list[Values]:
    rows: dict[str, Values] = {}
    sources = _link_sources(link) if link.columns else None
    for entry in _entries(record, link.member):
        target = value_at(link.target_path, entry)
        if not is_id(target):
            notes.append(f"{'.'.join(link.member)}: an entry without a usable id")
            continue
        rows[target] = row = {link.owner: owner_id, link.target: target}
        if sources is not None:
            row |= read_columns(sources, entry, notes, link.member)
    return list(rows.values())


def _child_rows(child: Child, owner_id: str, record: Values, notes: list[str]) -> list[Values]:
    rows: list[Values] = []
    sources = _child_sources(child)
    for entry in _entries(record, child.member):
        child_id = value_at(("id",), entry)
        if not is_id(child_id):
            notes.append(f"{'.'.join(child.member)}: an entry without a usable id")
            continue
        row = {"id": child_id, **read_columns(sources, entry, notes, child.member)}
        if child.owner is None:
            # Of the columns alone: an entry may also say what belongs to one parent, such as its place there.
            row["content_hash"] = hashed(
                {
                    "id": child_id,
                    **{each.name: value_at(each.path or (each.member,), entry) for each in sources.columns},
                }
            )
        else:
            row[child.owner] = owner_id
            row["position"] = len(rows)
        row["document"] = json_text(entry)
        rows.append(row)
    return rows


def _entries(record: Values, path: tuple[str, ...]) -> list[Any]:
    """Collect what is at the end of the path; lists are entered on the way and there, null is nothing."""
    entries: list[Any] = [record]
    for member in path:
        reached: list[Any] = []
        for entry in entries:
            if isinstance(entry, dict):
                _enter(entry.get(member), reached)
            else:
                reached.append(entry)
        entries = reached
    return entries


def _enter(value: Any, into: list[Any]) -> None:
    if isinstance(value, list):
        for item in value:
            if isinstance(item, list):
                _enter(item, into)
            elif item is not None:
                into.append(item)
    elif value is not None:
        into.append(value)
