"""VACUUM of PostgreSQL's tables: what rows have left is free from then on, and overwritten by others.

What the planner remembers of values, as samples, is made anew.
"""

from __future__ import annotations

from sqlalchemy import inspect, text

from syncer.domain.errors import DatabaseError
from syncer.process.log import Logger
from syncer.store.db.database import Database
from syncer.store.schema.history_tables import history_name, history_tables
from syncer.store.schema.mirror_tables import all_tables

log = Logger()


def vacuum(database: Database) -> None:
    """Vacuum the tables of ours on PostgreSQL, or say that it could not be done; on SQLite do nothing.

    SQLite's file is copied without what was removed by ``Database.overwrite_removed``.
    """
    if database.is_sqlite:
        return
    try:
        with database.read() as connection:
            # Not by the search path, which behind a pooler is set in transactions alone.
            schema = connection.execute(text("SELECT current_schema()")).scalar_one()
            versions = map(history_name, history_tables(connection))
            present = set(inspect(connection).get_table_names()) & {*all_tables().tables, *versions}
            quote = connection.dialect.identifier_preparer.quote_identifier
            names = [f"{quote(schema)}.{quote(name)}" for name in sorted(present)]
        with database.outside_transactions() as connection:
            connection.exec_driver_sql(f"VACUUM (ANALYZE) {', '.join(names)}")
    except DatabaseError as error:
        log.warning("vacuum_left", error=str(error))
