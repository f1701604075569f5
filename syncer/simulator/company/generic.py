"""Records that follow from the catalogue: for lists that no factory is written for.

Copies of other records, links and children are members like any other here: they show what was so when the
record was made, and change with it alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from random import Random
from typing import Any

from syncer.domain.catalogue.model import Child, Column, Link, Model
from syncer.simulator.company import names, values
from syncer.simulator.company.factory import Factory
from syncer.simulator.company.ids import DAY_MS, iso, iso_midnight
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Members, Record

#: What such a list takes of a company's records.
SHARE = 0.005
#: How many records shared children of one table have.
_SHARED = 5
#: Words of an enum in the meaning of a column: ``ACTIVE or INACTIVE``.
_WORDS = re.compile(r"\b[A-Z][A-Z_]{2,}\b")


def generic_factory(model: Model) -> Factory:
    """Derive a factory from the columns, links and children of a model."""

    def make(maker: Maker, rng: Random, at: int) -> Record:
        number = maker.next_number(model.name)
        fields = generic_members(model, maker, rng, number)
        return maker.put(model.name, fields, remote_id=f"{model.name}-{number}", at=at)

    return Factory(model.name, make, share=SHARE, dependent=True)


def generic_members(model: Model, maker: Maker, rng: Random, number: int) -> Members:
    """Make up the members of one record, those that every record has apart."""
    fields: Members = {}
    choices = {each.name: each.choices for each in model.filters if each.choices}
    for column in sorted(model.columns, key=lambda each: (bool(each.path), each.type == "json")):
        if column.path:
            _put(fields, column.path, _reference(maker, rng, column))
        else:
            fields[column.name] = _value(column, choices, fields, maker, rng, number)
    lists = {link.member for link in model.links} | {child.member for child in model.children}
    for path in sorted(lists, key=len):
        if not any(path[: len(outer)] == outer for outer in lists if outer != path):
            _put(fields, path, _embedded(model, path, maker, rng, number))
    return fields


def _value(
    column: Column,
    choices: dict[str, tuple[str, ...]],
    fields: Members,
    maker: Maker,
    rng: Random,
    number: int,
) -> Any:
    now = maker.clock.now_ms()
    if column.references is not None:
        return _reference(maker, rng, column)
    match column.type:
        case "boolean":
            return values.maybe(rng, number % 2 == 0, 0.9)
        case "integer":
            return values.maybe(rng, number, 0.9)
        case "number":
            return values.maybe(rng, values.money(rng, 0.1, 5_000), 0.9)
        case "date":
            return values.maybe(rng, iso_midnight(values.moment(rng, now, 900)), 0.95)
        case "time":
            return values.maybe(rng, f"{number % 24:02d}:30:00", 0.9)
        case "timestamp":
            return values.maybe(rng, iso(values.moment(rng, now, 900) // DAY_MS * DAY_MS + number), 0.9)
        case "json":
            return _json(column, fields, maker, rng, number)
        case "text":
            return values.maybe(rng, _text(column, choices, maker, rng, number), 0.95)


def _text(column: Column, choices: dict[str, tuple[str, ...]], maker: Maker, rng: Random, number: int) -> str:
    words = choices.get(column.name) or choices.get(f"{column.name}s") or choices.get(f"{column.name}es")
    words = words or tuple(_WORDS.findall(column.meaning))
    if len(words) > 1:
        return values.pick(rng, words)
    if column.name.endswith("email"):
        return f"{values.person(rng, number).handle}@{maker.domain}"
    if column.name.endswith("url"):
        return f"https://{maker.domain}/{column.name}/{number}?lang=ä"
    return f"{values.pick(rng, names.DEPARTMENTS)} {number}"


def _json(column: Column, fields: Members, maker: Maker, rng: Random, number: int) -> Any:
    """Free-form members as every list has them, copies of records, or an object of its own."""
    if column.name == "custom_fields":
        return values.custom_fields(rng)
    if column.name == "integration_fields":
        return values.integration_fields(rng, number)
    if column.name == "remote_data":
        return values.remote_data(rng, "/v1/records", number)
    for embed in column.embeds:
        known = maker.known(embed.table)
        id = (
            fields[f"{column.name}_id"]
            if f"{column.name}_id" in fields
            else known and values.pick(rng, known)
        )
        return _copy(maker, embed.table, id) if id else None
    return values.maybe(rng, {"label": f"№ {number}", "share": 0.1, "parts": [number, None]}, 0.8)


def _reference(maker: Maker, rng: Random, column: Column) -> str | None:
    """Choose a record of the column's table; now and then none, or one that is not kept."""
    table, chance = column.references or "", rng.random()
    if chance < 0.05:
        return None
    return maker.ghost(table) if chance < 0.07 else _any_id(maker, rng, table)


def _any_id(maker: Maker, rng: Random, table: str) -> str | None:
    known = maker.known(table)
    return values.pick(rng, known) if known else None


def _copy(maker: Maker, table: str, id: str) -> Members:
    record = maker.tables.get(table, id)
    shown = {} if record is None else record.fields
    return {"id": id, **{name: shown[name] for name in ("remote_id", "name") if name in shown}}


def _embedded(model: Model, path: tuple[str, ...], maker: Maker, rng: Random, number: int) -> Any:
    """Make up what stands at a path where links and children are read from."""
    links = [link for link in model.links if link.member == path]
    children = [child for child in model.children if child.member == path]
    if not links and all(child.owner is None for child in children):
        return _child(model, children[0], maker, rng, number)
    found: dict[str, Members] = {}
    for step in range(number % 4):
        entry: Members = {}
        for child in children:
            entry |= _child(model, child, maker, rng, number + step)
        for link in links:
            _link(link, entry, maker, rng, number + step)
        if entry:
            found[repr([entry.get("id"), *(_at(entry, link.target_path) for link in links)])] = entry
    return list(found.values())


def _link(link: Link, entry: Members, maker: Maker, rng: Random, number: int) -> None:
    if _at(entry, link.target_path) is None:
        _put(entry, link.target_path, _any_id(maker, rng, link.references))
    for column in link.columns:
        if entry:
            _put(entry, column.source, _value(column, {}, entry, maker, rng, number))


def _child(model: Model, child: Child, maker: Maker, rng: Random, number: int) -> Members:
    """An embedded record; a shared one is the same wherever it is shown."""
    place = number % _SHARED if child.owner is None else maker.next_number(child.table)
    remote_id = f"{child.table}-{place}"
    if child.owner is None:
        rng = Random(remote_id)
    entry: Members = {"id": maker.id_for(remote_id), "remote_id": remote_id}
    for column in sorted(child.columns, key=lambda each: each.type == "json"):
        _put(entry, column.source, _value(column, {}, entry, maker, rng, place))
    depth = len(child.member)
    for inner in model.children:
        if inner.member[:depth] == child.member and len(inner.member) == depth + 1:
            entry[inner.member[-1]] = _embedded(model, inner.member, maker, rng, place)
    return entry


def _at(fields: Members, path: Iterable[str]) -> Any:
    value: Any = fields
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _put(fields: Members, path: tuple[str, ...], value: Any) -> None:
    """Set the member at the end of a path; without a value nothing on the way comes to be."""
    for name in path[:-1]:
        if value is None and not isinstance(fields.get(name), dict):
            return
        if not isinstance(fields.get(name), dict):
            fields[name] = {}
        fields = fields[name]
    fields[path[-1]] = value
