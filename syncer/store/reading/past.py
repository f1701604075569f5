"""The mirror as it was at a moment, for one query: views of its session hide the tables and their live views.

What has no history, or none of that moment, is not hidden but must not be read: today's rows are no answer.
The database itself tells what a statement reads, also through the views of others: SQLite's authorizer, and
the locks that PostgreSQL takes as it prepares the statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, select, text

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.errors import UsageError
from syncer.domain.moments import format_moment
from syncer.store.db.types import timestamp_text
from syncer.store.schema.histories import history
from syncer.store.schema.history_tables import history_name
from syncer.store.schema.mirror_tables import CONTENT_HASH, MIRROR
from syncer.store.schema.native_table import passthrough_records
from syncer.store.schema.views import live_name, quoted, safe_name

#: Before the transaction reads anything it may still become one that writes; back it may go at any time.
_READ_WRITE, _READ_ONLY = text("SET TRANSACTION READ WRITE"), text("SET TRANSACTION READ ONLY")
_MAY_MAKE = text(
    "SELECT current_user, current_database(), has_database_privilege(current_database(), 'TEMPORARY')"
)
#: Columns of a table of versions that the role may read.
_READABLE = text("""
    SELECT attname FROM pg_attribute
    WHERE attrelid = to_regclass(:name) AND attnum > 0 AND NOT attisdropped
        AND has_column_privilege(attrelid, attnum, 'SELECT')
""")
#: Relations of our schema that the transaction has read, or is about to.
_LOCKED = text("""
    SELECT DISTINCT c.relname FROM pg_locks l
    JOIN pg_class c ON c.oid = l.relation AND c.relnamespace = current_schema()::regnamespace
    WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation'
    ORDER BY 1
""")


class Past:
    """The mirror at a moment. Make it for one statement, in a transaction that has read nothing yet."""

    def __init__(self, connection: Connection, sql: str, moment: datetime) -> None:
        self._moment = moment
        self._is_sqlite = connection.dialect.name == "sqlite"
        self._connection = connection
        self._read: str | None = None
        self._hidden = set[str]()
        if not self._is_sqlite:
            connection.execute(_READ_WRITE)
            self._require_views()
        self._spans = {row.name: (row.since, row.until) for row in connection.execute(select(history))}
        mentioned = sql.lower()
        # Views of others are not led to these, and a name that does not occur is not read.
        for name in (each for each in MIRROR if each in mentioned and self._is_known(each)):
            self._hide(name)
        if not self._is_sqlite:
            connection.execute(_READ_ONLY)

    def may_read(self, table: str, column: str | None, schema: str | None, view: str | None) -> bool:
        """Tell SQLite's authorizer if a table may be read.

        column: empty where the statement reads none, only rows, as count(*) does; the schema is then none but
        what the statement says. view: the innermost one that reads it, if any.
        """
        table = table.lower()
        is_ours = not column and schema is None and (view is None or view in self._hidden)
        if table not in _present() or schema == "temp" or (is_ours and table in self._hidden):
            return True
        self._read = table
        return False

    def check_locks(self) -> None:
        """Raise UsageError where the statement that PostgreSQL has prepared reads a table of today."""
        for name in self._connection.execute(_LOCKED).scalars():
            if name in _present():
                self._read = name
                break
        self.check()

    def check(self) -> None:
        """Raise UsageError where a table of today was about to be read."""
        if self._read is not None:
            raise UsageError(self._refusal(self._read))

    def _require_views(self) -> None:
        role, database, may_make = self._connection.execute(_MAY_MAKE).one()
        if not may_make:
            raise UsageError(
                f"To read as of a moment the role {role} needs temporary views: have the owner of the "
                f"database run `GRANT TEMPORARY ON DATABASE {quoted(self._connection, database)} "
                f"TO {quoted(self._connection, role)}`."
            )

    def _refusal(self, table: str) -> str:
        at = format_moment(self._moment)
        if table == passthrough_records.name:
            return "Native lists have no history: as of a moment they cannot be read."
        name = _present()[table]
        since, until = self._spans.get(name, (None, None))
        if since is None:
            return (
                f"{name} has no history: once its model is among `[history] models`, "
                "what it says is kept from then on."
            )
        unknown = f"nobody knows what it said at {at}."
        if self._moment < since:
            return f"The history of {name} begins at {format_moment(since)}: {unknown}"
        if until is not None and until <= self._moment:
            return f"The history of {name} was switched off at {format_moment(until)}: {unknown}"
        shown = f"{name} and {live_name(name)}" if name in catalogue() else name
        return (
            f"The statement reads {table} of today: as of a moment only {shown} can be read, "
            "by these names, without a schema."
        )

    def _is_known(self, name: str) -> bool:
        since, until = self._spans.get(name, (None, None))
        return since is not None and since <= self._moment and (until is None or self._moment < until)

    def _hide(self, name: str) -> None:
        connection = self._connection
        columns = quoted(connection, *self._columns(name))
        if not columns:
            return
        at = f"'{timestamp_text(self._moment)}'"
        schema = "main." if self._is_sqlite else ""
        versions = f"{schema}{quoted(connection, history_name(name))}"
        known = f"known_from <= {at} AND (known_to IS NULL OR known_to > {at})"
        self._create(name, f"SELECT {columns} FROM {versions} WHERE {known}")
        if name in catalogue() and "remote_deleted_at" in self._columns(name):
            live = quoted(connection, *(each for each in self._columns(name) if each != CONTENT_HASH[0]))
            self._create(
                live_name(name),
                f"SELECT {live} FROM {quoted(connection, name)} WHERE remote_deleted_at IS NULL",
            )

    def _create(self, name: str, select: str) -> None:
        view = quoted(self._connection, name)
        self._hidden.add(name)
        self._connection.exec_driver_sql(f"CREATE TEMPORARY VIEW {view} AS {select}")
        if not self._is_sqlite:
            # Nobody else sees it; the statement may run as another role.
            self._connection.exec_driver_sql(f"GRANT SELECT ON {view} TO PUBLIC")

    def _columns(self, name: str) -> list[str]:
        columns = [column.name for column in MIRROR[name].columns]
        if self._is_sqlite:
            return columns
        versions = quoted(self._connection, history_name(name))
        readable = set(self._connection.execute(_READABLE, {"name": versions}).scalars())
        return [column for column in columns if column in readable]


@cache
def _present() -> Mapping[str, str]:
    """List what shows the present alone, each with the mirror table that it shows."""
    views = {view(name): name for name in catalogue() for view in (live_name, safe_name)}
    return {**{name: name for name in MIRROR}, **views, passthrough_records.name: passthrough_records.name}
