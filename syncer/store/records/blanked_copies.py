"""Copies of blanked records in other rows: Kombo does not send those again when it blanks a record."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any

from sqlalchemy import Connection, Text, cast, select, update

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.members import embeds
from syncer.domain.catalogue.model import Model
from syncer.domain.catalogue.places import PLACES, Holds
from syncer.domain.records.blank import blank_copies
from syncer.domain.records.exclude import excluded_from_stored
from syncer.domain.records.exclusions import Exclusion
from syncer.domain.records.record import ascii_json, decoded
from syncer.domain.records.row import Row, project_text
from syncer.domain.records.values import json_text
from syncer.store.db.in_values import in_values
from syncer.store.records.model_projector import write_projected
from syncer.store.records.reproject import BatchContext
from syncer.store.records.version_projector import rewrite_documents
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.native_table import passthrough_records
from syncer.store.schema.state_tables import metadata, quarantine

#: Carriers of carriers are as far as copies inside copies go.
DEPTH = 2

Carriers = Mapping[str, Collection[str]]


def find_carriers(connection: Connection, model: str, ids: Collection[str]) -> Carriers:
    """Find the rows whose records carry copies of these records of the model, by model.

    Call it before the records lose the ids by which their carriers are known.
    """
    found: dict[str, set[str]] = {}
    reached: dict[str, Collection[str]] = {model: ids}
    for _ in range(DEPTH):
        following: dict[str, Collection[str]] = {}
        for name, carried in reached.items():
            for carrier in catalogue().values():
                if any(embed.table == name for embed in embeds()[carrier.name]):
                    new = _carriers(connection, carrier, catalogue()[name], carried)
                    new -= found.setdefault(carrier.name, set())
                    found[carrier.name] |= new
                    if new and carrier.name != model:
                        following[carrier.name] = new
        reached = following
    return {name: sorted(carriers) for name, carriers in found.items() if carriers}


def _carriers(connection: Connection, carrier: Model, carried: Model, ids: Collection[str]) -> set[str]:
    """Find the carrier's rows by its columns and links, and by what the carried records refer to."""
    rows, copies = MIRROR[carrier.name], MIRROR[carried.name]
    statements = [
        select(rows.c.id).where(in_values(connection, rows.c[column.name], ids))
        for column in carrier.columns
        if column.references == carried.name
    ]
    statements += [
        select(table.c[link.owner]).where(in_values(connection, table.c[link.target], ids))
        for link in carrier.links
        if link.references == carried.name
        for table in (MIRROR[link.table],)
    ]
    statements += [
        select(copies.c[column.name]).where(in_values(connection, copies.c.id, ids))
        for column in carried.columns
        if column.references == carrier.name
    ]
    return {
        each
        for statement in statements
        for each in connection.execute(statement).scalars()
        if each is not None
    }


def blank_carriers(
    context: BatchContext,
    model: str,
    ids: Collection[str],
    carriers: Carriers,
    exclusions: frozenset[Exclusion],
) -> None:
    """Blank the copies of these records of the model in all places of their carriers."""
    for name in sorted(carriers):
        carrier, table = catalogue()[name], MIRROR[name]
        excluded = excluded_from_stored(name, exclusions)
        found = context.connection.execute(
            select(
                table.c.id,
                table.c.integration_id,
                table.c.content_hash,
                cast(table.c.document, Text).label("document"),
            )
            .where(in_values(context.connection, table.c.id, carriers[name]))
            .order_by(table.c.id)
            .with_for_update()
        ).all()
        stored = {row.id: row for row in found}
        texts = ((row.id, _blanked(name, row.document, model, ids)) for row in found)
        rows = [project_text(carrier, text.encode(), excluded) for _, text in texts if text is not None]
        write_projected(context, carrier, [row for row in rows if isinstance(row, Row)], stored)
        rewrite = partial(_blanked, name, model=model, ids=ids)
        rewrite_documents(context, carrier, carriers[name], excluded, rewrite)
        for place_table, column in _shared_places():
            _blank_shared(context, place_table, column, name, carriers[name], model, ids)


def _shared_places() -> Iterator[tuple[str, str]]:
    """Iterate over the places of models' records in tables that all lists share."""
    for place in PLACES:
        if place.holds is Holds.RECORD and place.table != passthrough_records.name:
            yield place.table, place.column


def _blank_shared(
    context: BatchContext,
    table_name: str,
    column: str,
    carrier: str,
    keys: Collection[str],
    model: str,
    ids: Collection[str],
) -> None:
    table = metadata.tables[table_name]
    key = table.c["record_key" if "record_key" in table.c else "record_id"]
    found = context.connection.execute(
        select(*table.primary_key.columns, cast(table.c[column], Text).label("text"))
        .where(
            table.c.model == carrier,
            table.c[column].is_not(None),
            in_values(context.connection, key, keys),
        )
        .with_for_update()
    ).mappings()
    for row in found.all():
        text = _blanked(carrier, row["text"], model, ids)
        if text is not None:
            same = [each == row[each.name] for each in table.primary_key.columns]
            # JSONB refuses what the quarantine keeps, which is text for that.
            value = ascii_json(text) if table is quarantine else text
            context.connection.execute(update(table).where(*same).values({column: value}))


def _blanked(carrier: str, text: str, model: str, ids: Collection[str]) -> str | None:
    """Blank the copies in a JSON text; None where there is nothing to blank."""
    try:
        record: Any = decoded(text.encode())
        if isinstance(record, dict) and blank_copies(carrier, record, model, ids):
            return json_text(record)
    except (ValueError, RecursionError):
        # Nothing in it can be told.
        return None
    return None
