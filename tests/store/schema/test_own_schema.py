"""A mirror in a schema of its own: beside other tables and other mirrors, none of which it meets."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, aclosing, closing

import psycopg
import pytest
from sqlalchemy import make_url, text

from syncer.domain.errors import DatabaseRefused, UsageError
from syncer.domain.feed.row_change import FeedRules, Operation, RowChange
from syncer.domain.stream_key import StreamKey
from syncer.store.db.database import Database
from syncer.store.db.due_channel import listen_due, notify_due
from syncer.store.db.notifications import Notifications
from syncer.store.records.feed import CHANNEL, tell_changes
from syncer.store.schema import migrate as schema
from syncer.store.schema import revisions
from syncer.store.schema.grants import grant_read
from tests.support.databases import PostgresServer
from tests.support.readers import MakeReader
from tests.support.waiting import PATIENCE

Open = Callable[..., Database]
#: Everything with a name, by schema and kind.
THINGS = """
    SELECT 'relation', relname FROM pg_class WHERE relnamespace = to_regnamespace(:schema)
    UNION ALL SELECT 'function', proname FROM pg_proc WHERE pronamespace = to_regnamespace(:schema)
"""


@pytest.fixture(scope="module")
def shared_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database with another program's table in public, and two mirrors in schemas of their own."""
    with postgres_server.database() as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE hris_employees (id int)")
        for name in ("one", "two"):
            with closing(Database(url, schema=name)) as database:
                schema.migrate(database)
        yield url


@pytest.fixture
def opened(shared_url: str) -> Iterator[Open]:
    """``opened(schema, url)``: the database of one of these mirrors, or another one."""
    with ExitStack() as stack:

        def opened(name: str, url: str = shared_url) -> Database:
            return stack.enter_context(closing(Database(url, schema=name)))

        yield opened


def things(database: Database, name: str) -> set[tuple[str, str]]:
    with database.read() as connection:
        return {(row[0], row[1]) for row in connection.execute(text(THINGS), {"schema": name})}


def test_everything_of_a_mirror_is_in_its_schema_and_nothing_elsewhere(opened: Open, shared_url: str) -> None:
    one = opened("one")
    assert things(one, "one") == things(one, "two")
    assert {("relation", schema.VERSION_TABLE), ("relation", "hris_employees_live")} < things(one, "one")
    assert things(one, "public") == {("relation", "hris_employees")}
    with one.read() as connection:
        assert (
            connection.scalar(
                text("SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()")
            )
            == "syncer one"
        )


def test_a_downgrade_of_one_mirror_leaves_the_other(opened: Open, postgres_url: str) -> None:
    first, second = opened("one", postgres_url), opened("two", postgres_url)
    for each in (first, second):
        schema.migrate(each)
    before = things(second, "two")
    schema.downgrade(first, "base")
    assert things(first, "one") == set()
    assert things(second, "two") == before
    revisions.check(second)
    with pytest.raises(DatabaseRefused, match="has no tables yet"):
        revisions.check(first)


async def test_neither_mirror_hears_of_the_others_changes_and_streams(opened: Open) -> None:
    one, other, two = opened("one"), opened("one"), opened("two")
    rules = FeedRules(frozenset({"hris_groups"}), before=False, notify=True)
    told = [RowChange("x", Operation.CREATED)]

    def change(database: Database) -> None:
        with database.begin() as connection:
            tell_changes(
                connection, rules, "default", StreamKey("i", "hris_groups"), told, database.now(connection)
            )
            notify_due(database, connection)

    async with aclosing(listen_due(one)) as due:
        await anext(due)
        with closing(Notifications(one, CHANNEL)) as listening:
            change(two)
            heard = asyncio.ensure_future(anext(due))
            # What PostgreSQL has sent before an answer has come.
            assert not listening.wait(0.2)
            assert not heard.done()
            change(other)
            assert listening.wait(PATIENCE)
            await asyncio.wait_for(heard, PATIENCE)


def test_a_mirror_is_not_kept_waiting_by_a_migration_of_the_other(opened: Open) -> None:
    one, two = opened("one"), opened("two")
    with one.begin() as connection:
        schema.lock_schema(connection)
        schema.migrate(two)


def test_a_role_that_reads_one_mirror_reads_nothing_of_the_other(
    opened: Open, make_reader: MakeReader
) -> None:
    one = opened("one")
    reader = make_reader(one)
    granted = grant_read(one, reader.name, without_sensitive=False)
    assert granted.schema == "one"
    assert reader.may("SELECT * FROM one.hris_employees_live")
    assert not reader.may("SELECT * FROM two.hris_employees_live")
    assert not reader.may("SELECT * FROM one.sync_streams")


def test_a_role_that_may_not_make_the_schema_is_told_the_statement_that_makes_it(
    opened: Open, postgres_url: str, make_reader: MakeReader
) -> None:
    admin = opened("public", postgres_url)
    owner = make_reader(admin, name="owner")
    url = make_url(postgres_url).set(username=owner.name, password="secret")
    plain = opened("kombo", url.render_as_string(hide_password=False))
    with pytest.raises(DatabaseRefused) as refused:
        schema.migrate(plain)
    told = re.search(
        r"run `(?P<statement>CREATE SCHEMA kombo AUTHORIZATION .+;)` there\.$", str(refused.value)
    )
    assert told is not None
    assert "secret" not in str(refused.value)
    with admin.begin() as connection:
        connection.exec_driver_sql(told["statement"])
    assert schema.migrate(plain)[0] is None
    assert things(plain, "public") == set()


def test_sqlite_has_no_schemas(sqlite_url: str) -> None:
    with pytest.raises(UsageError, match="SQLite has no schemas"):
        Database(sqlite_url, schema="kombo")
