"""Records that say something else than at a moment: their own rows were written, or those of copies.

Which rows these are their stamps tell (``written_rows``); whom they stand inside the relations of the mirror.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

from msgspec import Struct, field
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    bindparam,
    literal,
    or_,
    select,
    union,
    union_all,
)
from sqlalchemy.sql.selectable import CompoundSelect

from syncer.domain.gateway.carriers import Relation, carried_tables, owners, relations
from syncer.domain.stream_key import StreamKey
from syncer.store.db.in_values import in_parameter, parameter_values
from syncer.store.db.types import Timestamp
from syncer.store.reading.list_rows import ListRows, list_rows
from syncer.store.reading.written_rows import read_stamps, tables_with_rows
from syncer.store.schema.mirror_tables import MIRROR

#: Records that are named one by one; of a list with more the rows are gone through.
MOST_NAMED: Final = 5_000
#: Copies inside copies are followed so far down for who asks for what changed.
_DEPTH: Final = 2

#: Ids of records; None: too many to be named, or nobody can tell.
Ids = frozenset[str] | None
_NONE: Final = frozenset[str]()


class ChangedRecords(Struct, frozen=True):
    """Records of a list that have changed since a moment, and maybe some more.

    since: stamp from which on their own rows count as written after the moment. own: ids of these. carriers:
    ids of those that carry copies of changed records.
    """

    moment: datetime
    since: datetime
    own: Ids
    carriers: Ids

    @property
    def ids(self) -> Ids:
        """Ids of all of them."""
        return None if self.own is None or self.carriers is None else self.own | self.carriers


def read_changed(
    connection: Connection,
    environment: str,
    key: StreamKey,
    moment: datetime,
    current: Collection[str],
    *,
    depth: int = _DEPTH,
) -> ChangedRecords:
    """Find the records of a list that have changed since a moment.

    current: the tables with whose rows copies are brought up to date. depth: how far down copies inside
    copies count.
    """
    tables = tables_with_rows(key.model, frozenset(current), depth)
    since = read_stamps(connection, environment, key.integration_id, moment, tables)
    changed = _changed(connection, environment, key.integration_id, moment, since)
    carriers = _Carriers(connection, frozenset(current), changed).of(key.model, depth)
    return ChangedRecords(moment, since[key.model], changed[key.model], carriers)


def changed_since(rows: ListRows) -> ColumnElement[bool]:
    """Make the condition on rows that have changed themselves, with the parameters moment and since."""
    return _changed_since(rows, bindparam("since", type_=Timestamp))


def _changed_since(rows: ListRows, since: ColumnElement[datetime]) -> ColumnElement[bool]:
    after = rows.told > bindparam("moment", type_=Timestamp)
    # The first of the three follows from the others, and finds them by an index where there is one.
    return (rows.told >= since) & or_(after, rows.table.c.mirrored_at >= since)


def _changed(
    connection: Connection,
    environment: str,
    integration_id: str,
    moment: datetime,
    since: Mapping[str, datetime],
) -> dict[str, Ids]:
    """Find by table the records whose own rows have changed."""
    parameters: dict[str, Any] = {
        "environment": environment,
        "integration": integration_id,
        "moment": moment,
        "most": MOST_NAMED + 1,
    }
    parameters |= {f"since_{number}": each for number, each in enumerate(since.values())}
    found: dict[str, set[str]] = {table: set() for table in since}
    statement = _changed_rows(tuple(since), connection.dialect.name == "sqlite")
    for table, record_id in connection.execute(statement, parameters):
        found[table].add(record_id)
    return {table: _few(ids) for table, ids in found.items()}


@cache
def _changed_rows(tables: tuple[str, ...], sqlite: bool) -> CompoundSelect[Any]:
    parts = []
    for number, name in enumerate(tables):
        rows = list_rows(name, sqlite=sqlite)
        since = bindparam(f"since_{number}", type_=Timestamp)
        changed = (
            select(literal(name, Text).label("name"), rows.id.label("id"))
            .where(*rows.of_integration, _changed_since(rows, since))
            .limit(bindparam("most"))
            .subquery()
        )
        parts.append(select(changed))
    return union_all(*parts)


class _Carriers(Struct, frozen=True):
    """Search for the records that carry copies of changed ones, or of such as carry copies of these."""

    connection: Connection
    current: frozenset[str]
    changed: Mapping[str, Ids]
    _found: dict[tuple[str, int], Ids] = field(default_factory=dict)

    def of(self, table: str, depth: int) -> Ids:
        """Find the carriers in a table. depth: how far down copies inside the copies count."""
        if (table, depth) not in self._found:
            self._found[table, depth] = self._find(table, depth)
        return self._found[table, depth]

    def _find(self, table: str, depth: int) -> Ids:
        found = _NONE
        for carried in carried_tables(table):
            if carried not in self.current:
                continue
            ids = self._changed_of(carried)
            if depth > 1 and ids is not None:
                inside = self.of(carried, depth - 1)
                ids = None if inside is None else ids | inside
            carriers = self._related(table, ids, relations(table, carried))
            if carriers is None:
                return None
            found |= carriers
        return _few(found)

    def _changed_of(self, table: str) -> Ids:
        owner = owners().get(table)
        if owner is None:
            return self.changed[table]
        model, relation = owner
        return self._related(table, self.changed[model], (relation,))

    def _related(self, table: str, ids: Ids, by: tuple[Relation, ...]) -> Ids:
        if not ids:
            return ids
        if not by:
            # Nobody can tell where they are.
            return None
        sqlite = self.connection.dialect.name == "sqlite"
        parameters = {"ids": parameter_values(ids), "most": MOST_NAMED + 1}
        return _few(self.connection.execute(_related_rows(by, sqlite), parameters).scalars().all())


@cache
def _related_rows(by: tuple[Relation, ...], sqlite: bool) -> Select[Any]:
    parts = [
        select(MIRROR[each.table].c[each.carrier].label("id")).where(
            in_parameter(MIRROR[each.table].c[each.carried], "ids", sqlite=sqlite),
            MIRROR[each.table].c[each.carrier].is_not(None),
        )
        for each in by
    ]
    rows = union(*parts).subquery()
    return select(rows.c.id).limit(bindparam("most"))


def _few(ids: Iterable[str]) -> Ids:
    found = frozenset(ids)
    return None if len(found) > MOST_NAMED else found
