"""A record as the API shows it: own members, and copies of linked records as they are now."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import msgspec

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.company.extra_lists import EXTRA_LISTS
from syncer.simulator.company.ids import iso
from syncer.simulator.company.records import Members, Record, Tables
from syncer.simulator.company.relations import Relation

#: A member that no client knows; some records of every model carry it.
UNKNOWN_MEMBER = "preview_annotations"

_encode = msgspec.json.Encoder().encode
_encode_anything = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def to_json(value: object) -> bytes:
    """Encode as compact JSON in UTF-8; a lone surrogate is written as an escape, as JavaScript does."""
    try:
        return _encode(value)
    except (UnicodeEncodeError, OverflowError):
        return _encode_anything(value).encode()


def row_json(tables: Tables, record: Record) -> bytes:
    """Render the record as JSON, anew only when it or a record it shows has changed."""
    if record.json is None:
        record.json = to_json(row(tables, record))
    return record.json


def row(tables: Tables, record: Record) -> Members:
    """Render the record with all its members.

    Anonymised, every member is null but ``id``, ``changed_at`` and ``remote_deleted_at``, members that are
    never null otherwise too.
    """
    shown = _own(record)
    for relation in tables.relations.carried_by(record.model):
        shown[relation.member] = _embedded(tables, relation, record)
    if record.blank:
        kept = {name: shown[name] for name in ("id", "changed_at", "remote_deleted_at") if name in shown}
        return dict.fromkeys(shown) | kept
    return shown


def _own(record: Record) -> Members:
    """Render the own members; those whose names begin with ``_`` are never shown."""
    shown: Members = {"id": record.id}
    shown.update((name, value) for name, value in record.fields.items() if name[0] != "_")
    tells_changes, tells_deletion = _stamps(record.model)
    if tells_changes:
        shown["changed_at"] = iso(record.changed_at)
    if tells_deletion:
        shown["remote_deleted_at"] = None if record.deleted_at is None else iso(record.deleted_at)
    return shown


@cache
def _stamps(table: str) -> tuple[bool, bool]:
    """Tell whether records of the table carry ``changed_at``, and whether ``remote_deleted_at``."""
    model = catalogue().get(table) or EXTRA_LISTS.get(table)
    if model is not None:
        return model.has_changed_at, model.has_remote_deleted_at
    children = (child for each in catalogue().values() for child in each.children if child.table == table)
    names = {column.name for child in children for column in child.columns}
    return "changed_at" in names, "remote_deleted_at" in names


def _embedded(tables: Tables, relation: Relation, carrier: Record) -> Any:
    if not relation.many:
        return _copy_of(tables, relation, carrier.fields.get(relation.field))
    if relation.how == "children":
        children = (tables.get(relation.target, id) for id in tables.targets(relation, carrier))
        return [
            _copy(tables, relation, child)
            for child in children
            if child is not None and _belongs(relation, child)
        ]
    return [
        _entry(tables, relation, target_id, extra)
        for target_id, extra in carrier.links.get(relation.field, {}).items()
        if tables.get(relation.target, target_id) is not None
    ]


def _belongs(relation: Relation, child: Record) -> bool:
    """Show a deleted child only where its copy can say so, an anonymised one nowhere."""
    if child.deleted_at is None:
        return True
    return relation.copy is None and _stamps(relation.target)[1] and not child.blank


def _entry(tables: Tables, relation: Relation, target_id: str, extra: Members) -> Members:
    copy = _copy_of(tables, relation, target_id)
    entry = {relation.wrap: copy} if relation.wrap else copy
    if relation.id_member:
        entry = {relation.id_member: target_id, **entry}
    entry.update(extra)
    for inner in relation.inside:
        if inner.how == "extra":
            copies = (_copy_of(tables, inner, id) for id in extra[inner.member])
            entry[inner.member] = [copy for copy in copies if copy is not None]
    return entry


def _copy_of(tables: Tables, relation: Relation, target_id: str | None) -> Any:
    if target_id is None:
        return None
    target = tables.get(relation.target, target_id)
    if target is not None:
        return _copy(tables, relation, target)
    if not relation.required:
        return None
    ghost = {"id": target_id, "remote_id": tables.ghosts.get((relation.target, target_id))}
    nulls = dict.fromkeys((*(relation.copy or ()), *(inner.member for inner in relation.inside)))
    return nulls | ghost


def _copy(tables: Tables, relation: Relation, target: Record) -> Members:
    if relation.copy is None:
        shown = _own(target)
    else:
        fields = target.fields
        shown = {name: fields[name] for name in relation.copy if name in fields}
        for name in _beside_fields(relation):
            _show(target, name, shown)
    for inner in relation.inside:
        if inner.how != "extra":
            shown[inner.member] = _embedded(tables, inner, target)
    if target.blank:
        shown = dict.fromkeys(shown) | ({"id": target.id} if "id" in shown else {})
    return shown


@cache
def _beside_fields(relation: Relation) -> tuple[str, ...]:
    """List the members of a copy that are not plain members of the record."""
    special = ("id", "index", "changed_at", "remote_deleted_at")
    return tuple(name for name in special if name in (relation.copy or ()))


def _show(target: Record, name: str, shown: Members) -> None:
    if name == "id":
        shown[name] = target.id
    elif name == "index":
        shown[name] = target.fields["_index"]
    elif name == "changed_at":
        shown[name] = iso(target.changed_at)
    else:
        shown[name] = None if target.deleted_at is None else iso(target.deleted_at)
