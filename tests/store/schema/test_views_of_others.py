"""Views of other people on tables and views of ours, through every upgrade from every revision."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from syncer.domain.errors import DatabaseRefused
from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from syncer.store.schema import revisions
from syncer.store.schema.grants import grant_read
from tests.support.databases import PostgresServer, sqlite_file
from tests.support.readers import MakeReader

#: What others select, on both databases and from the first revision on.
SELECTS = {
    "all_of_a_table": "SELECT * FROM hris_employees",
    "all_of_a_live_view": "SELECT * FROM hris_employees_live",
    "columns": "SELECT id, first_name, last_name FROM hris_employees",
    "live_columns": "SELECT id, integration_id, work_email FROM hris_employees_live",
    "documents": "SELECT id, document FROM ats_candidates",
    "counts": "SELECT integration_id, count(*) AS people FROM hris_employees_live GROUP BY integration_id",
    "joined": "SELECT e.id, m.last_name AS manager FROM hris_employees_live e"
    " LEFT JOIN hris_employees m ON m.id = e.manager_id",
    "linked": "SELECT e.id, g.name FROM hris_employees_live e"
    " JOIN hris_employees_groups l ON l.employee_id = e.id JOIN hris_groups_live g ON g.id = l.group_id",
    "children": "SELECT * FROM hris_payslip_line_items",
    "child_of": "SELECT p.id, i.position FROM hris_payslips_live p"
    " JOIN hris_payslip_line_items i ON i.payslip_id = p.id",
    "freshness": "SELECT * FROM mirror_freshness",
    "stale": "SELECT e.id, f.lag_seconds FROM hris_employees_live e JOIN mirror_freshness f"
    " ON f.integration_id = e.integration_id AND f.model = 'hris_employees'",
    "customers": "SELECT id, tool, organisation FROM sync_integrations",
    "progress": "SELECT * FROM sync_streams",
    "whole_integrations": "SELECT * FROM sync_integrations",
    "limits": "SELECT * FROM sync_budgets",
    "candidates": "SELECT c.id, a.id AS application FROM ats_candidates_live c"
    " JOIN ats_applications_live a ON a.candidate_id = c.id",
    "of_a_view": "SELECT * FROM joined",
    "twice": "SELECT id FROM lms_users_live UNION ALL SELECT id FROM hris_employees_live",
    "ranked": "SELECT id, rank() OVER (PARTITION BY integration_id ORDER BY id) AS place FROM ats_jobs_live",
}


def make(database: Database) -> dict[str, list[str]]:
    """Make them all, the last as a materialized view where there is such a thing; give their columns."""
    with database.begin() as connection:
        for name, select in SELECTS.items():
            connection.execute(text(f"CREATE VIEW theirs_{name} AS {own(select)}"))
        if not database.is_sqlite:
            connection.execute(text("CREATE MATERIALIZED VIEW theirs_kept AS SELECT * FROM hris_groups_live"))
            connection.execute(text("CREATE UNIQUE INDEX theirs_kept_id ON theirs_kept (id)"))
    return columns(database)


def own(select: str) -> str:
    return select.replace(" joined", " theirs_joined")


def columns(database: Database) -> dict[str, list[str]]:
    """The columns of each; each is read."""
    with database.read() as connection:
        names = [name for name in inspect(connection).get_view_names() if name.startswith("theirs_")]
        names += ["theirs_kept"] if not database.is_sqlite else []
        return {name: list(connection.execute(text(f"SELECT * FROM {name}")).keys()) for name in names}


@pytest.fixture(scope="module")
def postgres_at(postgres_server: PostgresServer) -> Iterator[Callable[[str], Database]]:
    """``postgres_at(revision)``: a database of PostgreSQL of that revision."""
    with ExitStack() as stack:
        newest, url = None, None
        made: dict[str, str] = {}
        for revision in revisions.known_revisions()[:-1]:
            template = "template0" if newest is None else str(newest)
            url = stack.enter_context(postgres_server.database(template))
            with closing(Database(url)) as database:
                schema.migrate(database, revision)
            newest = url.rpartition("/")[2].partition("?")[0]
            made[revision] = url
        yield lambda revision: stack.enter_context(closing(Database(made[revision])))


@pytest.fixture(scope="module")
def sqlite_at(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Database]:
    """``sqlite_at(revision)``: a file of SQLite of that revision."""
    folder, made = tmp_path_factory.mktemp("revisions"), list[str]()
    for revision in revisions.known_revisions()[:-1]:
        url = f"sqlite:///{folder}/{revision}.db"
        if made:
            shutil.copy(sqlite_file(made[-1]), sqlite_file(url))
        with closing(Database(url)) as database:
            schema.migrate(database, revision)
        made.append(url)
    return lambda revision: Database(f"sqlite:///{folder}/{revision}.db")


@pytest.mark.parametrize("revision", revisions.known_revisions()[:-1])
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_twenty_views_of_others_survive_an_upgrade_from_every_revision(
    request: pytest.FixtureRequest, dialect: str, revision: str
) -> None:
    at = request.getfixturevalue("sqlite_at" if dialect == "sqlite" else "postgres_at")
    with closing(at(revision)) as database:
        before = make(database)
        assert len(before) == len(SELECTS) + (dialect == "postgresql") >= 20
        assert schema.migrate(database) == (revision, revisions.known_revisions()[-1])
        after = columns(database)
        assert after.keys() == before.keys()
        for name, shown in before.items():
            # SQLite's views are texts: whose columns are not named shows today's.
            if dialect == "postgresql" or "*" not in SELECTS[name.removeprefix("theirs_")]:
                assert after[name] == shown


#: An upgrade that changes what safe views show.
CHANGE = """
from alembic import op

revision, down_revision, branch_labels, depends_on = "9999", "HEAD", None, None

def upgrade():
    op.execute("ALTER TABLE hris_groups ALTER COLUMN name TYPE varchar(900)")

def downgrade():
    pass
"""


@pytest.fixture
def at_head(postgres_template: str, postgres_server: PostgresServer) -> Iterator[Database]:
    with postgres_server.database(postgres_template) as url, closing(Database(url)) as database:
        yield database


@pytest.mark.parametrize("changes_what_is_shown", [False, True])
def test_a_view_on_a_safe_view_survives_an_upgrade_that_leaves_that_one_alone_and_stops_another_in_words(
    at_head: Database,
    make_reader: MakeReader,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes_what_is_shown: bool,
) -> None:
    reader = make_reader(at_head)
    grant_read(at_head, reader.name, without_sensitive=True)
    with at_head.begin() as connection:
        connection.exec_driver_sql("DROP VIEW hris_groups_live")
        connection.exec_driver_sql("CREATE VIEW theirs AS SELECT name FROM hris_groups_safe")
        number = connection.exec_driver_sql("SELECT 'hris_groups_safe'::regclass::oid").scalar_one()
    scripts, head = tmp_path / "migrations", revisions.known_revisions()[-1]
    shutil.copytree(revisions.migrations_folder(), scripts)
    change = CHANGE.replace("HEAD", head)
    if not changes_what_is_shown:
        change = change.replace("ALTER COLUMN name TYPE varchar(900)", "ADD COLUMN later text")
    (scripts / "versions" / "9999_later.py").write_text(change)
    monkeypatch.setattr(revisions, "migrations_folder", lambda: scripts)
    if changes_what_is_shown:
        with pytest.raises(DatabaseRefused, match=r"theirs shows hris_groups_safe, .*: drop theirs, and"):
            schema.migrate(at_head, "9999")
        assert revisions.revisions(at_head)[0] == head
        with at_head.begin() as connection:
            connection.exec_driver_sql("DROP VIEW theirs")
        assert schema.migrate(at_head, "9999") == (head, "9999")
        assert reader.may("SELECT name FROM hris_groups_safe")
        return
    assert schema.migrate(at_head, "9999") == (head, "9999")
    with at_head.read() as connection:
        assert connection.exec_driver_sql("SELECT 'hris_groups_safe'::regclass::oid").scalar_one() == number
        assert connection.exec_driver_sql("SELECT * FROM theirs").all() == []
