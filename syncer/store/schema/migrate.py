"""Migrations of the schema; ``revisions.py`` tells which one a database has."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from sqlalchemy import Connection, MetaData, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import DropTable

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.errors import (
    DatabaseRefused,
    StatementFailed,
)
from syncer.store.db.database import Database
from syncer.store.schema import revisions
from syncer.store.schema.added_to_models import drop_views_of_models, forget_added_rows
from syncer.store.schema.comments import has_comments, write_comments
from syncer.store.schema.history_tables import (
    extend_history_tables,
    history_tables,
    make_history_tables,
)
from syncer.store.schema.indexes import build_indexes
from syncer.store.schema.mirror_tables import history
from syncer.store.schema.rights import make_schema, must_migrate
from syncer.store.schema.row_limits import has_limits, keep_limits
from syncer.store.schema.safe_views import keep_safe_views, without_safe_views
from syncer.store.schema.schema_lock import MIGRATION_LOCK, VERSION_TABLE, lock_schema, naming_users
from syncer.store.schema.state_views import STATE_VIEWS
from syncer.store.schema.views import keeping_readers, live_name, relations

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = [
    "MIGRATION_LOCK",
    "VERSION_TABLE",
    "downgrade",
    "lock_schema",
    "migrate",
    "upgrade_unseen",
]

#: What PostgreSQL says of a column or table that a view shows: others depend on it, or it cannot be changed.
_VIEW_IN_THE_WAY = ("2BP01", "0A000")
#: What puts views aside while a block changes tables.
_Aside: TypeAlias = Callable[[Connection], AbstractContextManager[None]]
_T = TypeVar("_T")


def migrate(
    database: Database,
    revision: str = "head",
    *,
    may_create: bool = True,
    with_history: Collection[str] = (),
) -> tuple[str | None, str | None]:
    """Upgrade to the revision; give the revisions before and after.

    may_create: make SQLite's file where there is none. with_history: mirror tables that are to have a table
    of versions. Raises DatabaseRefused for a database of another program or of a newer version of this one,
    and for a role that may not make or change its tables; DatabaseUnavailable where there is none, and
    StatementFailed where somebody uses a table for too long.
    """
    if may_create and database.file is not None:
        database.file.create()
    before, after = _changing(database, partial(_migrate, database, revision, with_history))
    if revision == "head" and before != after:
        build_indexes(database)
    return before, after


def _migrate(
    database: Database,
    revision: str,
    with_history: Collection[str],
    aside: _Aside,
    connection: Connection,
) -> tuple[str | None, str | None]:
    lock_schema(connection)
    make_schema(database, connection)
    before = revisions.revision_of(database, connection)
    if before != (revisions.newest_revision() if revision == "head" else revision):
        # Read only where there is something to migrate: every command comes by here.
        from alembic import command

        must_migrate(database, connection, VERSION_TABLE)
        added = drop_views_of_models(connection) if revision == "head" and before is not None else []
        with _keeping_access(connection), aside(connection):
            command.upgrade(_config(connection), revision)
        forget_added_rows(connection, added)
        keep_safe_views(connection)
        if revision == "head":
            extend_history_tables(connection)
    if revision == "head":
        made = make_history_tables(connection, with_history)
        keep_limits(connection)
        if made or before != revisions.newest_revision() or not has_comments(connection):
            write_comments(connection)
    return before, revisions.stored_revision(connection)


def upgrade_unseen(database: Database, connection: Connection, with_history: Collection[str]) -> bool:
    """Go through an upgrade on a connection that runs nothing of it; False where there is none to be done.

    What is read is the database as it is: of what the upgrade makes nothing is there. Raises DatabaseRefused.
    """
    from alembic import command

    before, present = revisions.revision_of(database, connection), relations(connection)
    kept = history_tables(connection) if history.name in present else []
    if before != revisions.newest_revision():
        added = drop_views_of_models(connection) if before is not None else []
        with _keeping_access(connection):
            command.upgrade(_config(connection), "head")
        forget_added_rows(connection, added)
        keep_safe_views(connection)
        extend_history_tables(connection, kept)
    make_history_tables(connection, with_history, kept)
    write_comments(connection, {*kept, *with_history})
    return before != revisions.newest_revision()


def downgrade(database: Database, revision: str) -> None:
    """Downgrade to an older revision (``base``: to an empty database); what it lacks goes with its rows.

    Raises DatabaseRefused as ``migrate`` does.
    """
    _changing(database, partial(_downgrade, database, revision))


def _downgrade(database: Database, revision: str, aside: _Aside, connection: Connection) -> None:
    from alembic import command

    lock_schema(connection)
    if revisions.revision_of(database, connection) is None:
        return
    if revisions.is_current(connection) and has_limits(connection):
        raise DatabaseRefused(
            f"In {database.shown_url} are roles that read some integrations alone, and would read all: "
            "let them, with `syncer migrate --grant-read ROLE --all-integrations`, or drop them first."
        )
    with _keeping_access(connection), aside(connection):
        command.downgrade(_config(connection), revision)
    if revisions.stored_revision(connection) is None:
        connection.execute(DropTable(Table(VERSION_TABLE, MetaData())))
    else:
        keep_safe_views(connection)


def _changing(database: Database, change: Callable[[_Aside, Connection], _T]) -> _T:
    """Change the schema in a transaction, and in another one without safe views where they are in the way.

    They stay where they can: others may have built views on them, and nobody who reads one is in the way.
    """
    try:
        with naming_users(database), database.begin() as connection:
            return change(_leaving_views, connection)
    except StatementFailed as error:
        cause = error.__cause__
        state = getattr(cause.orig, "sqlstate", None) if isinstance(cause, DBAPIError) else None
        if state not in _VIEW_IN_THE_WAY:
            raise
    with naming_users(database), database.begin() as connection:
        return change(without_safe_views, connection)


def _leaving_views(_connection: Connection) -> AbstractContextManager[None]:
    return nullcontext()


def _keeping_access(connection: Connection) -> AbstractContextManager[None]:
    """Let roles read what they did of views that migrations make anew."""
    return keeping_readers(connection, [*(view.name for view in STATE_VIEWS), *map(live_name, catalogue())])


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(revisions.migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
