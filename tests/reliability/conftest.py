"""What the tests of reliability share: copies of databases, and the service as a process."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy import URL, make_url

from tests.daemon.conftest import serve
from tests.reliability.nursery import Nursery, nursery

__all__ = ["serve"]

#: Gives a copy of a database that nobody writes to, URL in, URL out, for as long as the block.
Copy = Callable[[str], AbstractContextManager[str]]


@pytest.fixture(scope="session")
def _nurseries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Nursery]]:
    with ExitStack() as stack:
        yield [stack.enter_context(nursery(tmp_path_factory.mktemp(f"nursery{place}"))) for place in range(3)]


@pytest.fixture
def nurseries(_nurseries: list[Nursery]) -> Iterator[list[Nursery]]:
    """Three, for what goes on side by side."""
    yield _nurseries
    for each in _nurseries:
        each.clear()


@pytest.fixture
def copy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Copy]:
    """Copies of one database, many of them in one test."""
    made: list[_OnServer] = []

    def copy(url: str) -> AbstractContextManager[str]:
        address = make_url(url)
        if address.get_backend_name() == "sqlite":
            return _file(Path(address.database or ""), tmp_path / f"{uuid.uuid4().hex}.db")
        if not made:
            made.append(_OnServer(address, request.getfixturevalue("_postgres_admin")))
        return made[0].one()

    yield copy
    for each in made:
        each.drop()


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
