"""Adoption of projections: a process that starts makes its own those of all rows.

Rows of others are to be re-projected from then on. Of native lists some rows cannot be kept at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, case, delete, func, select, update

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.records.exclusions import Exclusion
from syncer.domain.records.projection import Projection
from syncer.domain.streams.state import StreamState
from syncer.store.db.bulk import upsert
from syncer.store.db.types import decoded_json
from syncer.store.schema.native_table import passthrough_records
from syncer.store.schema.state_tables import projections, streams
from syncer.store.state.dropped_lists import drop_list, lists_to_drop
from syncer.store.state.projections import lock_projections
from syncer.store.state.stream_columns import walk_values

#: Projection of rows of which nobody knows how they were written.
_UNKNOWN = Projection("", key_members=None)


class Adopted(Struct, frozen=True):
    """Lists whose projections were replaced.

    replaced: those with rows of another projection. walked_anew: those of them that keep members again which
    were excluded, so that their streams have to be read whole once more. with_other_key: those of these whose
    pseudonyms are made with another key now. changed: all, with rows or without.
    dropped: native lists whose rows could not be kept.
    """

    replaced: tuple[str, ...] = ()
    walked_anew: tuple[str, ...] = ()
    with_other_key: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def adopt(
    connection: Connection,
    wanted: Mapping[str, Projection],
    now: datetime,
    exclusions: frozenset[Exclusion] = frozenset(),
) -> Adopted:
    """Make these the projections of the lists; rows of others are to be re-projected from now on.

    exclusions: all there are. Rows of native lists that these leave no way to keep are dropped.
    """
    stored = _stored(connection)
    if not _changed_names(stored, wanted) and not lists_to_drop(stored, wanted, exclusions):
        return Adopted()
    lock_projections(connection)
    stored = _stored(connection)
    filled = _with_rows(connection)
    unknown = dict.fromkeys(filled - stored.keys(), _UNKNOWN)
    dropped = lists_to_drop({**stored, **unknown}, wanted, exclusions)
    for name in dropped:
        drop_list(connection, name)
    kept = {name: each for name, each in {**unknown, **stored}.items() if name not in dropped}
    changed = _changed_names(kept, wanted)
    replaced = [name for name in changed if name in kept and not kept[name].makes_rows_of(wanted[name])]
    anew = [name for name in replaced if wanted[name].gives_back(kept[name].exclusions)]
    _forget(connection, [name for name in dropped if name not in wanted])
    for name in changed:
        if name not in kept or name in replaced:
            _write(connection, name, wanted[name], kept.get(name))
        else:
            _write_key_members(connection, name, _all_key_members(wanted[name], kept[name]))
    _walk_anew(connection, [*anew, *dropped], now)
    other_key = [name for name in anew if wanted[name].has_other_key(kept[name].exclusions)]
    return Adopted(tuple(replaced), tuple(anew), tuple(other_key), (*changed, *dropped), tuple(dropped))


def _all_key_members(wanted: Projection, before: Projection | None) -> str | None:
    """Write what keys are made of: those of rows that are there stay as they are, whatever is wanted now."""
    known = [each.key_members for each in (wanted, before) if each is not None]
    if None in known:
        return None
    return json.dumps(sorted(frozenset[str]().union(*(each for each in known if each is not None))))


def _write(connection: Connection, name: str, wanted: Projection, before: Projection | None) -> None:
    row = {
        "model": name,
        "fingerprint": wanted.fingerprint,
        "exclusions": json.dumps(wanted.exclusions),
        "key_members": _all_key_members(wanted, before),
        "at_table": None if before is None else name,
    }
    upsert(connection, projections, [row], keep=("history",))


def _write_key_members(connection: Connection, name: str, key_members: str | None) -> None:
    connection.execute(update(projections).where(projections.c.model == name).values(key_members=key_members))


def _forget(connection: Connection, names: Iterable[str]) -> None:
    """Forget the projections of lists that have no rows and are not configured."""
    connection.execute(delete(projections).where(projections.c.model.in_(list(names))))


def _stored(connection: Connection) -> dict[str, Projection]:
    found = connection.execute(select(projections))
    return {
        row.model: Projection(
            row.fingerprint,
            tuple(decoded_json(row.exclusions)),
            None if row.key_members is None else frozenset(decoded_json(row.key_members)),
        )
        for row in found
    }


def _changed_names(stored: Mapping[str, Projection], wanted: Mapping[str, Projection]) -> list[str]:
    return [name for name, each in wanted.items() if name not in stored or not _is_kept(stored[name], each)]


def _is_kept(stored: Projection, wanted: Projection) -> bool:
    """True where nothing has to be written down."""
    known = stored.key_members
    return stored.makes_rows_of(wanted) and (known is None or (wanted.key_members or frozenset()) <= known)


def _with_rows(connection: Connection) -> set[str]:
    """Name the lists that have rows."""
    query = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in catalogue())
    # As text: to compose it out of forty tables takes longer than to run it.
    models = connection.exec_driver_sql(query).scalars()
    native_lists = connection.execute(select(passthrough_records.c.resource).distinct())
    return {*models, *native_lists.scalars()}


def _walk_anew(connection: Connection, models: Iterable[str], now: datetime) -> None:
    """Let the lists' streams begin a full walk, at once where a service runs.

    An unfinished walk is dropped: what it has stored lacks the members that come back.
    """
    connection.execute(
        update(streams)
        .where(streams.c.model.in_(list(models)))
        .values(
            **walk_values(None),
            last_full_walk_at=None,
            state=case(
                (streams.c.state == StreamState.COMPLETE, StreamState.INCOMPLETE.value),
                else_=streams.c.state,
            ),
            due_at=func.coalesce(streams.c.due_at, now),
            due_purpose=func.coalesce(streams.c.due_purpose, int(Purpose.FULL)),
        )
    )
