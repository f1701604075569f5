"""Roles that were let read the mirror, and those of them whose rights are not today's."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterator
from typing import TypeAlias

from sqlalchemy import Connection, text

from syncer.store.schema.grants import our_relations, readable_columns
from syncer.store.schema.limit_checks import find_more_rows
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.powers import find_excess
from syncer.store.schema.revisions import is_current
from syncer.store.schema.row_limits import limits_of, unlimited_tables
from syncer.store.schema.safe_views import SAFE_TABLES, outdated_safe_views
from syncer.store.schema.state_views import FRESHNESS
from syncer.store.schema.views import GRANTS, relations, safe_name

#: Columns that a role has been granted itself, by table or view; None: all of them.
Given: TypeAlias = dict[str, set[str | None]]

#: What each role has been granted itself.
_GRANTED = text(f"{GRANTS} AND r.rolname IS NOT NULL")


def outdated_readers(connection: Connection) -> Iterator[str]:
    """Say of each role, in a sentence with what to do, what it reads too much or not yet.

    Readers are the roles that ``syncer migrate --grant-read`` has let in, of whatever version.
    """
    if connection.dialect.name != "postgresql" or not is_current(connection):
        return
    granted: dict[str, Given] = defaultdict(lambda: defaultdict(set))
    for relation, column, role in connection.execute(_GRANTED):
        granted[role][relation].add(column)
    safe = {safe_name(table) for table in SAFE_TABLES}
    for role, given in sorted(granted.items()):
        tables = [name for name in MIRROR if name in given]
        if tables and FRESHNESS in given and safe & given.keys():
            # Column by column is how access without what is sensitive is granted.
            is_narrowed = any(None not in given[name] for name in tables)
            trouble = _trouble(connection, role, given, is_narrowed=is_narrowed)
            if trouble is not None:
                option = " --without-sensitive" if is_narrowed else ""
                again = f"syncer migrate --grant-read {shlex.quote(role)}{option}"
                yield f"role {role!r} {trouble}; run `{again}` again"


def _trouble(connection: Connection, role: str, given: Given, *, is_narrowed: bool) -> str | None:
    wanted = readable_columns(connection, without_sensitive=is_narrowed)
    limits = limits_of(connection, role)
    if limits:
        for table in unlimited_tables(connection):
            return f"reads rows of all integrations in {table}"
    if is_narrowed or limits:
        ours = our_relations(connection)
        excess = find_excess(connection, role, ours, wanted)
        if excess is None and limits:
            excess = find_more_rows(connection, role, ours, limits)
        if excess is not None:
            return excess
        for view in outdated_safe_views(connection):
            return f"reads {view}, which shows what another version took for safe"
    present = relations(connection)
    lacking = [
        f"{name}.{column}"
        for name, columns in wanted.items()
        for column in columns
        if name not in present or not given.get(name, set()) & {None, column}
    ]
    if not lacking:
        return None
    more = f" and {len(lacking) - 1:,} more columns" if len(lacking) > 1 else ""
    return f"does not see {lacking[0]}{more} that are for it now"
