"""Roles of PostgreSQL that read the mirror, and all that they reach of it, as themselves.

Plugin of pytest.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from syncer.store.db.database import Database
from tests.support.databases import PostgresServer
from tests.support.planted import holds_mark

#: Ways to read a row as a whole.
WHOLE = ("*", "t", "to_jsonb(t)", "t::text", "(t).*", "row_to_json(t)", "hashtext(t::text)")


@dataclass(frozen=True)
class Reader:
    """A role that logs in."""

    name: str
    url: str

    def connect(self) -> psycopg.Connection[TupleRow]:
        return psycopg.connect(self.url, user=self.name, password="secret", autocommit=True)

    def may(self, statement: str) -> bool:
        """Whether it is let do this."""
        with self.connect() as connection:
            return answer(connection, statement) is not None


class MakeReader(Protocol):
    """Make a role that may log in and nothing else; options: of CREATE ROLE."""

    def __call__(self, database: Database, options: str = "", *, name: str = "reader") -> Reader: ...


@dataclass
class Reach:
    """Columns that a role can read by relation, relations that it can read whole, and where it saw a mark."""

    readable: dict[str, list[str]] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    marked: set[str] = field(default_factory=set)


@pytest.fixture
def make_reader(postgres_server: PostgresServer) -> Iterator[MakeReader]:
    """``make_reader(database, options, name=…)``: a new role, which is gone after the test."""
    made: list[Reader] = []

    def make(database: Database, options: str = "", *, name: str = "reader") -> Reader:
        url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        made.append(Reader(f"{name}_{uuid.uuid4().hex}", url))
        create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'secret' " + options)
        postgres_server.admin.execute(create.format(sql.Identifier(made[-1].name)))
        return made[-1]

    yield make
    for reader in reversed(made):
        with psycopg.connect(reader.url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(reader.name)))
        postgres_server.admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(reader.name)))


def answer(connection: psycopg.Connection[TupleRow], statement: str) -> list[object] | None:
    """What a statement gives, cell by cell; None where it is not permitted."""
    try:
        cursor = connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege:
        return None
    return [cell for row in cursor for cell in row] if cursor.description else []


def reach(reader: Reader) -> Reach:
    """Read every column of every relation there is, each relation whole, and the statistics of all."""
    found = Reach()
    with reader.connect() as connection:
        columns = connection.execute(
            "SELECT c.oid::regclass::text, quote_ident(a.attname) FROM pg_class c "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped "
            "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f') "
            "AND a.attnum > 0 ORDER BY a.attnum"
        ).fetchall()
        for relation, column in columns:
            values = answer(connection, f"SELECT {column} FROM {relation}")
            name = column.strip('"')
            if values is not None:
                found.readable.setdefault(relation, []).append(name)
                if holds_mark(values):
                    found.marked.add(f"{relation}.{name}")
        for relation in {relation for relation, _ in columns}:
            ways = [answer(connection, f"SELECT {way} FROM {relation} t") for way in WHOLE]
            assert len({values is None for values in ways}) == 1, relation
            if ways[0] is not None:
                found.whole.add(relation)
            if holds_mark(ways):
                found.marked.add(relation)
        for view in ("pg_stats", "pg_stats_ext", "pg_stats_ext_exprs", "pg_stat_activity", "pg_settings"):
            if holds_mark([str(row) for row in connection.execute(f"SELECT t::text FROM {view} t".encode())]):
                found.marked.add(view)
    return found
