"""What an error means: wait for the database, blame a table, run it again, quarantine a value, or a bug."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from syncer.domain.errors import DatabaseUnavailable, StatementFailed
from syncer.store.db.database import CONFLICT_TRIES, Database
from syncer.store.db.errors import Fault, fault

DATABASE, STATEMENT, CONFLICT, VALUE, BUG = Fault


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.ConnectionFailure, DATABASE),
        (errors.AdminShutdown, DATABASE),
        (errors.CrashShutdown, DATABASE),
        (errors.CannotConnectNow, DATABASE),
        (errors.DatabaseDropped, DATABASE),
        (errors.TooManyConnections, DATABASE),
        (errors.DiskFull, DATABASE),
        (errors.IoError, DATABASE),
        (errors.ReadOnlySqlTransaction, DATABASE),
        (errors.IdleInTransactionSessionTimeout, DATABASE),
        (errors.InvalidPassword, DATABASE),
        (errors.InvalidCatalogName, DATABASE),
        (errors.InvalidSchemaName, DATABASE),
        (errors.InvalidSqlStatementName, DATABASE),
        (errors.LockNotAvailable, STATEMENT),
        (errors.QueryCanceled, STATEMENT),
        (errors.ObjectInUse, STATEMENT),
        (errors.OutOfMemory, STATEMENT),
        (errors.ConfigurationLimitExceeded, STATEMENT),
        (errors.InsufficientPrivilege, STATEMENT),
        (errors.UndefinedTable, STATEMENT),
        (errors.UndefinedColumn, STATEMENT),
        (errors.DatatypeMismatch, STATEMENT),
        (errors.InvalidColumnReference, STATEMENT),
        (errors.FeatureNotSupported, STATEMENT),
        (errors.DataCorrupted, STATEMENT),
        (errors.RaiseException, STATEMENT),
        (errors.InternalError_, STATEMENT),
        (errors.SerializationFailure, CONFLICT),
        (errors.DeadlockDetected, CONFLICT),
        (errors.CheckViolation, VALUE),
        (errors.UntranslatableCharacter, VALUE),
        (errors.ProgramLimitExceeded, VALUE),
        (errors.SyntaxError, BUG),
        (errors.InFailedSqlTransaction, BUG),
        (psycopg.OperationalError, DATABASE),
        (psycopg.DataError, VALUE),
        (psycopg.ProgrammingError, BUG),
    ],
)
def test_every_code_of_postgresql_has_its_meaning(error: type[psycopg.Error], expected: Fault) -> None:
    assert fault(DBAPIError("SELECT 1", None, error("words"))) is expected


@pytest.mark.parametrize(
    ("code", "words", "expected"),
    [
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "database is locked", DATABASE),
        (sqlite3.SQLITE_LOCKED, "database table is locked", DATABASE),
        (sqlite3.SQLITE_FULL, "database or disk is full", DATABASE),
        (sqlite3.SQLITE_READONLY_DBMOVED, "attempt to write a readonly database", DATABASE),
        (sqlite3.SQLITE_CORRUPT, "database disk image is malformed", DATABASE),
        (sqlite3.SQLITE_IOERR_WRITE, "disk I/O error", DATABASE),
        (sqlite3.SQLITE_NOTADB, "file is not a database", DATABASE),
        (sqlite3.SQLITE_CANTOPEN, "unable to open database file", DATABASE),
        (sqlite3.SQLITE_ERROR, "no such table: hris_groups", STATEMENT),
        (sqlite3.SQLITE_ERROR, "table hris_groups has no column named name", STATEMENT),
        (sqlite3.SQLITE_SCHEMA, "database schema has changed", STATEMENT),
        (sqlite3.SQLITE_CONSTRAINT_CHECK, "CHECK constraint failed", VALUE),
        (sqlite3.SQLITE_TOOBIG, "string or blob too big", VALUE),
        (sqlite3.SQLITE_ERROR, 'near "WHERE": syntax error', BUG),
    ],
)
def test_every_code_of_sqlite_has_its_meaning(code: int, words: str, expected: Fault) -> None:
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    assert fault(DBAPIError("SELECT 1", None, error)) is expected


def test_what_happens_before_there_is_a_connection_is_the_database() -> None:
    assert fault(DBAPIError(None, None, errors.InsufficientPrivilege("not to this database"))) is DATABASE


@pytest.fixture
def postgres(postgres_url: str) -> Database:
    return Database(postgres_url)


def raising(code: str, times: int) -> tuple[list[None], Callable[[Connection], int]]:
    """Make work that fails with a code so many times; the list counts the attempts."""
    attempts: list[None] = []

    def work(connection: Connection) -> int:
        attempts.append(None)
        if len(attempts) <= times:
            connection.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"))
        found: int = connection.execute(text("SELECT 7")).scalar_one()
        return found

    return attempts, work


@pytest.mark.parametrize("code", ["40001", "40P01"])
async def test_a_transaction_that_lost_against_another_is_run_again(postgres: Database, code: str) -> None:
    for run in (postgres.write, postgres.ask):
        attempts, work = raising(code, CONFLICT_TRIES - 1)
        assert (await run(work), len(attempts)) == (7, CONFLICT_TRIES)
    attempts, work = raising(code, 1_000)
    with pytest.raises(StatementFailed):
        await postgres.write(work)
    assert len(attempts) == CONFLICT_TRIES
    postgres.close()


async def test_no_other_failure_is_run_again(postgres: Database) -> None:
    for code in ("55P03", "53100"):
        attempts, work = raising(code, 1_000)
        with pytest.raises(DatabaseUnavailable):
            await postgres.write(work)
        assert len(attempts) == 1
    postgres.close()
