"""Records that say something else than at a moment: their own rows were written, or those of copies.

A row bears the time at which its transaction began, and others see it when that commits. So a reader that
began in between has not seen it, and asks later for what was written after it began. The transactions that
write the rows of one stream follow each other: only the last one before a moment can have been under way
then, and none where a run of the stream has ended since. What that one wrote counts as written after the
moment, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    Text,
    bindparam,
    exists,
    literal,
    or_,
    select,
    union,
    union_all,
)
from sqlalchemy.sql.selectable import CompoundSelect

from syncer.domain.catalogue.tables import table_models
from syncer.domain.gateway.carriers import Relation, carried_tables, owners, relations
from syncer.domain.stream_key import StreamKey
from syncer.store.db.in_values import in_parameter, parameter_values
from syncer.store.db.types import Timestamp
from syncer.store.reading.list_rows import ListRows, list_rows
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.state_tables import runs

#: Records that are named one by one; of a list with more the rows are gone through.
MOST_NAMED: Final = 5_000
#: A run that wrote a row began at most so long before, and others after it at most so long after.
_RUN: Final = timedelta(days=1)

#: Ids of records; None: too many to be named, or nobody can tell.
Ids = frozenset[str] | None
_NONE: Final = frozenset[str]()


@dataclass(frozen=True, slots=True)
class ChangedRecords:
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
    connection: Connection, environment: str, key: StreamKey, moment: datetime, current: Collection[str]
) -> ChangedRecords:
    """Find the records of a list that have changed since a moment.

    current: the tables with whose rows copies are brought up to date.
    """
    tables = _tables_with_rows(key.model, frozenset(current))
    since = _since(connection, environment, key.integration_id, moment, tables)
    changed = _changed(connection, environment, key.integration_id, moment, since)
    carriers = _Carriers(connection, frozenset(current), changed).of(key.model)
    return ChangedRecords(moment, since[key.model], changed[key.model], carriers)


def changed_since(rows: ListRows) -> ColumnElement[bool]:
    """Make the condition on rows that have changed themselves, with the parameters moment and since."""
    return _changed_since(rows, bindparam("since", type_=Timestamp))


def _changed_since(rows: ListRows, since: ColumnElement[datetime]) -> ColumnElement[bool]:
    after = rows.told > bindparam("moment", type_=Timestamp)
    # The first of the three follows from the others, and finds them by an index where there is one.
    return (rows.told >= since) & or_(after, rows.table.c.mirrored_at >= since)


@cache
def _tables_with_rows(model: str, current: frozenset[str]) -> tuple[str, ...]:
    """Name the model's table and those of all that its records carry, as far as their rows bear a time.

    Nobody knows what records of an added list carry: it stands for itself alone.
    """
    direct = [table for table in carried_tables(model) if table in current]
    deeper = [inner for table in direct for inner in carried_tables(table) if inner in current]
    with_owners = (owners()[table][0] if table in owners() else table for table in (*direct, *deeper))
    return tuple(dict.fromkeys((model, *with_owners)))


def _since(
    connection: Connection, environment: str, integration_id: str, moment: datetime, tables: tuple[str, ...]
) -> dict[str, datetime]:
    """Find by table the stamp from which on rows count as written after a moment."""
    parameters: dict[str, Any] = {
        "environment": environment,
        "integration": integration_id,
        "moment": moment,
    }
    statement = _last_rows(tables, connection.dialect.name == "sqlite")
    last = connection.execute(statement, parameters).all()
    since = {**dict.fromkeys(tables, moment), **{table: stamp for table, _, stamp in last}}
    for number, (table, told, _) in enumerate(last):
        parameters[f"model_{number}"] = table_models().get(table, table)
        parameters[f"begin_{number}"] = told - _RUN
        parameters[f"told_{number}"] = told
        parameters[f"end_{number}"] = min(moment, told + _RUN)
    ended = connection.execute(_run_ends(len(last)), parameters).scalars().all() if last else []
    return since | {last[number][0]: moment for number in ended}


@cache
def _last_rows(tables: tuple[str, ...], sqlite: bool) -> CompoundSelect[Any]:
    """Make the statement for the last row of each table up to a moment.

    Its stamp is no later than any that is still to be seen: that one's row would be the last.
    """
    parts = []
    for name in tables:
        rows = list_rows(name, sqlite=sqlite)
        columns = (literal(name, Text).label("name"), rows.told.label("told"), rows.table.c.mirrored_at)
        last = (
            select(*columns)
            .where(*rows.of_integration, rows.told <= bindparam("moment", type_=Timestamp))
            .order_by(rows.told.desc())
            .limit(1)
            .subquery()
        )
        parts.append(select(last))
    return union_all(*parts)


@cache
def _run_ends(lists: int) -> CompoundSelect[Any]:
    """Make the statement for the numbers of those lists of which a run has ended since their last rows."""
    columns = runs.c
    parts = []
    for number in range(lists):
        begin, told, end = (
            bindparam(f"{name}_{number}", type_=Timestamp) for name in ("begin", "told", "end")
        )
        ended = exists().where(
            columns.environment == bindparam("environment"),
            columns.integration_id == bindparam("integration"),
            columns.model == bindparam(f"model_{number}"),
            columns.started_at.between(begin, end),
            columns.ended_at.between(told, bindparam("moment", type_=Timestamp)),
        )
        parts.append(select(literal(number, Integer)).where(ended))
    return union_all(*parts)


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


@dataclass(frozen=True, slots=True)
class _Carriers:
    """Search for the records that carry copies of changed ones, or of such as carry copies of these."""

    connection: Connection
    current: frozenset[str]
    changed: Mapping[str, Ids]

    def of(self, table: str, *, deeper: bool = True) -> Ids:
        """Find the carriers in a table. deeper: also by the copies inside the copies."""
        found = _NONE
        for carried in carried_tables(table):
            if carried not in self.current:
                continue
            ids = self._changed_of(carried)
            if deeper and ids is not None:
                inside = self.of(carried, deeper=False)
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
