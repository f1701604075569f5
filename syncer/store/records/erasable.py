"""Search for all records that are erased with one, and for the rows that mention these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, Text, cast, func, or_, select

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.model import Model, RemoteOwner
from syncer.domain.catalogue.tables import table_models
from syncer.domain.erasure.relations import owned_tables, references, remote_owners
from syncer.domain.erasure.traces import ErasedRecord
from syncer.domain.native.spec import ForEach, NativeListSpec
from syncer.store.db.in_values import in_values
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.native_table import passthrough_records

#: Ids by table.
Ids = Mapping[str, Collection[str]]


def records_named(
    connection: Connection, model: Model, integration_id: str, *, id: str | None, remote_id: str | None
) -> list[ErasedRecord]:
    """Find the records of a model with this id, Kombo's or the tool's; one that has no row is given, too.

    The tool's id is told where it is of no other row of the list.
    """
    rows = MIRROR[model.name]
    mine = rows.c.integration_id == integration_id
    chosen = rows.c.id == id if id is not None else rows.c.remote_id == remote_id
    found = connection.execute(select(rows.c.id, rows.c.remote_id).where(mine, chosen)).all()
    if not found:
        return [ErasedRecord(model.name, integration_id, id, remote_id)]
    same = select(rows.c.remote_id).where(
        mine, in_values(connection, rows.c.remote_id, [row.remote_id for row in found if row.remote_id])
    )
    number = defaultdict[str, int](int)
    for each in connection.execute(same).scalars():
        number[each] += 1
    return [
        ErasedRecord(
            model.name,
            integration_id,
            row.id,
            row.remote_id if remote_id is not None or number[row.remote_id] == 1 else None,
        )
        for row in found
    ]


def owned_records(connection: Connection, owners: Iterable[ErasedRecord]) -> list[ErasedRecord]:
    """Find the records of models that are about these, at any depth; without these."""
    known: dict[str, set[str]] = defaultdict(set)
    waiting = list(owners)
    for each in waiting:
        if each.id is not None:
            known[each.table].add(each.id)
    found: list[ErasedRecord] = []
    while waiting:
        new = []
        by_table: dict[str, list[ErasedRecord]] = defaultdict(list)
        for each in waiting:
            by_table[each.table].append(each)
        for name, records in by_table.items():
            for model in catalogue().values():
                for row in _about(connection, model, name, records):
                    if row.id not in known[model.name]:
                        known[model.name].add(row.id)
                        is_leaf = owned_tables(model.name) == {model.name}
                        new.append(ErasedRecord(model.name, row.integration_id, row.id, is_leaf=is_leaf))
        found += new
        waiting = new
    return found


def _about(connection: Connection, model: Model, owner: str, records: Iterable[ErasedRecord]) -> list[Any]:
    """Find the model's rows that are about these records of the owner's table."""
    rows, ids = MIRROR[model.name], [each.id for each in records if each.id is not None]
    conditions: list[ColumnElement[bool]] = [
        in_values(connection, rows.c[each.column], ids)
        for each in references()[model.name]
        if each.is_owner and each.table == owner and ids
    ]
    conditions += [
        (rows.c.integration_id == each.integration_id)
        & (_remote_id(connection, rows, remote) == each.remote_id)
        for remote in remote_owners().get(model.name, ())
        if remote.table == owner
        for each in records
        if each.remote_id is not None
    ]
    if not conditions:
        return []
    statement = select(rows.c.id, rows.c.integration_id).where(or_(*conditions)).order_by(rows.c.id)
    return list(connection.execute(statement).all())


def _remote_id(connection: Connection, rows: Table, owner: RemoteOwner) -> ColumnElement[Any]:
    name, *rest = owner.path
    if connection.dialect.name == "sqlite":
        return func.json_extract(rows.c[name], f"$.{'.'.join(rest)}", type_=Text)
    return func.jsonb_extract_path_text(rows.c[name], *rest, type_=Text)


def with_native_parents(
    connection: Connection, record: ErasedRecord, native_lists: Iterable[NativeListSpec]
) -> ErasedRecord:
    """Add to a record of a model the native lists that were asked for it alone, each with its value."""
    parents = []
    for spec in native_lists:
        each = spec.for_each
        if each is not None and record.id is not None and table_models().get(each.table) == record.table:
            value = _own_value(connection, each, record)
            if value is not None:
                parents.append((spec.name, value))
    return ErasedRecord(
        record.table, record.integration_id, record.id, record.remote_id, tuple(parents), record.is_leaf
    )


def _own_value(connection: Connection, each: ForEach, record: ErasedRecord) -> str | None:
    """Read the row's value that a native list is asked for; None where another row has it, too."""
    if each.table.removesuffix("_live") != record.table:
        return None
    rows = MIRROR[record.table]
    value = cast(rows.c[each.column], Text)
    mine = select(value).where(rows.c.id == record.id).scalar_subquery()
    found = connection.execute(
        select(value).where(rows.c.integration_id == record.integration_id, value == mine)
    ).scalars()
    values = list(found)
    return values[0] if len(values) == 1 else None


def native_keys(connection: Connection, environment: str, record: ErasedRecord) -> dict[str, list[str]]:
    """Find the records of native lists that were listed for a record, by list."""
    rows = passthrough_records.c
    return {
        name: list(
            connection.execute(
                select(rows.record_key)
                .where(
                    rows.environment == environment,
                    rows.resource == name,
                    rows.integration_id == record.integration_id,
                    rows.parent == value,
                )
                .order_by(rows.record_key)
            ).scalars()
        )
        for name, value in record.parents
    }


def count_mentions(connection: Connection, erased: Ids) -> dict[str, int]:
    """Count the rows and links that mention erased records, and are not erased with them, by table."""
    counts: dict[str, int] = {}
    for model in catalogue().values():
        rows = MIRROR[model.name]
        conditions = [
            in_values(connection, rows.c[each.column], erased[each.table])
            for each in references()[model.name]
            if erased.get(each.table)
        ]
        if conditions:
            stays = ~in_values(connection, rows.c.id, erased.get(model.name, ()))
            counts[model.name] = _count(connection, rows, or_(*conditions), stays)
        for link in model.links:
            if erased.get(link.references):
                linked = MIRROR[link.table]
                stays = ~in_values(connection, linked.c[link.owner], erased.get(model.name, ()))
                target = in_values(connection, linked.c[link.target], erased[link.references])
                counts[link.table] = _count(connection, linked, target, stays)
    return {name: number for name, number in sorted(counts.items()) if number}


def _count(connection: Connection, rows: Table, *conditions: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(rows).where(*conditions)).scalar_one()
