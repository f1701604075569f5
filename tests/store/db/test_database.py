"""Transactions: what they keep, what they see, whom they wait for, and how they fail."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import Popen

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from syncer.domain.errors import (
    DatabaseError,
    DatabaseRefused,
    DatabaseUnavailable,
    StatementFailed,
    UsageError,
)
from syncer.store.db import engines
from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from tests.support.databases import sqlite_file
from tests.support.waiting import PATIENCE

Program = Callable[..., Popen[str]]

BUDGETS = (
    "sync_budgets (environment, key_fingerprint, window_number, used, sent, length, confirmed, refusals)"
)


#: A row, as small as they come.
ADD = f"INSERT INTO {BUDGETS} VALUES ('test', :name, 0, 0, 0, 60, false, 0)"


def add(connection: Connection, name: str) -> None:
    connection.execute(text(ADD), {"name": name})


def names(connection: Connection) -> list[str]:
    return list(connection.scalars(text("SELECT key_fingerprint FROM sync_budgets ORDER BY 1")))


def seen(database: Database) -> list[str]:
    with database.read() as connection:
        return names(connection)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite waits a twentieth of a second for a lock."""
    monkeypatch.setattr(engines, "SQLITE_BUSY_MS", 50)


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


# --- what a transaction keeps and sees


def test_a_transaction_that_ends_well_is_kept(database: Database) -> None:
    with database.begin() as connection:
        add(connection, "kept")
    assert seen(database) == ["kept"]


def test_a_transaction_that_fails_leaves_nothing_and_the_error_is_its_own(database: Database) -> None:
    def write_and_fail() -> None:
        with database.begin() as connection:
            add(connection, "lost")
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        write_and_fail()
    assert seen(database) == []


def test_schema_changes_are_rolled_back_too(database: Database) -> None:
    def change_and_fail() -> None:
        with database.begin() as connection:
            connection.execute(text("CREATE TABLE another (id TEXT)"))
            add(connection, "lost")
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        change_and_fail()
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE another (id TEXT)"))
    assert seen(database) == []


def test_a_reader_sees_one_picture_while_others_write(database: Database) -> None:
    with database.read() as connection:
        assert names(connection) == []
        with database.begin() as writing:
            add(writing, "later")
        assert names(connection) == []
    assert seen(database) == ["later"]


def test_a_long_reader_does_not_stop_a_writer_in_another_process(
    database: Database, program: Program
) -> None:
    with database.read() as connection:
        assert names(connection) == []
        url = database.engine.url.render_as_string(hide_password=False)
        process = program(WRITE_ONE, url, "from-elsewhere")
        assert process.wait(timeout=PATIENCE) == 0
    assert seen(database) == ["from-elsewhere"]


def test_the_next_writer_may_write_after_a_reader_on_the_same_connection(migrated_url: str) -> None:
    database = Database(migrated_url, workers=1)
    for number in range(3):
        seen(database)
        with database.begin() as connection:
            add(connection, str(number))
    assert seen(database) == ["0", "1", "2"]
    database.close()


def test_threads_that_write_at_once_all_get_their_turn(database: Database) -> None:
    def write(worker: int) -> None:
        for number in range(10):
            with database.begin() as connection:
                add(connection, f"{worker}-{number}")

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen(database)) == 60


# --- other processes

WRITE_ONE = f"""
import sys
from sqlalchemy import text
from syncer.store.db.database import Database
database = Database(sys.argv[1])
with database.begin() as connection:
    connection.execute(text({ADD!r}), dict(name=sys.argv[2]))
    if len(sys.argv) > 3:
        print("writing", flush=True)
        sys.stdin.readline()
database.close()
"""


def test_a_writer_waits_for_a_writer_in_another_process(database: Database, program: Program) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    other = program(WRITE_ONE, url, "same", "hold")
    assert other.stdout is not None
    assert other.stdin is not None
    assert other.stdout.readline() == "writing\n"
    outcomes: list[object] = []

    def write_the_same() -> None:
        try:
            with database.begin() as connection:
                add(connection, "same")
        except DBAPIError as error:
            outcomes.append(type(error.orig).__mro__)

    waiting = threading.Thread(target=write_the_same)
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    other.stdin.write("\n")
    other.stdin.flush()
    waiting.join(30)
    # It went on after the other's commit, and so met the other's row.
    assert len(outcomes) == 1
    assert "IntegrityError" in str(outcomes[0]) or "UniqueViolation" in str(outcomes[0])
    assert seen(database) == ["same"]


#: Holds the lock for long enough that SQLite would ask for it seldom, and gives it up for a moment.
WRITE_MANY = f"""
import sys, time
from sqlalchemy import text
from syncer.store.db.database import Database
database = Database(sys.argv[1])
for number in range(1_000):
    with database.begin() as connection:
        connection.execute(text({ADD!r}), dict(name="other %d" % number))
        print(number, flush=True)
        time.sleep(0.3)
    time.sleep(0.01)
"""


def test_a_process_that_writes_without_end_lets_another_one_in_between(
    sqlite_url: str, program: Program
) -> None:
    with opened(sqlite_url) as database:
        schema.migrate(database)
        other = program(WRITE_MANY, sqlite_url)
        assert other.stdout is not None
        written = [0]
        for number in range(8):
            while int(other.stdout.readline()) < written[-1]:
                # It began that one while we were waiting; now it has to have the lock again.
                pass
            with database.begin() as connection:
                add(connection, str(number))
                written.append(len(names(connection)) - number - 1)
    # As a rule one of the other's between two of these. SQLite, left to wait, would let five by.
    assert written[-1] - written[1] < 15
    assert other.poll() is None


def test_a_process_that_is_killed_in_a_transaction_leaves_nothing_and_no_lock(
    database: Database, program: Program
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    other = program(WRITE_ONE, url, "half", "hold")
    assert other.stdout is not None
    assert other.stdout.readline() == "writing\n"
    other.kill()
    other.wait()
    with database.begin() as connection:
        add(connection, "mine")
    assert seen(database) == ["mine"]


def test_who_opens_a_new_sqlite_file_waits_for_another_process_that_is_making_it(sqlite_url: str) -> None:
    # SQLite itself answers "locked" at once to whoever asks for WAL mode now.
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        pictures: list[object] = []

        def look() -> None:
            with opened(sqlite_url) as database, database.read() as connection:
                pictures.append(connection.scalar(text("PRAGMA journal_mode")))

        looking = threading.Thread(target=look)
        looking.start()
        looking.join(0.3)
        assert looking.is_alive()
        other.execute("CREATE TABLE a (b TEXT)")
        other.execute("COMMIT")
        looking.join(30)
    other.close()
    assert pictures == ["wal"]


# --- async


async def test_work_on_worker_threads_commits_and_reads(database: Database) -> None:
    await database.write(lambda connection: add(connection, "async"))
    assert await database.ask(names) == ["async"]


async def test_an_error_in_the_work_reaches_the_caller_and_rolls_back(database: Database) -> None:
    def work(connection: Connection) -> None:
        add(connection, "lost")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await database.write(work)
    assert await database.ask(names) == []


async def test_a_cancelled_caller_does_not_take_its_transaction_along(database: Database) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(connection: Connection) -> None:
        begun.set()
        go_on.wait(PATIENCE)
        add(connection, "whole")

    task = asyncio.create_task(database.write(work))
    await asyncio.to_thread(begun.wait, PATIENCE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await asyncio.to_thread(database.close)
    with opened(database.engine.url.render_as_string(hide_password=False)) as again:
        assert seen(again) == ["whole"]


async def test_close_waits_for_the_work_under_way(database: Database) -> None:
    begun, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    def work(connection: Connection) -> None:
        add(connection, "whole")
        begun.set()
        go_on.wait(PATIENCE)

    def close() -> None:
        database.close()
        closed.set()

    task = asyncio.create_task(database.write(work))
    await asyncio.to_thread(begun.wait, PATIENCE)
    closing = asyncio.create_task(asyncio.to_thread(close))
    assert not await asyncio.to_thread(closed.wait, 0.2)
    go_on.set()
    await closing
    await task
    with opened(database.engine.url.render_as_string(hide_password=False)) as again:
        assert seen(again) == ["whole"]


# --- the clock


def test_the_databases_clock_is_utc_and_goes_on(database: Database) -> None:
    with database.begin() as connection:
        first, second = database.now(connection), database.now(connection)
    assert first.tzinfo is UTC
    assert first <= second
    assert abs(datetime.now(UTC) - second) < timedelta(minutes=1)


def test_the_offset_moves_the_clock(migrated_url: str) -> None:
    offset = timedelta(days=400, seconds=7)
    moved = Database(migrated_url, clock_offset=offset)
    with moved.read() as connection:
        shown = moved.now(connection)
    moved.close()
    assert abs(datetime.now(UTC) + offset - shown) < timedelta(minutes=1)


def test_the_clock_goes_on_within_a_transaction(database: Database) -> None:
    with database.begin() as connection:
        first = database.now(connection)
        threading.Event().wait(0.02)
        assert database.now(connection) > first


# --- troubles in our words


@pytest.mark.parametrize("statement", ["SELECT * FROM nowhere", "SELECT nowhere FROM sync_runs"])
def test_a_table_that_is_not_as_it_was_made_is_a_trouble_that_may_pass(
    database: Database, statement: str
) -> None:
    with pytest.raises(StatementFailed) as raised, database.read() as connection:
        connection.execute(text(statement))
    assert raised.value.reason in str(raised.value)
    assert not raised.value.is_conflict


def test_a_fault_of_ours_is_not_hidden_as_trouble_with_the_database(database: Database) -> None:
    with pytest.raises(DBAPIError), database.read() as connection:
        connection.execute(text("SELECT FROM WHERE"))
    with database.begin() as connection:
        add(connection, "twice")
    with pytest.raises(DBAPIError), database.begin() as connection:
        add(connection, "twice")


def test_a_lock_that_is_not_given_up_is_unavailable(
    impatient: None, migrated_url: str, program: Program
) -> None:
    def write_the_same() -> None:
        with database.begin() as connection:
            if not database.is_sqlite:
                connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
            add(connection, "same")

    with opened(migrated_url) as database:
        other = program(WRITE_ONE, migrated_url, "same", "hold")
        assert other.stdout is not None
        assert other.stdout.readline() == "writing\n"
        with pytest.raises(DatabaseUnavailable, match=r"^The database .* cannot be used: .*lock.*\.$"):
            write_the_same()
        other.kill()
        other.wait()
        write_the_same()


def test_a_connection_that_breaks_is_unavailable_and_the_next_one_works(postgres_url: str) -> None:
    with opened(postgres_url) as database:
        with pytest.raises(DatabaseUnavailable, match="cannot be used"), database.begin() as connection:
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        with database.read() as connection:
            assert connection.scalar(text("SELECT 1")) == 1


def test_a_connection_that_was_used_a_moment_ago_and_ended_since_is_replaced(postgres_url: str) -> None:
    with opened(postgres_url) as database, psycopg.connect(postgres_url, autocommit=True) as other:
        for _ in range(3):
            with database.read() as connection:
                pid = connection.scalar(text("SELECT pg_backend_pid()"))
            other.execute("SELECT pg_terminate_backend(%s, 60000)", (pid,))
            with database.read() as connection:
                assert connection.scalar(text("SELECT pg_backend_pid()")) != pid


def test_a_long_answer_is_whole_and_in_order(postgres_url: str) -> None:
    with opened(postgres_url) as database, database.read() as connection:
        numbers = connection.scalars(text("SELECT lpad(n::text, 4000, '0') FROM generate_series(1, 5000) n"))
        assert [int(each) for each in numbers] == list(range(1, 5001))


def test_a_process_that_stops_within_a_transaction_does_not_hold_the_others_up_for_ever(
    postgres_url: str,
) -> None:
    """Its transaction is ended by the server; what the URL says of that is left as it is."""
    schema.migrate(by_default := Database(postgres_url))
    with by_default.read() as connection:
        assert connection.scalar(text("SHOW idle_in_transaction_session_timeout")) == "1min"
    joined = "&" if "?" in postgres_url else "?"
    stopped = Database(f"{postgres_url}{joined}options=-c%20idle_in_transaction_session_timeout%3D1000")
    with by_default.begin() as connection:
        add(connection, "wanted")

    def stop_and_wake() -> None:
        with stopped.begin() as holding:
            holding.execute(text("UPDATE sync_budgets SET used = 1"))
            # Whoever wants the row waits for the server to end what never comes to its own end.
            with by_default.begin() as connection:
                connection.execute(text("UPDATE sync_budgets SET used = 2"))
            holding.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable):
        stop_and_wake()
    with by_default.read() as connection:
        assert connection.scalar(text("SELECT used FROM sync_budgets")) == 2
    by_default.close()
    stopped.close()


def test_no_free_connection_is_unavailable(sqlite_url: str) -> None:
    sqlite_file(sqlite_url).touch()
    with opened(sqlite_url) as database:
        database.engine.dispose()
        database.engine = create_engine(sqlite_url, pool_size=1, max_overflow=0, pool_timeout=0.05)
        with (
            pytest.raises(DatabaseUnavailable, match=r"No connection to .* became free"),
            database.read(),
            database.read(),
        ):
            pass


def told(url: str) -> DatabaseError:
    """What using this database answers: one sentence that names the address, and no password."""
    with opened(url) as database, pytest.raises(DatabaseError) as raised, database.read() as connection:
        connection.execute(text("SELECT 1"))
    message = str(raised.value)
    assert message.startswith("The database ")
    assert message.endswith(".")
    assert "\n" not in message
    assert database.shown_url in message
    assert "geheim" not in message
    return raised.value


def test_a_file_that_is_not_a_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Something else altogether, long enough to be a header. " * 20)
    error = told(f"sqlite:///{file}")
    assert isinstance(error, DatabaseRefused)
    assert "file is not a database" in str(error)
    assert file.read_text().startswith("Something else")


@pytest.mark.parametrize("name", ["mirror.db", "nowhere/mirror.db", "file:mirror.db?uri=true&mode=rwc"])
def test_no_transaction_makes_a_file_or_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / name.removeprefix("file:").partition("?")[0]
    expected = f"There is no database file {file}: run `syncer migrate` to make it."
    with opened(f"sqlite:///{name}") as database:
        for transaction in (database.begin, database.read):
            with pytest.raises(DatabaseUnavailable) as raised, transaction():
                pass
            assert str(raised.value) == expected
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with (
        opened(f"sqlite:///{tmp_path}") as database,
        pytest.raises(DatabaseRefused, match=r" is a folder: the database needs a file of its own\.$"),
        database.read(),
    ):
        pass


def test_a_uri_of_sqlites_own_and_a_link_lead_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "a b?.db").touch()
    (tmp_path / "link.db").symlink_to("a b?.db")
    for url in (f"sqlite:///file:{tmp_path}/a%20b%3f.db?uri=true", f"sqlite:///{tmp_path}/link.db"):
        with opened(url) as database:
            schema.migrate(database)
            with database.begin() as connection:
                add(connection, url)
            assert len(seen(database)) == 1 + url.endswith("link.db")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a b?.db", "link.db"]


def test_a_damaged_file_is_unavailable(sqlite_url: str, tmp_path: Path) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE a (b TEXT)")
        connection.executemany("INSERT INTO a VALUES (?)", [("x" * 500,)] * 200)
    connection.close()
    content = bytearray(file.read_bytes())
    content[4096:] = b"\x7f" * (len(content) - 4096)
    file.write_bytes(content)
    with (
        opened(sqlite_url) as database,
        pytest.raises(DatabaseUnavailable, match="malformed"),
        database.read() as reading,
    ):
        reading.execute(text("SELECT count(b) FROM a")).all()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_that_does_not_answer_is_unavailable(host: str, unused_tcp_port: int) -> None:
    error = told(f"postgresql://someone:geheim@{host}:{unused_tcp_port}/mirror?password=geheim")
    assert isinstance(error, DatabaseUnavailable)
    assert "onnection refused" in str(error)


def test_a_host_that_does_not_exist_is_unavailable() -> None:
    assert isinstance(told("postgresql://someone:geheim@nowhere.invalid/mirror"), DatabaseUnavailable)


def test_a_wrong_password_is_unavailable(tmp_path: Path) -> None:
    with _server_that_refuses("28P01", 'password authentication failed for user "someone"') as port:
        error = told(f"postgresql://someone:geheim@127.0.0.1:{port}/mirror")
    assert isinstance(error, DatabaseUnavailable)
    assert 'password authentication failed for user "someone"' in str(error)


def test_a_database_that_the_server_does_not_have_is_unavailable(postgres_url: str) -> None:
    error = told(postgres_url.replace("syncer_test_", "syncer_never_"))
    assert isinstance(error, DatabaseUnavailable)
    assert "does not exist" in str(error)


def test_an_option_that_the_driver_does_not_know_is_unavailable(postgres_url: str) -> None:
    separator = "&" if "?" in postgres_url else "?"
    assert "nonsense" in str(told(f"{postgres_url}{separator}nonsense=1"))


@contextmanager
def _server_that_refuses(code: str, message: str) -> Iterator[int]:
    """Enough of PostgreSQL's protocol to refuse whoever comes; gives the port."""
    import socket

    fields = b"".join(
        kind + value.encode() + b"\0" for kind, value in ((b"S", "FATAL"), (b"C", code), (b"M", message))
    )
    refusal = b"E" + (len(fields) + 5).to_bytes(4, "big") + fields + b"\0"

    def serve(listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            with client:
                while length := client.recv(4):
                    asked = client.recv(int.from_bytes(length, "big") - 4)
                    if asked[:4] not in {(80877103).to_bytes(4, "big"), (80877104).to_bytes(4, "big")}:
                        client.sendall(refusal)
                        break
                    # Neither TLS nor GSSAPI here.
                    client.sendall(b"N")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


# --- addresses


def test_every_spelling_of_a_postgresql_url_reaches_the_server(postgres_url: str) -> None:
    rest = postgres_url.removeprefix("postgresql://")
    for scheme in ("postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"):
        with opened(f"{scheme}://{rest}") as database, database.read() as connection:
            assert connection.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mirror.db",
        "/var/lib/mirror.db",
        "postgresql",
        "postgresql://host:port/mirror",
        "mysql://someone:geheim@host/mirror",
        "nonsense://someone:geheim@host/mirror",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite://someone:geheim@host/mirror.db",
        "sqlite:///mirror.db?nonsense=1",
        "sqlite+nonsense",
        "://geheim",
        "postgresql://someone:geheim@geheim@host/mirror",
    ],
)
def test_an_address_that_cannot_be_read_is_a_usage_error_that_does_not_repeat_it(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        Database(url)
    assert "geheim" not in str(raised.value)
    assert str(raised.value).endswith(("…", ".", "db"))


def test_the_shown_address_has_no_password() -> None:
    with opened("postgresql://someone:geheim@host/mirror?sslmode=require&password=geheim") as database:
        assert "geheim" not in database.shown_url
        assert database.shown_url.startswith("postgresql://someone:***@host/mirror?")
        assert "sslmode=require" in database.shown_url


def test_a_sqlite_file_is_in_wal_mode_and_survives_a_crash_of_the_process(sqlite_url: str) -> None:
    sqlite_file(sqlite_url).touch()
    with opened(sqlite_url) as database, database.read() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == 1
        assert connection.scalar(text("PRAGMA busy_timeout")) == engines.SQLITE_BUSY_MS


# --- connections that stay troubled


def test_what_was_read_only_for_a_while_is_written_by_the_same_program_afterwards(
    postgres_url: str,
) -> None:
    with opened(postgres_url) as database:
        with database.begin() as connection:
            connection.execute(text("CREATE TABLE noted (name TEXT)"))
            name = connection.scalar(text("SELECT current_database()"))
            connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
        # Sessions keep the default that they began with.
        database.engine.dispose()
        with pytest.raises(DatabaseUnavailable, match="read-only"), database.begin() as connection:
            connection.execute(text("INSERT INTO noted VALUES ('lost')"))
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("SET default_transaction_read_only = off")
            other.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = off'.encode())
        with database.begin() as connection:
            connection.execute(text("INSERT INTO noted VALUES ('kept')"))


def test_a_right_that_was_taken_away_is_a_trouble_and_no_fault_of_ours(postgres_url: str) -> None:
    with opened(postgres_url) as database:
        with database.begin() as connection:
            connection.execute(text("CREATE TABLE noted (name TEXT)"))

        def note(connection: Connection) -> None:
            connection.execute(text("SET LOCAL ROLE pg_monitor"))
            connection.execute(text("INSERT INTO noted VALUES ('lost')"))

        with pytest.raises(DatabaseUnavailable, match="permission denied"), database.begin() as connection:
            note(connection)
