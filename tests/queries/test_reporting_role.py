"""docs/queries.md as a role without sensitive columns: it answers all but what says that it needs more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from syncer.domain.errors import UsageError
from syncer.store.db.database import Database
from syncer.store.schema.grants import grant_read
from syncer.store.schema.mirror_tables import MIRROR
from tests.queries.mirrored import QueriedMirror, assert_alike, mirrored
from tests.queries.page import Question
from tests.support.databases import PostgresServer

ROLE = "reporting_questions"
#: What takes something out of JSON.
OF_JSON = re.compile(r"->|jsonb_array_elements")
#: A table, or its view without deleted rows.
TABLE = re.compile(rf"\b({'|'.join(sorted(MIRROR, key=len, reverse=True))})(_live)?\b(?!_)")


@pytest.fixture(scope="module")
def owners(postgres_server: PostgresServer, new_database: Callable[[str], str]) -> Iterator[QueriedMirror]:
    """The firm's mirror as its owner reads it; the role reads it, too."""
    postgres_server.admin.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD 'secret'".encode())
    with mirrored({"postgresql": new_database("postgresql")}, with_large=False) as mirrors:
        mirror = mirrors["postgresql"]
        grant_read(mirror.database, ROLE, without_sensitive=True)
        yield mirror
        with mirror.database.begin() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {ROLE}")
    postgres_server.admin.execute(f"DROP ROLE {ROLE}".encode())


@pytest.fixture(scope="module")
def reporting(owners: QueriedMirror) -> Iterator[QueriedMirror]:
    """The same as the role reads it."""
    url = owners.database.engine.url.set(username=ROLE, password="secret")
    database = Database(url.render_as_string(hide_password=False))
    yield replace(owners, database=database, _told={})
    database.close()


def test_a_question_is_answered_alike_for_the_role_unless_it_says_that_it_needs_more(
    question: Question, owners: QueriedMirror, reporting: QueriedMirror
) -> None:
    sql = question.sql["postgresql"]
    if re.search(r"^(Sensitive|Bookkeeping): ", question.prose, flags=re.M):
        for asked in (sql, TABLE.sub(r"\1_safe", sql)):
            with pytest.raises(UsageError, match=r"permission denied|does not exist"):
                reporting.run(asked, question.parameters)
        return
    asked = TABLE.sub(r"\1_safe", sql) if OF_JSON.search(sql) else sql
    assert_alike(reporting.run(asked, question.parameters)[1], owners.ask(question)[1])
