"""All that a database holds as text, for tests that look for what must not be in it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import make_url, select

from syncer.store.schema.history_tables import history_table, history_tables
from syncer.store.schema.mirror_tables import all_tables
from tests.support.world import World


def database_text(world: World) -> str:
    """Every value of every table, and on SQLite all bytes of the file, free pages among them."""
    with world.database() as connection:
        tables = [*all_tables().tables.values(), *map(history_table, history_tables(connection))]
        rows = [str(tuple(row)) for table in tables for row in connection.execute(select(table))]
    if world.database_url.startswith("sqlite"):
        path = Path(make_url(world.database_url).database or "")
        with sqlite3.connect(path) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        file.close()
        rows += [part.read_bytes().decode(errors="replace") for part in path.parent.glob(f"{path.name}*")]
    return "\n".join(rows)
