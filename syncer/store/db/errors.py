"""Classification of the drivers' errors."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

#: SQLite's codes for faults of the file, and not of the statement.
_SQLITE_FILE_FAULTS = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}
#: Those that last as long as the connection.
_SQLITE_CONNECTION_FAULTS = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}
#: PostgreSQL's codes for a transaction that cannot write, and for a right that we do not have (any more).
_READ_ONLY, _NOT_ALLOWED = "25006", "42501"


def is_our_fault(error: DBAPIError) -> bool:
    """True for an error that no retry mends: a constraint, a type, a missing table."""
    if error.statement is None:
        # Not even connected.
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        # A right that was taken away can be given back.
        return state[:2] in {"22", "23", "42", "54"} and state != _NOT_ALLOWED
    code = _sqlite_code(error)
    if code is not None:
        return code not in _SQLITE_FILE_FAULTS
    return type(error.orig).__name__ in {"IntegrityError", "ProgrammingError", "DataError"}


def is_connection_fault(error: BaseException) -> bool:
    """True for an error that belongs to the connection, so that a new one may be free of it.

    A server that became read-only may have handed over to another, and PostgreSQL's sessions keep the default
    that they began with; SQLite's connections stay read-only where the file was when it was opened.
    """
    state, code = getattr(error, "sqlstate", None), getattr(error, "sqlite_errorcode", None)
    return state == _READ_ONLY or (code is not None and code & 0xFF in _SQLITE_CONNECTION_FAULTS)


def is_refusal_to_write(error: BaseException) -> bool:
    """True where a statement that writes was refused because the connection may only read."""
    # SQLite has extended codes for files, folders and locks that cannot be written.
    return (
        getattr(error, "sqlstate", None) == _READ_ONLY
        or getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY
    )


def is_data_error(error: DBAPIError) -> bool:
    """True where the database refused a value: another row may pass.

    PostgreSQL's classes: data exception, integrity violation, program limit exceeded (such as a text that is
    too long for its index).
    """
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return bool(state[:2] in {"22", "23", "54"})
    return type(error.orig).__name__ in {"DataError", "IntegrityError"}


def is_no_database(error: DBAPIError) -> bool:
    """True where the file is no database."""
    return _sqlite_code(error) == sqlite3.SQLITE_NOTADB


def reason(error: DBAPIError) -> str:
    """Give the database's own words, as the end of a sentence."""
    lines = str(error.orig).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error.orig).__name__


def _sqlite_code(error: DBAPIError) -> int | None:
    """Give SQLite's primary error code; None where the error is not SQLite's own."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
