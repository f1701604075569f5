"""Many rows in one statement."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, event, select
from sqlalchemy.exc import DBAPIError

from syncer.domain.errors import StatementFailed
from syncer.domain.limits import MOST_STATEMENT_BYTES
from syncer.store.db.bulk import insert, insert_new, insert_statement, upsert
from syncer.store.db.database import Database
from syncer.store.db.types import Json

#: Two columns make the key; names are words of SQL, as they may be.
places = Table(
    "places",
    MetaData(),
    Column("order", Text, primary_key=True),
    Column("group", Text, primary_key=True),
    Column("select", Integer),
    Column("where", Text),
    Column("document", Json),
)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    database = Database(database_url)
    with database.begin() as connection:
        places.create(connection)
        yield connection
    database.close()


def place(order: str, group: str = "g", **more: object) -> dict[str, object]:
    return {"order": order, "group": group, **more}


def rows(connection: Connection) -> list[tuple[object, ...]]:
    found = connection.execute(
        select(places.c.order, places.c.group, places.c.select, places.c.where).order_by(
            places.c.order, places.c.group
        )
    )
    return [tuple(row) for row in found]


def test_insert_writes_all_rows_and_absent_members_are_null(connection: Connection) -> None:
    insert(connection, places, [place("b", where="x"), place("a", select=1), place("a", "h")])
    assert rows(connection) == [("a", "g", 1, None), ("a", "h", None, None), ("b", "g", None, "x")]


@pytest.mark.parametrize("write", [insert, insert_new])
def test_insert_refuses_a_key_that_is_there(connection: Connection, write: Callable[..., object]) -> None:
    write(connection, places, [place("a")])
    with pytest.raises(DBAPIError), connection.begin_nested():
        write(connection, places, [place("b"), place("a")])
    assert len(rows(connection)) == 1


def test_new_rows_are_one_statement_and_counted(connection: Connection) -> None:
    statements: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *args: statements.append(args[2]))
    written = insert_new(connection, places, [place("b", where="x"), place("a", select=1), place("a", "h")])
    assert written == 3
    assert len([each for each in statements if "places" in each and "SELECT" not in each]) == 1
    assert rows(connection) == [("a", "g", 1, None), ("a", "h", None, None), ("b", "g", None, "x")]


def test_upsert_makes_null_what_no_row_has(connection: Connection) -> None:
    upsert(connection, places, [place("a", select=1, where="x")])
    upsert(connection, places, [place("a"), place("b")])
    assert rows(connection) == [("a", "g", None, None), ("b", "g", None, None)]


def test_a_column_with_a_default_of_the_database_is_null_where_the_row_says_so(
    connection: Connection,
) -> None:
    table = Table(
        "defaults",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("n", Integer, server_default="7"),
    )
    table.create(connection)
    upsert(connection, table, [{"id": 1, "n": None}])
    insert_new(connection, table, [{"id": 2, "n": None}])
    assert connection.execute(select(table.c.n)).scalars().all() == [None, None]


def test_new_rows_keep_what_few_of_them_have(connection: Connection) -> None:
    insert_new(connection, places, [place("a"), place("b", select=2), place("c", where="z")])
    assert rows(connection) == [("a", "g", None, None), ("b", "g", 2, None), ("c", "g", None, "z")]


def test_new_rows_are_written_under_row_limits_too(postgres_url: str) -> None:
    """COPY is not supported there."""
    database = Database(postgres_url)
    with database.begin() as connection:
        places.create(connection)
        connection.exec_driver_sql("ALTER TABLE places ENABLE ROW LEVEL SECURITY")
        connection.exec_driver_sql("CREATE POLICY every_row ON places USING (true)")
        connection.exec_driver_sql("CREATE ROLE bulk_writer")
        connection.exec_driver_sql("GRANT ALL ON places TO bulk_writer")
        connection.exec_driver_sql("SET LOCAL ROLE bulk_writer")
        assert insert_new(connection, places, [place("a"), place("b")]) == 2
        assert len(rows(connection)) == 2
        connection.exec_driver_sql("RESET ROLE")
        connection.exec_driver_sql("DROP OWNED BY bulk_writer")
        connection.exec_driver_sql("DROP ROLE bulk_writer")
    database.close()


def test_a_connection_that_copied_before_there_were_row_limits_is_given_up(postgres_url: str) -> None:
    database = Database(postgres_url, workers=1)
    with database.begin() as connection:
        places.create(connection)
        connection.exec_driver_sql("CREATE ROLE later_writer")
        connection.exec_driver_sql("GRANT ALL ON places TO later_writer")
        connection.exec_driver_sql("SET LOCAL ROLE later_writer")
        insert_new(connection, places, [place("a")])
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE places ENABLE ROW LEVEL SECURITY")
        connection.exec_driver_sql("CREATE POLICY every_row ON places USING (true)")

    def write() -> None:
        with database.begin() as connection:
            connection.exec_driver_sql("SET LOCAL ROLE later_writer")
            insert_new(connection, places, [place("b")])

    with pytest.raises(StatementFailed):
        write()
    write()
    with database.begin() as connection:
        assert len(rows(connection)) == 2
        connection.exec_driver_sql("DROP OWNED BY later_writer")
        connection.exec_driver_sql("DROP ROLE later_writer")
    database.close()


def test_upsert_replaces_whole_rows_by_their_key(connection: Connection) -> None:
    upsert(connection, places, [place("a", select=1, where="old"), place("a", "h", select=1)])
    upsert(connection, places, [place("a", where="new"), place("c", select=3)])
    assert rows(connection) == [
        ("a", "g", None, "new"),
        ("a", "h", 1, None),
        ("c", "g", 3, None),
    ]


def test_upsert_leaves_the_kept_columns_of_rows_that_are_there(connection: Connection) -> None:
    upsert(connection, places, [place("a", select=1, where="old")], keep=("select",))
    upsert(connection, places, [place("a", select=2, where="new"), place("b", select=2)], keep=("select",))
    assert rows(connection) == [("a", "g", 1, "new"), ("b", "g", 2, None)]


def test_no_rows_are_no_statement(connection: Connection) -> None:
    statements: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *args: statements.append(args[2]))
    insert(connection, places, [])
    upsert(connection, places, [])
    assert statements == []


def test_a_page_is_one_statement(connection: Connection) -> None:
    statements: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *args: statements.append(args[2]))
    upsert(connection, places, [place(str(number), select=number) for number in range(5000)])
    assert len(statements) == 1
    assert len(rows(connection)) == 5000


def test_large_rows_are_statements_of_a_bounded_size(connection: Connection) -> None:
    sizes: list[int] = []

    def note(*args: object) -> None:
        if str(args[2]).startswith("INSERT"):
            # A list of rows, or a text with all of them.
            sizes.append(len(args[3][0]) if isinstance(args[3], tuple) else 0)

    event.listen(connection, "before_cursor_execute", note)
    document = f'{{"text":"{"x" * (MOST_STATEMENT_BYTES // 3)}"}}'
    written = upsert(connection, places, [place(str(number), document=document) for number in range(7)])
    too_long = f'{{"text":"{"x" * MOST_STATEMENT_BYTES}"}}'
    written += upsert(connection, places, [place("a", document=too_long), place("b")])
    assert written == len(rows(connection)) == 9
    assert len(sizes) == (6 if connection.dialect.name == "postgresql" else 2)
    assert all(size < MOST_STATEMENT_BYTES * 1.01 for size in sizes)


def test_a_row_that_is_there_is_ignored(connection: Connection) -> None:
    connection.execute(
        insert_statement(connection, places).on_conflict_do_nothing(),
        [place("a", select=1), place("b", select=1)],
    )
    connection.execute(
        insert_statement(connection, places).on_conflict_do_nothing(),
        [place("a", select=2), place("c", select=2)],
    )
    assert [(row[0], row[2]) for row in rows(connection)] == [("a", 1), ("b", 1), ("c", 2)]


@pytest.mark.parametrize("write", [insert, insert_new])
def test_text_that_means_something_to_a_driver_or_to_json_is_only_text(
    connection: Connection, write: Callable[..., object]
) -> None:
    strange = [
        "%s",
        "%(a)s",
        ":a",
        "?",
        "{}",
        '"',
        "\\",
        "\\u0000",
        "'; DROP TABLE places; --",
        "\u2028",
        "😀",
        "",
        "\\N",
        "\\.",
        "a\tb\nc\rd\\te",
        "n",
    ]
    write(connection, places, [place(f"{at:02}", where=word) for at, word in enumerate(strange)])
    assert [row[3] for row in rows(connection)] == strange


@pytest.mark.parametrize("write", [insert, insert_new])
def test_a_document_is_kept_to_the_last_digit(connection: Connection, write: Callable[..., object]) -> None:
    document = '{"b": 12345678901234567890123456789, "a": 0.1234567890123456789, "e": 1.50, "s": "\\u00e9"}'
    write(connection, places, [place("a", document=document)])
    text = connection.exec_driver_sql("SELECT CAST(document AS TEXT) FROM places").scalar_one()
    for digits in ("12345678901234567890123456789", "0.1234567890123456789", "1.50"):
        assert digits in text
