"""Classification of the drivers' errors: by code, into what can be done about them."""

from __future__ import annotations

import re
import sqlite3
from enum import Enum, auto

from sqlalchemy.exc import DBAPIError

from syncer.domain.texts.scrub import scrub


class Fault(Enum):
    """Kinds of errors, by what is to be done about them."""

    #: Nobody can use the database, or we cannot: wait for it.
    DATABASE = auto()
    #: The database works, but not for this statement or for a table that it names: locked, gone, cancelled.
    STATEMENT = auto()
    #: Another transaction was in the way of this one: run it again.
    CONFLICT = auto()
    #: A value is refused: another row may pass.
    VALUE = auto()
    #: A mistake of the program's, which no retry mends.
    BUG = auto()


#: PostgreSQL's codes, and classes of codes (two characters) for those that are not named.
_SQLSTATES = {
    "08": Fault.DATABASE,  # connection exception; a pooler's own errors, too
    "22": Fault.VALUE,  # data exception
    "23": Fault.VALUE,  # integrity constraint violation
    "44": Fault.VALUE,  # with check option violation
    "54": Fault.VALUE,  # program limit exceeded, such as a text that is too long for its index
    "21": Fault.BUG,  # cardinality violation
    "24": Fault.BUG,  # invalid cursor state
    "25": Fault.BUG,  # invalid transaction state, but for:
    "25006": Fault.DATABASE,  # read-only transaction
    "25P03": Fault.DATABASE,  # idle in transaction for too long: the session is gone
    "25P04": Fault.DATABASE,  # transaction timeout: the same
    "26": Fault.DATABASE,  # prepared statement is not there: the session is another one
    "28": Fault.DATABASE,  # invalid authorization
    "3D": Fault.DATABASE,  # no such database
    "3F": Fault.DATABASE,  # no such schema
    "40": Fault.CONFLICT,  # serialization failure, deadlock
    "42": Fault.BUG,  # syntax error or access rule violation, but for what others did to a table:
    "42501": Fault.STATEMENT,  # insufficient privilege
    "42703": Fault.STATEMENT,  # undefined column
    "42704": Fault.STATEMENT,  # undefined object
    "42804": Fault.STATEMENT,  # datatype mismatch
    "42809": Fault.STATEMENT,  # wrong object type
    "42883": Fault.STATEMENT,  # undefined function, also an operator for another type
    "42P01": Fault.STATEMENT,  # undefined table
    "42P05": Fault.DATABASE,  # duplicate prepared statement: the session is another one
    "42P10": Fault.STATEMENT,  # the key that ON CONFLICT names is gone
    "53": Fault.DATABASE,  # insufficient resources: disk full, too many connections
    "53200": Fault.STATEMENT,  # out of memory, also for locks
    "53400": Fault.STATEMENT,  # configuration limit exceeded, such as that of temporary files
    "57": Fault.DATABASE,  # operator intervention: shutdown, crash, starting up
    "57014": Fault.STATEMENT,  # query cancelled, also by statement_timeout
    "58": Fault.DATABASE,  # error of the system below, such as an I/O error
}
#: Any other: lock_timeout (55P03), damaged pages (XX001), what somebody's trigger raises (P0001), ...
_OTHER_SQLSTATE = Fault.STATEMENT

#: PostgreSQL's classes of codes whose messages repeat values, or are what somebody's trigger says.
_QUOTING = ("21", "22", "23", "44", "P0")

#: SQLite's primary codes. A file is locked, full or damaged as a whole.
_SQLITE_CODES = {
    sqlite3.SQLITE_BUSY: Fault.DATABASE,
    sqlite3.SQLITE_CANTOPEN: Fault.DATABASE,
    sqlite3.SQLITE_CORRUPT: Fault.DATABASE,
    sqlite3.SQLITE_FULL: Fault.DATABASE,
    sqlite3.SQLITE_INTERRUPT: Fault.DATABASE,
    sqlite3.SQLITE_IOERR: Fault.DATABASE,
    sqlite3.SQLITE_LOCKED: Fault.DATABASE,
    sqlite3.SQLITE_NOTADB: Fault.DATABASE,
    sqlite3.SQLITE_PERM: Fault.DATABASE,
    sqlite3.SQLITE_PROTOCOL: Fault.DATABASE,
    sqlite3.SQLITE_READONLY: Fault.DATABASE,
    sqlite3.SQLITE_NOMEM: Fault.STATEMENT,
    sqlite3.SQLITE_SCHEMA: Fault.STATEMENT,
    sqlite3.SQLITE_CONSTRAINT: Fault.VALUE,
    sqlite3.SQLITE_MISMATCH: Fault.VALUE,
    sqlite3.SQLITE_TOOBIG: Fault.VALUE,
}
#: SQLite has one code for all that it cannot compile: its words for a table that is not the one we made.
_SQLITE_TABLE_FAULTS = (
    "no such table",
    "no such column",
    "has no column named",
    "ON CONFLICT clause does not match",
    "because it is a view",
)
#: SQLite's codes for what lasts as long as the connection.
_SQLITE_CONNECTION_FAULTS = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}
#: PostgreSQL's: a transaction that cannot write, a plan or prepared statement that is of no use any more.
_READ_ONLY = "25006"
_CONNECTION_FAULTS = {_READ_ONLY, "0A000", "26000", "42P05"}

#: What to do about some errors, by expressions for words of theirs: PgBouncer's have no codes of their own.
_ADVICE = {
    "read-only transaction": "It is a standby, or default_transaction_read_only is on for this role, "
    "database or server: name one that takes writes.",
    "unsupported startup parameter": "PgBouncer does not know it: leave `options` out of database.url, or "
    "name it in PgBouncer's ignore_startup_parameters.",
    "statement pooling mode": "Set PgBouncer's pool_mode to transaction or session.",
    "prepared statement": "A pooler hands out other sessions without saying so: use its session mode, or the "
    "server's own address.",
    'invalid connection option "search_path"': "Name the schema in the configuration, as `database.schema`.",
    'database ".*" does not exist': "Make the database first: `createdb NAME`, or CREATE DATABASE NAME.",
    "no schema has been selected": "Set the search_path of the role to a schema that exists.",
}


def fault(error: DBAPIError) -> Fault:
    """Classify an error of the driver."""
    if error.statement is None:
        # Not even connected.
        return Fault.DATABASE
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return _SQLSTATES.get(state) or _SQLSTATES.get(state[:2], _OTHER_SQLSTATE)
    code = _sqlite_code(error)
    if code is not None:
        is_of_table = any(words in str(error.orig) for words in _SQLITE_TABLE_FAULTS)
        return _SQLITE_CODES.get(code, Fault.STATEMENT if is_of_table else Fault.BUG)
    kind = type(error.orig).__name__
    if kind in {"DataError", "IntegrityError"}:
        return Fault.VALUE
    return Fault.BUG if kind == "ProgrammingError" else Fault.DATABASE


def is_connection_fault(error: BaseException) -> bool:
    """True for an error that belongs to the connection, so that a new one may be free of it.

    A server that became read-only may have handed over to another, and PostgreSQL's sessions keep the default
    that they began with; SQLite's connections stay read-only where the file was when it was opened.
    """
    state, code = getattr(error, "sqlstate", None), getattr(error, "sqlite_errorcode", None)
    return state in _CONNECTION_FAULTS or (code is not None and code & 0xFF in _SQLITE_CONNECTION_FAULTS)


def is_refusal_to_write(error: BaseException) -> bool:
    """True where a statement that writes was refused because the connection may only read."""
    # SQLite has extended codes for files, folders and locks that cannot be written.
    return (
        getattr(error, "sqlstate", None) == _READ_ONLY
        or getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY
    )


def is_no_database(error: DBAPIError) -> bool:
    """True where the file is no database."""
    return _sqlite_code(error) == sqlite3.SQLITE_NOTADB


def reason(error: DBAPIError) -> str:
    """Give the database's own words, as the end of a sentence; no value of a row is among them."""
    # What follows the first line shows keys and rows.
    lines = str(error.orig).strip().splitlines()
    words = lines[0].strip().rstrip(".") if lines else ""
    if str(getattr(error.orig, "sqlstate", "")).startswith(_QUOTING):
        words = scrub(words)
    return words or type(error.orig).__name__


def advice(error: DBAPIError) -> str:
    """Give a sentence on what to do about it, after a blank; nothing where only the reader can know."""
    words = str(error.orig)
    return next((f" {advice}" for known, advice in _ADVICE.items() if re.search(known, words)), "")


def _sqlite_code(error: DBAPIError) -> int | None:
    """Give SQLite's primary error code; None where the error is not SQLite's own."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
