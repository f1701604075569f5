"""What an error of a driver means to us."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

#: What SQLite calls its troubles with the file, and not with the statement.
_SQLITE_TROUBLES = {
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


#: Those that a connection keeps.
_SQLITE_STAYS = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}
#: What PostgreSQL calls a transaction that cannot write, and a right that we do not have (any more).
_READ_ONLY, _NOT_ALLOWED = "25006", "42501"


def is_our_fault(error: DBAPIError) -> bool:
    """A statement that no retry mends: a constraint, a type, a missing table."""
    if error.statement is None:
        # Not even connected.
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        # A right that was taken away can be given back.
        return state[:2] in {"22", "23", "42", "54"} and state != _NOT_ALLOWED
    code = _sqlite_code(error)
    if code is not None:
        return code not in _SQLITE_TROUBLES
    return type(error.orig).__name__ in {"IntegrityError", "ProgrammingError", "DataError"}


def stays(error: BaseException) -> bool:
    """Whether a trouble belongs to the connection, and a new one may be free of it.

    A server that became read-only may have handed over to another, and PostgreSQL's sessions keep the default
    that they began with; SQLite's connections stay read-only where the file was when it was opened.
    """
    state, code = getattr(error, "sqlstate", None), getattr(error, "sqlite_errorcode", None)
    return state == _READ_ONLY or (code is not None and code & 0xFF in _SQLITE_STAYS)


def is_refusal_to_write(error: BaseException) -> bool:
    """Whether a statement that writes was refused because the connection may only read."""
    # SQLite tells of files, folders and locks that cannot be written by longer numbers.
    return (
        getattr(error, "sqlstate", None) == _READ_ONLY
        or getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY
    )


def is_data_error(error: DBAPIError) -> bool:
    """Whether the database could not take a value: another row may pass.

    PostgreSQL's classes: data exception, integrity violation, program limit exceeded (such as a text that is
    too long for its index).
    """
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return bool(state[:2] in {"22", "23", "54"})
    return type(error.orig).__name__ in {"DataError", "IntegrityError"}


def is_no_database(error: DBAPIError) -> bool:
    """Whether the file holds something else."""
    return _sqlite_code(error) == sqlite3.SQLITE_NOTADB


def reason(error: DBAPIError) -> str:
    """The database's own words, as the end of a sentence."""
    lines = str(error.orig).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error.orig).__name__


def _sqlite_code(error: DBAPIError) -> int | None:
    """SQLite's primary error code; None where the error is not SQLite's own."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
