"""Upgrade of the database, and what a role may read afterwards."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing

from msgspec import Struct, field

from syncer.app import App
from syncer.store.db.database import Database
from syncer.store.schema.copy_rows import copy_rows
from syncer.store.schema.grants import Granted, check_role, grant_read
from syncer.store.schema.indexes import build_indexes
from syncer.store.schema.move import move_to_schema, must_be_movable


class Migrated(Struct, frozen=True):
    """Revisions before (None: the database was empty) and after, and what was granted, if anything.

    copied: rows of another database, by the table's name.
    """

    before: str | None
    after: str | None
    granted: Granted | None
    copied: Mapping[str, int] = field(default_factory=dict)


class Moved(Struct, frozen=True):
    """Schemas before and after, which are the same where nothing was to be moved, and how much was moved."""

    before: str
    after: str
    relations: int


def move(app: App, schema: str) -> Moved:
    """Move the mirror, which nobody may be using, to another schema of its database.

    Raises UsageError, DatabaseError.
    """
    must_be_movable(app.database, schema)
    before, count = move_to_schema(app.database, schema)
    return Moved(before, schema, count)


def migrate(
    app: App,
    *,
    copy_from: str | None = None,
    role: str | None = None,
    without_sensitive: bool = False,
    integrations: Collection[str] = (),
    all_integrations: bool = False,
) -> Migrated:
    """Bring the database to this version's schema, then let the role read the mirror, if one is named.

    copy_from: URL of a database of this version whose rows are copied into it. integrations,
    all_integrations: as of ``grant_read``. Raises UsageError for a role that there is not, before anything
    is changed; DatabaseError.
    """
    if role is not None:
        check_role(app.database, role)
    before, after = app.migrate(may_create=True)
    copied: Mapping[str, int] = {}
    if copy_from is not None:
        with closing(Database(copy_from)) as source:
            copied = copy_rows(source, app.database)
    # Of an upgrade that was interrupted, too.
    build_indexes(app.database)
    granted = None
    if role is not None:
        granted = grant_read(
            app.database,
            role,
            without_sensitive=without_sensitive,
            integrations=integrations,
            all_integrations=all_integrations,
        )
    return Migrated(before, after, granted, copied)
