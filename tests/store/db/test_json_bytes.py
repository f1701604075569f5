"""JSON as bytes: for statements that want it, and for no others of the same connection."""

from __future__ import annotations

from sqlalchemy import text

from syncer.store.db.database import Database
from syncer.store.db.json_bytes import JSON_BYTES

DOCUMENT = text("""SELECT CAST('{"b": "Zürich 😀", "a": [1.50, null]}' AS jsonb), 'Zürich'""")


def test_a_statement_that_wants_bytes_gets_them_as_the_server_wrote_them(postgres_url: str) -> None:
    database = Database(postgres_url)
    with database.read() as connection:
        found = connection.execute(DOCUMENT.execution_options(**{JSON_BYTES: True})).one()
    database.close()
    assert tuple(found) == ('{"a": [1.50, null], "b": "Zürich 😀"}'.encode(), "Zürich")


def test_other_statements_of_the_connection_get_values(postgres_url: str) -> None:
    database = Database(postgres_url)
    with database.read() as connection:
        connection.execute(DOCUMENT.execution_options(**{JSON_BYTES: True})).one()
        found = connection.execute(DOCUMENT).one()
    database.close()
    assert found[0] == {"a": [1.5, None], "b": "Zürich 😀"}
