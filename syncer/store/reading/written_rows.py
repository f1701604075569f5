"""Rows that were written after a moment, as their stamps tell.

A row bears the time at which its transaction began, and others see it when that commits. So a reader that
began in between has not seen it, and asks later for what was written after it began. The transactions that
write the rows of one stream follow each other: only the last one before a moment can have been under way
then, and none where a run of the stream has ended since. What that one wrote counts as written after the
moment, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Integer, Text, bindparam, exists, func, literal, select, union_all
from sqlalchemy.sql.selectable import CompoundSelect

from syncer.domain.catalogue.tables import table_models
from syncer.domain.gateway.carriers import carried_tables, owners
from syncer.store.db.types import Timestamp
from syncer.store.reading.list_rows import list_rows
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.state_tables import runs

#: Rows of one table that are counted; with more nobody tells whether others were written.
MOST_COUNTED: Final = 2_000
#: A run that wrote a row began at most so long before, and others after it at most so long after.
_RUN: Final = timedelta(days=1)

#: Stamps by table, from which on rows count as written after a moment.
Stamps = Mapping[str, datetime]


class Written(NamedTuple):
    """Rows of one table that count as written after a moment: their number, and the last one's stamp."""

    rows: int
    last: datetime | None


@cache
def tables_with_rows(model: str, current: frozenset[str], depth: int) -> tuple[str, ...]:
    """Name the model's table and those of all that its records carry, as far as their rows bear a time.

    depth: how far down copies inside copies count. Nobody knows what records of an added list carry: it
    stands for itself alone.
    """
    found, inner = [model], [model]
    for _ in range(depth):
        inner = [each for table in inner for each in carried_tables(table) if each in current]
        inner = list(dict.fromkeys(inner))
        found += (owners()[table][0] if table in owners() else table for table in inner)
    return tuple(dict.fromkeys(found))


@cache
def are_found_by_time(tables: tuple[str, ...]) -> bool:
    """Tell whether the last rows of all these tables are found by an index."""
    return all(any("mirrored_at" in str(each) for each in _indexed(table)) for table in tables)


def read_stamps(
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
    stamps = {**dict.fromkeys(tables, moment), **{table: stamp for table, _, stamp in last}}
    for number, (table, told, _) in enumerate(last):
        parameters[f"model_{number}"] = table_models().get(table, table)
        parameters[f"begin_{number}"] = told - _RUN
        parameters[f"told_{number}"] = told
        parameters[f"end_{number}"] = min(moment, told + _RUN)
    ended = connection.execute(_run_ends(len(last)), parameters).scalars().all() if last else []
    return stamps | {last[number][0]: moment for number in ended}


def count_written(
    connection: Connection, environment: str, integration_id: str, stamps: Stamps
) -> dict[str, Written] | None:
    """Count the rows from these stamps on: the same again means that nothing has been written in between.

    None: there are too many.
    """
    parameters: dict[str, Any] = {"environment": environment, "integration": integration_id}
    parameters |= {f"since_{number}": each for number, each in enumerate(stamps.values())}
    statement = _counts(tuple(stamps), connection.dialect.name == "sqlite")
    found = {row[0]: Written(row[1], row[2]) for row in connection.execute(statement, parameters)}
    return None if any(each.rows > MOST_COUNTED for each in found.values()) else found


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


@cache
def _counts(tables: tuple[str, ...], sqlite: bool) -> CompoundSelect[Any]:
    parts = []
    for number, name in enumerate(tables):
        rows = list_rows(name, sqlite=sqlite)
        written = (
            select(rows.table.c.mirrored_at)
            .where(*rows.of_integration, rows.told >= bindparam(f"since_{number}", type_=Timestamp))
            .limit(MOST_COUNTED + 1)
            .subquery()
        )
        parts.append(
            select(literal(name, Text), func.count(), func.max(written.c.mirrored_at)).select_from(written)
        )
    return union_all(*parts)


def _indexed(table: str) -> list[Any]:
    return [each for index in MIRROR[table].indexes for each in index.expressions] if table in MIRROR else []
