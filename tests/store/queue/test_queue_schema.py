"""Tables of the queue: made once, brought to the library's version, and of one mirror alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest
from sqlalchemy import Connection, text

from syncer.domain.errors import DatabaseRefused
from syncer.store.db.database import Database
from syncer.store.queue.schema import QUEUE_VERSION_TABLE, make_queue, migrations, queue_sql

QUEUE = "procrastinate"
#: Everything with a name in the schema of the queue, functions with what they do.
THINGS = text(f"""
    SELECT 'relation', relname::text, '' FROM pg_class
    WHERE relnamespace = '{QUEUE}'::regnamespace AND relname NOT LIKE '%version%'
    UNION ALL SELECT 'function', proname, regexp_replace(prosrc, '\\s+', ' ', 'g') FROM pg_proc
    WHERE pronamespace = '{QUEUE}'::regnamespace
    UNION ALL SELECT 'trigger', tgname, '' FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid
    WHERE relnamespace = '{QUEUE}'::regnamespace AND NOT tgisinternal
""")

Open = Callable[..., Database]


@pytest.fixture
def opened(postgres_url: str) -> Iterator[Open]:
    """Opens one database, also in a schema."""
    with ExitStack() as stack:
        yield lambda name=None: stack.enter_context(closing(Database(postgres_url, schema=name)))


def things(queue: Database) -> set[tuple[str, str, str]]:
    def read(connection: Connection) -> set[tuple[str, str, str]]:
        return {(row[0], row[1], row[2]) for row in connection.execute(THINGS)}

    with queue.read() as connection:
        return read(connection)


def test_the_queue_is_made_once(opened: Open) -> None:
    queue, mirror = opened(QUEUE), opened()
    assert make_queue(queue, mirror)
    made = things(queue)
    assert ("relation", "procrastinate_jobs", "") in made
    assert not make_queue(queue, mirror)
    assert things(queue) == made
    with mirror.read() as connection:
        assert connection.execute(text("SELECT to_regclass('public.procrastinate_jobs')")).scalar() is None


def test_a_queue_of_an_older_version_of_the_library_is_brought_to_the_newer_one(opened: Open) -> None:
    queue, mirror = opened(QUEUE), opened()
    make_queue(queue, mirror)
    newest = things(queue)
    versions = migrations()
    with queue.begin() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {QUEUE} CASCADE")
        connection.exec_driver_sql(f"CREATE SCHEMA {QUEUE}")
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        # As the library had them three of its migrations ago.
        for each in versions[:-3]:
            driver.execute(each.read_bytes())
        driver.execute(
            f"CREATE TABLE {QUEUE_VERSION_TABLE} AS "
            f"SELECT '{versions[-4].name}' AS migration, 'public' AS mirror".encode()
        )
    assert things(queue) != newest
    assert make_queue(queue, mirror)
    assert newest <= things(queue)
    assert not make_queue(queue, mirror)


def test_the_sql_of_an_upgrade_makes_the_same_queue(opened: Open, postgres_url: str) -> None:
    queue, mirror = opened(QUEUE), opened()
    statements = queue_sql(queue, mirror)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(statements.encode())
    assert queue_sql(queue, mirror) == ""
    assert not make_queue(queue, mirror)
    made = things(queue)
    with queue.begin() as connection_:
        connection_.exec_driver_sql(f"DROP SCHEMA {QUEUE} CASCADE")
    make_queue(queue, mirror)
    assert things(queue) == made


def test_the_queue_of_another_mirror_or_program_is_left_alone(opened: Open) -> None:
    queue, mirror = opened(QUEUE), opened()
    make_queue(queue, mirror)
    with pytest.raises(
        DatabaseRefused, match=r"the queue of the mirror in schema public: .* workers\.schema"
    ):
        make_queue(queue, opened("kombo"))
    with queue.begin() as connection:
        connection.exec_driver_sql(f"DROP TABLE {QUEUE_VERSION_TABLE}")
    with pytest.raises(DatabaseRefused, match=r"the queue of another program: .* workers\.schema"):
        make_queue(queue, mirror)
