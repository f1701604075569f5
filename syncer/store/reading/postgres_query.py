"""Run one statement that gives rows on PostgreSQL, and stream the rows.

A cursor of the server's would take SELECT and VALUES alone; this way EXPLAIN and SHOW answer, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, cast

import psycopg
from msgspec import Raw
from psycopg import pq
from psycopg.errors import error_from_result
from psycopg.types.json import set_json_loads
from psycopg.types.string import TextLoader
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from syncer.domain.errors import UsageError

#: In a document: a string, or blanks between members.
_STRING_OR_BLANKS = re.compile(rb'("(?:[^"\\]|\\.)*+")|[ \t\r\n]++', flags=re.DOTALL)
#: In a statement: what may hold a colon that means nothing (text, names, comments), or ``:name``.
_PARAMETER = re.compile(
    r"""(?<!\w)[eE]'(?:[^'\\]|\\.)*' | '[^']*' | "[^"]*" | --[^\n]* | /\*.*?\*/ | (?<!\w)\$(\w*)\$.*?\$\1\$
    | (?<![:\w]):([^\W\d]\w*)""",
    flags=re.DOTALL | re.VERBOSE,
)


@contextmanager
def columns_and_rows(
    connection: Connection,
    sql: str,
    parameters: Mapping[str, str],
    *,
    prepared: Callable[[], None] = lambda: None,
) -> Iterator[tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]]:
    """Run a statement with ``:name`` parameters in the connection's transaction; give columns and rows.

    prepared: called when the database has the locks that the statement needs, before it is run.
    No columns, and nothing was run, where the database says that the statement gives none, such as one that
    writes or copies to a file. JSON comes as Raw: its own digits, and no blanks. Raises UsageError for a
    parameter without a value, and DBAPIError.
    """
    sql, values = _numbered(sql, parameters)
    # Begins the reading transaction: of what follows, the driver does not see the first step.
    connection.execute(text("SELECT 1"))
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    try:
        columns = _described(raw, sql)
        if not columns:
            yield columns, iter(())
            return
        prepared()
        with psycopg.RawCursor(raw) as cursor:
            set_json_loads(_as_written, cursor)
            # The driver would make 30 days of a month.
            cursor.adapters.register_loader("interval", TextLoader)
            # One row at a time: in larger lots those before an error would be lost.
            rows = cast(Generator[tuple[Any, ...], None, None], cursor.stream(sql, values))
            try:
                # What it refuses to run it refuses now, not where somebody has begun to write rows.
                first = list(islice(rows, 1))
                yield columns, chain(first, rows)
            finally:
                rows.close()
    except psycopg.Error as error:
        raise DBAPIError(sql, None, error, connection_invalidated=raw.closed) from error


def _numbered(sql: str, parameters: Mapping[str, str]) -> tuple[str, list[str]]:
    """Give the statement with the server's own parameters, $1 and so on, and their values."""
    names: list[str] = []

    def numbered(found: re.Match[str]) -> str:
        name = found[2]
        if name is None:
            return found[0]
        if name not in parameters:
            raise UsageError(f"The statement needs a value for :{name}.")
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return _PARAMETER.sub(numbered, sql), [parameters[name] for name in names]


def _described(raw: psycopg.Connection[Any], sql: str) -> tuple[str, ...]:
    """Give the statement's columns; the database prepares it for that, but does not run it."""
    encoding = raw.info.encoding
    prepared = raw.pgconn.prepare(b"", sql.encode(encoding))
    if prepared.status != pq.ExecStatus.COMMAND_OK:
        raise error_from_result(prepared, encoding)
    described = raw.pgconn.describe_prepared(b"")
    return tuple((described.fname(index) or b"").decode(encoding) for index in range(described.nfields))


def _as_written(data: str | bytes) -> Raw:
    whole = data.encode() if isinstance(data, str) else data
    return Raw(_STRING_OR_BLANKS.sub(lambda found: found[1] or b"", whole))
