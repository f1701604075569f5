"""All places in the database where the value of a record's member can be. Pure data.

Whatever removes values goes by this list, and so does the test that plants values in every member and
searches every column. A column that is not in it holds nothing of a record's members. A table's history
has the columns of its table, and so the same places.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import cache

from msgspec import Struct

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.model import Child, Link, Model


class Holds(StrEnum):
    """Content of a column that is of records, by the way in which a member's value leaves it.

    RECORD: JSON of the record, or of some of its members: the member is taken out of it, at any depth.
    VALUES: values that were made of the record: they are made anew of what is left of it.
    KEY: ids or keys of records, or a position among them: a member that is in them cannot be taken out, so
    that nothing is excluded that keys are made of.
    PARENT: the value of another list's member, by which a native list was asked: as KEY.
    WORDS: words about records, scrubbed of values as they are written.
    """

    RECORD = "record"
    VALUES = "values"
    KEY = "key"
    PARENT = "parent"
    WORDS = "words"


class Place(Struct, frozen=True):
    """Column of a table that holds something of records."""

    table: str
    column: str
    holds: Holds


#: Places in tables that all lists share.
PLACES = (
    Place("passthrough_records", "record_key", Holds.KEY),
    Place("passthrough_records", "parent", Holds.PARENT),
    Place("passthrough_records", "columns", Holds.VALUES),
    Place("passthrough_records", "document", Holds.RECORD),
    Place("sync_quarantine", "record_key", Holds.KEY),
    Place("sync_quarantine", "reason", Holds.WORDS),
    Place("sync_quarantine", "document", Holds.RECORD),
    Place("sync_missing", "record_id", Holds.KEY),
    Place("sync_seen", "ids", Holds.KEY),
    Place("sync_streams", "walk_cursor", Holds.KEY),
    Place("sync_streams", "last_error", Holds.WORDS),
    Place("sync_runs", "error", Holds.WORDS),
    Place("sync_projections", "after_id", Holds.KEY),
    Place("mirror_changes", "record_id", Holds.KEY),
    Place("mirror_changes", "before", Holds.RECORD),
)

#: Columns of mirror tables that say something of a row and nothing of its record's members.
OF_ROWS = frozenset(
    {"integration_id", "content_hash", "first_seen_at", "mirrored_at", "deleted_by", "position"}
)


def places() -> Iterator[Place]:
    """Iterate over all places: those of shared tables, and of each model's own."""
    yield from PLACES
    for model in catalogue().values():
        yield from model_places(model)


@cache
def model_places(model: Model) -> tuple[Place, ...]:
    """List the places in the tables of the model: its own, and those of its links and children."""
    return tuple(place for part in _parts(model) for place in (*_values(part), *_records(part)))


def _parts(model: Model) -> tuple[Model | Link | Child, ...]:
    return (model, *model.links, *model.children)


def record_places(table: str) -> tuple[str, ...]:
    """List the columns of a shared table that hold JSON of records."""
    return tuple(each.column for each in PLACES if each.table == table and each.holds is Holds.RECORD)


def _values(part: Model | Link | Child) -> Iterator[Place]:
    table = part.table if isinstance(part, Link | Child) else part.name
    names = [column.name for column in part.columns]
    match part:
        case Link():
            names += [part.owner, part.target]
        case Child():
            names += ["id", "remote_id", *([] if part.owner is None else [part.owner])]
        case Model():
            names += ["id", "remote_id", "changed_at", "remote_deleted_at"]
    yield from (Place(table, name, Holds.VALUES) for name in names)


def _records(part: Model | Link | Child) -> Iterator[Place]:
    match part:
        case Child():
            yield Place(part.table, "document", Holds.RECORD)
        case Model():
            yield Place(part.name, "document", Holds.RECORD)
        case Link():
            return
