"""Run by Alembic: applies the migrations on the connection that the program hands over.

From a checkout, plain ``alembic`` works too: ``alembic -x url=sqlite:///kombo.db current``.
"""

from __future__ import annotations

from alembic import context

from syncer.store.db.database import Database
from syncer.store.schema.migrate import VERSION_TABLE
from syncer.store.schema.mirror_tables import all_tables


def run(connection) -> None:  # type: ignore[no-untyped-def]
    context.configure(
        connection=connection,
        target_metadata=all_tables(),
        version_table=VERSION_TABLE,
        compare_type=True,
        compare_server_default=False,
        render_as_batch=False,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    database = Database(context.get_x_argument(as_dictionary=True)["url"])
    if database.file is not None:
        database.file.create()
    with database.begin() as own:
        run(own)
    database.close()
