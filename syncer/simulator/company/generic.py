"""Generic records, derived from the catalogue, for lists that no factory is written for.

Copies of other records, links and children are plain members here: they show what was so when the record was
made, and change with it alone.
"""

from __future__ import annotations

import re
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from syncer.domain.catalogue.model import Child, Column, Link, Model
from syncer.simulator.company import names, values
from syncer.simulator.company.factory import Factory
from syncer.simulator.company.ids import iso, iso_midnight
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Members, Record

#: What such a list takes of a company's records.
SHARE = 0.005
#: How many records a table of shared children has.
_SHARED = 5
#: How far back the moments lie, in days.
_PAST = 900
#: Words of an enum in the meaning of a column: ``ACTIVE or INACTIVE``.
_WORDS = re.compile(r"\b[A-Z][A-Z_]{2,}\b")

Path = tuple[str, ...]


def generic_factory(model: Model) -> Factory:
    """Derive a factory from the columns, links and children of a model."""

    def make(maker: Maker, rng: Random, at: int) -> Record:
        members = generic_members(model, maker, rng)
        remote_id = f"{model.name}-{len(maker.known(model.name)) + 1}"
        return maker.put(model.name, members, remote_id=remote_id, at=at)

    return Factory(model.name, make, share=SHARE, dependent=True)


def generic_members(model: Model, maker: Maker, rng: Random) -> Members:
    """Make up the members of one record, without those by which every record is known."""
    return _Draft(model, maker, rng, maker.next_number(model.name)).members()


class _Draft(Struct, frozen=True):
    """Source of the members of one record."""

    model: Model
    maker: Maker
    rng: Random
    number: int

    def members(self) -> Members:
        """Make up all members: plain ones first, then copies, then what links and children are read from."""
        members: Members = {}
        for column in sorted(self.model.columns, key=lambda each: (each.type == "json", bool(each.path))):
            if not column.path:
                members[column.name] = self._value(column, members)
            elif _at(members, column.path[:-1]) is not None:
                _put(members, column.path, self._value(column, members))
        self._fill(members, ())
        return members

    def _fill(self, entry: Members, path: Path) -> None:
        """Put in what links and children are read from below an entry at this path."""
        members = {link.member for link in self.model.links} | {each.member for each in self.model.children}
        paths = {member for member in members if member[: len(path)] == path != member}
        for inner in sorted(paths, key=len):
            if not any(inner[:depth] in paths for depth in range(len(path) + 1, len(inner))):
                _put(entry, inner[len(path) :], self._embedded(inner))

    def _value(self, column: Column, members: Members) -> Any:
        """Make up a value of the column; members are those of the same record so far."""
        rng, number, now = self.rng, self.number, self.maker.clock.now_ms()
        if column.references is not None:
            return self._reference(column.references)
        match column.type:
            case "text":
                value: Any = self._text(column)
            case "boolean":
                value = number % 2 == 0
            case "integer":
                value = number
            case "number":
                value = values.money(rng, 0.1, 5_000)
            case "date":
                value = iso_midnight(values.moment(rng, now, _PAST))
            case "time":
                value = f"{number % 24:02d}:30:00"
            case "timestamp":
                value = iso(values.moment(rng, now, _PAST))
            case "json":
                return self._json(column, members)
        return values.maybe(rng, value, 0.95)

    def _text(self, column: Column) -> str:
        """Choose a word of an enum, or write something that suits the name of the column."""
        words: tuple[str, ...] = tuple(_WORDS.findall(column.meaning))
        for each in self.model.filters:
            if each.choices and each.name in (column.name, f"{column.name}s", f"{column.name}es"):
                words = each.choices
        if len(words) > 1:
            return values.pick(self.rng, words)
        if column.name.endswith("email"):
            return f"{values.person(self.rng, self.number).handle}@{self.maker.domain}"
        if column.name.endswith("url"):
            return f"https://{self.maker.domain}/{column.name}/{self.number}?lang=ä"
        return f"{values.pick(self.rng, names.DEPARTMENTS)} {self.number}"

    def _json(self, column: Column, members: Members) -> Any:
        """Make up members that many lists have, a copy of a record, or any object."""
        match column.name:
            case "custom_fields":
                return values.custom_fields(self.rng)
            case "integration_fields":
                return values.integration_fields(self.rng, self.number)
            case "remote_data":
                return values.remote_data(self.rng, f"/v1/{self.model.name}", self.number)
        if not column.embeds:
            return values.maybe(self.rng, {"label": f"№ {self.number}", "parts": [self.number, None, 0.1]})
        embed, copied_id = column.embeds[0], f"{column.name}_id"
        id = members[copied_id] if copied_id in members else self._any_id(embed.table)
        return None if id is None else self._copy(embed.table, id)

    def _reference(self, table: str) -> str | None:
        """Choose a record of the table; now and then none, or one that is not kept."""
        chance = self.rng.random()
        if chance < 0.05:
            return None
        return self.maker.ghost(table) if chance < 0.07 else self._any_id(table)

    def _any_id(self, table: str) -> str | None:
        known = self.maker.known(table)
        return values.pick(self.rng, known) if known else None

    def _copy(self, table: str, id: str) -> Members:
        record = self.maker.tables.get(table, id)
        shown = {} if record is None else record.fields
        return {"id": id, **{name: shown[name] for name in ("remote_id", "name") if name in shown}}

    def _embedded(self, path: Path) -> Any:
        """Make up what stands where links and children are read from: one shared child, or a list."""
        links = [link for link in self.model.links if link.member == path]
        children = [child for child in self.model.children if child.member == path]
        if not links and children[0].owner is None:
            entry = self._child(children[0])
            self._fill(entry, path)
            return entry
        entries: dict[Any, Members] = {}
        for step in range(self.number % 4):
            draft = replace(self, number=self.number + step)
            entry = {}
            for child in children:
                entry |= draft._child(child)
            for link in links:
                draft._link(link, entry)
            draft._fill(entry, path)
            # No record is linked twice.
            entries[_at(entry, links[0].target_path) if links else entry["id"]] = entry
        return [entry for id, entry in entries.items() if id is not None]

    def _link(self, link: Link, entry: Members) -> None:
        if _at(entry, link.target_path) is None:
            _put(entry, link.target_path, self._any_id(link.references))
        for column in link.columns:
            _put(entry, column.source, self._value(column, entry))

    def _child(self, child: Child) -> Members:
        """Make up an embedded record; there are few shared ones, the same wherever they are shown."""
        is_shared = child.owner is None
        number = self.number % _SHARED if is_shared else self.maker.next_number(child.table)
        remote_id = f"{child.table}-{number}"
        id = self.maker.id_for(remote_id)
        record = self.maker.tables.get(child.table, id)
        if record is not None:
            return {"id": id, **record.fields}
        draft, entry = replace(self, number=number), Members()
        for column in sorted(child.columns, key=lambda each: each.type == "json"):
            _put(entry, column.source, draft._value(column, entry))
        if is_shared:
            self.maker.put(child.table, dict(entry), remote_id=remote_id, at=self.maker.clock.now_ms())
        return {"id": id, "remote_id": remote_id, **entry}


def _at(members: Members, path: Path) -> Any:
    value: Any = members
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _put(members: Members, path: Path, value: Any) -> None:
    """Set the member at the end of a path; objects on the way come into being."""
    for name in path[:-1]:
        if not isinstance(members.get(name), dict):
            members[name] = {}
        members = members[name]
    members[path[-1]] = value
