"""Copies of one prepared database, many of them in one test."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeAlias

import psycopg
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy import URL, make_url

#: Gives a copy of a database that nobody writes to, URL in, URL out, for as long as the block.
Copy: TypeAlias = Callable[[str], AbstractContextManager[str]]


class Copies:
    """Copies for one test. directory: where SQLite files are made; admin: connects to the server."""

    def __init__(self, directory: Path, admin: Callable[[], psycopg.Connection]) -> None:
        self._directory = directory
        self._admin = admin
        self._on_server: _OnServer | None = None

    def copy(self, url: str) -> AbstractContextManager[str]:
        """Copy a database that nobody writes to, always the same, for as long as the block; its URL."""
        address = make_url(url)
        if address.get_backend_name() == "sqlite":
            return _file(Path(address.database or ""), self._directory / f"{uuid.uuid4().hex}.db")
        if self._on_server is None:
            self._on_server = _OnServer(address, self._admin())
        return self._on_server.one()

    def drop(self) -> None:
        """Drop what is left on the server."""
        if self._on_server is not None:
            self._on_server.drop()


@contextmanager
def _file(prepared: Path, file: Path) -> Iterator[str]:
    assert not prepared.with_name(prepared.name + "-wal").exists(), "somebody has it open"
    shutil.copy(prepared, file)
    yield f"sqlite:///{file}"
    for left in file.parent.glob(f"{file.name}*"):
        left.unlink()


class _OnServer:
    """Copies on a server, used again and again: to make one anew takes longer than a life of the program."""

    def __init__(self, prepared: URL, admin: psycopg.Connection) -> None:
        self._prepared = prepared
        self._admin = admin
        self._made: list[str] = []
        self._free: list[str] = []

    @contextmanager
    def one(self) -> Iterator[str]:
        url = self._free.pop() if self._free else self._make()
        yield url
        self._restore(url)
        self._free.append(url)

    def drop(self) -> None:
        for name in self._made:
            self._admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())

    def _make(self) -> str:
        name = f"syncer_test_{uuid.uuid4().hex}"
        self._made.append(name)
        self._admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self._prepared.database}"'.encode())
        url = self._prepared.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE SCHEMA prepared")
            connection.execute(_each(connection, "CREATE TABLE prepared.{0} AS TABLE public.{0}"))
        return url

    def _restore(self, url: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute(
                _each(
                    connection,
                    "DELETE FROM public.{0}; INSERT INTO public.{0} SELECT * FROM prepared.{0}",
                )
            )


def _each(connection: psycopg.Connection, statement: str) -> Composed:
    """The statement for every table of ours."""
    names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return SQL("; ").join(SQL(statement).format(Identifier(name)) for (name,) in names)
