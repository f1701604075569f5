"""A role of PostgreSQL that may not migrate: what it is told to have granted is what it needs."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from syncer.domain.errors import DatabaseRefused
from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from syncer.store.schema import revisions
from tests.support.databases import PostgresServer

#: A role and the URL by which it logs in.
Role = tuple[str, str]


@pytest.fixture
def make_role(postgres_server: PostgresServer, postgres_url: str) -> Iterator[Callable[[str], Role]]:
    """Makes roles that may log in to an empty database and nothing else."""
    made: list[str] = []

    def make(name: str) -> Role:
        name = f"{name}_{uuid.uuid4().hex}"
        made.append(name)
        create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'secret'").format(sql.Identifier(name))
        postgres_server.admin.execute(create)
        url = make_url(postgres_url).set(username=name, password="secret")
        return name, url.render_as_string(hide_password=False)

    yield make
    for name in reversed(made):
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(name)))
        postgres_server.admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def refusal(url: str) -> str:
    """What the role is told."""
    database = Database(url)
    try:
        with pytest.raises(DatabaseRefused) as refused:
            schema.migrate(database)
    finally:
        database.close()
    assert "secret" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("REVOKE CREATE ON SCHEMA public FROM PUBLIC", "GRANT USAGE, CREATE ON SCHEMA public TO"),
        ("REVOKE ALL ON SCHEMA public FROM PUBLIC", "GRANT USAGE, CREATE ON SCHEMA public TO"),
        ("ALTER ROLE {role} SET search_path = kombo", "CREATE SCHEMA kombo AUTHORIZATION"),
    ],
    ids=["may not create", "may not use", "no schema"],
)
@pytest.mark.parametrize("name", ["plain", 'Odd "role"'])
def test_a_role_that_may_not_create_is_told_the_statement_that_lets_it(
    make_role: Callable[[str], Role], postgres_url: str, name: str, before: str, expected: str
) -> None:
    role, url = make_role(name)
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(sql.SQL(before).format(role=sql.Identifier(role)))
        told = re.search(r"run `(?P<statement>.+;)` there\.$", refusal(url))
        assert told is not None
        assert told["statement"].startswith(expected)
        owner.execute(told["statement"].encode())
    database = Database(url)
    assert schema.migrate(database)[0] is None
    database.close()


def test_a_role_that_does_not_own_the_tables_is_told_who_does(
    make_role: Callable[[str], Role], postgres_url: str
) -> None:
    (owner, owners_url), (other, others_url) = make_role("owner"), make_role("other")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for role in (owner, other):
            connection.execute(
                sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(sql.Identifier(role))
            )
    database = Database(owners_url)
    schema.migrate(database, revisions.known_revisions()[0])
    database.close()
    with psycopg.connect(owners_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(sql.Identifier(other))
        )
    assert refusal(others_url).endswith(f"run `syncer migrate` as {owner}.")
