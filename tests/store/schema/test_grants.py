"""Reading roles: what they reach of a mirror of real values, as themselves, and what upgrades leave them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from syncer.domain.catalogue import model as shape
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.errors import UsageError
from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from syncer.store.schema import revisions
from syncer.store.schema.grants import check_role, grant_read
from syncer.store.schema.mirror_tables import MIRROR
from tests.support.databases import PostgresServer
from tests.support.marked import mirror_marked
from tests.support.readers import MakeReader, answer, reach

Reading = dict[str, list[str]]


@dataclass(frozen=True)
class Mirror:
    """A mirror of records whose every sensitive value is a mark."""

    url: str
    database: Database


# --- fixtures


@pytest.fixture(scope="module")
def make_database(postgres_template: str, postgres_server: PostgresServer) -> Iterator[Callable[[], str]]:
    with ExitStack() as made:
        yield lambda: made.enter_context(postgres_server.database(postgres_template))


@pytest.fixture(scope="module")
def mirror(make_database: Callable[[], str]) -> Iterator[Mirror]:
    """A company, mirrored; one employee's record has no id and is in quarantine. Tests do not change rows."""
    url = make_database()
    mirror_marked(url)
    database = Database(url)
    yield Mirror(url, database)
    database.close()


@pytest.fixture
def shared(mirror: Mirror) -> Database:
    """The mirror's database, for tests that change no table and let nobody in but readers of their own."""
    return mirror.database


@pytest.fixture
def empty(make_database: Callable[[], str]) -> Iterator[Database]:
    """A migrated database without rows, of this test alone."""
    database = Database(make_database())
    yield database
    database.close()


# --- what a role should reach, and what it was granted


def shown(*, in_part: bool) -> Reading:
    """Table -> its columns that are not sensitive, with or without JSON; none holds or hashes a record."""
    found = {}
    for model in catalogue().values():
        parts: list[tuple[str, tuple[shape.Column, ...], bool]]
        parts = [(model.name, model.columns, model.remote_id.is_sensitive)]
        parts += [(link.table, link.columns, True) for link in model.links]
        parts += [(child.table, child.columns, child.remote_id.is_sensitive) for child in model.children]
        for name, columns, is_persons in parts:
            withheld = {"document", "content_hash", *(["remote_id"] if is_persons else [])}
            withheld |= {each.name for each in columns if each.privacy.is_sensitive}
            withheld |= {each.name for each in columns if each.type == "json" and not in_part}
            found[name] = [column.name for column in MIRROR[name].columns if column.name not in withheld]
    return found


def grants_of(database: Database) -> list[Any]:
    """All that is granted in the schema, on which objects."""
    with database.read() as connection:
        return [
            tuple(row)
            for query in (
                "SELECT oid, relname, relacl::text FROM pg_class "
                "WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
                "SELECT attrelid, attname, attacl::text FROM pg_attribute "
                "WHERE attacl IS NOT NULL ORDER BY 1, 2",
                "SELECT oid, nspname, nspacl::text FROM pg_namespace WHERE nspname = 'public'",
            )
            for row in connection.execute(text(query))
        ]


def run(database: Database, *statements: str) -> None:
    with database.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


# --- what a role reaches


def test_a_role_without_sensitive_columns_reaches_no_sensitive_value_in_any_way(
    mirror: Mirror, make_reader: MakeReader
) -> None:
    reader = make_reader(mirror.database)
    granted = grant_read(mirror.database, reader.name, without_sensitive=True)
    found = reach(reader)
    tables, safe = shown(in_part=False), shown(in_part=True)
    wanted = {
        **tables,
        **{f"{model}_live": tables[model] for model in catalogue()},
        **{f"{name}_safe": columns for name, columns in safe.items()},
        "mirror_changes_safe": ["sequence", "at", "environment", "integration_id", "model", "record_id"],
        "mirror_freshness": found.readable["mirror_freshness"],
        "mirror_history": ["name", "since", "until"],
        "mirror_integrations": [
            "integration_id",
            "environment",
            "tool",
            "organisation",
            "origin_id",
            "state",
        ],
    }
    wanted["mirror_changes_safe"] += ["operation", "members"]
    assert found.readable == granted.columns == wanted
    assert found.whole == {
        *(name for name in wanted if name.endswith("_safe")),
        "mirror_freshness",
        "mirror_history",
        "mirror_integrations",
        *(name for name in tables if len(tables[name]) == len(MIRROR[name].columns)),
    }
    assert found.marked == set()
    with reader.connect() as connection:
        seen = connection.execute("SELECT model, members FROM mirror_changes_safe").fetchall()
    assert seen == [("hris_employees", ["ssn", "first_name"])]


def test_a_role_with_everything_sees_every_mark_but_no_bookkeeping(
    mirror: Mirror, make_reader: MakeReader
) -> None:
    reader = make_reader(mirror.database)
    granted = grant_read(mirror.database, reader.name, without_sensitive=False)
    found = reach(reader)
    assert found.readable == granted.columns
    assert set(found.readable) == found.whole
    assert found.whole == {
        *MIRROR,
        *(f"{model}_live" for model in catalogue()),
        *(f"{name}_safe" for name in (*MIRROR, "mirror_changes")),
        *("mirror_changes", "mirror_freshness", "mirror_history", "mirror_integrations"),
        *("passthrough_records", "people", "people_live"),
    }
    # What proves that the values are there to be seen: in each sensitive column that has a value at all.
    hidden = {
        f"{name}.{column}"
        for name, columns in shown(in_part=True).items()
        for column in {each.name for each in MIRROR[name].columns}.difference(columns, ["content_hash"])
    }
    with mirror.database.read() as connection:
        filled = {
            name
            for name in hidden
            if connection.exec_driver_sql(
                f"SELECT EXISTS (SELECT FROM {name.split('.')[0]} WHERE {name} IS NOT NULL)"
            ).scalar_one()
        }
    assert len(filled) > 170
    # One is the key of a row that may be seen.
    assert filled - found.marked == {"hris_payslip_line_items.salary_type_id"}
    in_part = {
        f"{name}.{column}"
        for name, columns in shown(in_part=True).items()
        for column in set(columns).difference(shown(in_part=False)[name])
    }
    assert len(in_part & found.marked) > 8


def test_a_safe_view_has_the_rows_of_the_live_view(mirror: Mirror, make_reader: MakeReader) -> None:
    reader = make_reader(mirror.database)
    grant_read(mirror.database, reader.name, without_sensitive=True)
    deleted = 0
    with reader.connect() as connection:
        for model in catalogue():
            safe, live, table = (
                sorted(map(str, answer(connection, f"SELECT id FROM {model}{kind}") or []))
                for kind in ("_safe", "_live", "")
            )
            assert safe == live
            deleted += len(table) - len(live)
    assert deleted


# --- granting again


def test_granting_again_changes_nothing(shared: Database, make_reader: MakeReader) -> None:
    for without_sensitive in (True, False):
        reader = make_reader(shared)
        grant_read(shared, reader.name, without_sensitive=without_sensitive)
        once = grants_of(shared)
        grant_read(shared, reader.name, without_sensitive=without_sensitive)
        assert grants_of(shared) == once


def test_granting_without_sensitive_columns_takes_back_a_plain_grant_and_the_reverse(
    shared: Database, make_reader: MakeReader
) -> None:
    reader, other = make_reader(shared), make_reader(shared)
    grant_read(shared, other.name, without_sensitive=True)
    for without_sensitive in (False, True, False):
        grant_read(shared, reader.name, without_sensitive=without_sensitive)
        assert reader.may("SELECT first_name FROM hris_employees_live")
        assert reader.may("SELECT * FROM hris_employees_safe")
        for statement in ("SELECT ssn FROM hris_employees", "SELECT * FROM hris_employees_live"):
            assert reader.may(statement) is not without_sensitive
        assert other.may("SELECT * FROM hris_employees_safe")
        assert not other.may("SELECT ssn FROM hris_employees")


def test_single_columns_that_were_granted_by_hand_are_taken_back(
    shared: Database, make_reader: MakeReader
) -> None:
    reader = make_reader(shared)
    run(shared, f"GRANT SELECT (ssn) ON hris_employees, hris_employees_live TO {reader.name}")
    grant_read(shared, reader.name, without_sensitive=True)
    assert not reader.may("SELECT ssn FROM hris_employees")
    assert not reader.may("SELECT ssn FROM hris_employees_live")


def test_a_role_of_any_name_gets_what_it_should(shared: Database, make_reader: MakeReader) -> None:
    reader = make_reader(shared, name="Ro\"le; %s :x '--ä")
    check_role(shared, reader.name)
    for without_sensitive in (True, False):
        granted = grant_read(shared, reader.name, without_sensitive=without_sensitive)
        assert granted.role == reader.name
        assert reader.may("SELECT * FROM hris_employees_safe")
        assert reader.may("SELECT ssn FROM hris_employees") is not without_sensitive


# --- upgrades


def test_a_column_that_is_added_is_not_visible_even_after_granting_again(
    empty: Database, make_reader: MakeReader
) -> None:
    reader = make_reader(empty)
    grant_read(empty, reader.name, without_sensitive=True)
    run(empty, "ALTER TABLE hris_employees ADD iris_scan text", "ALTER TABLE ats_candidates_tags ADD x text")
    for _ in range(2):
        for table, column in (("hris_employees", "iris_scan"), ("ats_candidates_tags", "x")):
            assert not reader.may(f"SELECT {column} FROM {table}")
        grant_read(empty, reader.name, without_sensitive=True)


#: The newest revision, before a later version comes.
HEAD = revisions.known_revisions()[-1]

UPGRADE = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9999", "HEAD", None, None
LIVE = "CREATE VIEW hris_employees_live AS SELECT * FROM hris_employees"

def upgrade():
    op.execute("DROP VIEW hris_employees_live")
    op.drop_column("hris_employees", "job_title")
    op.alter_column("hris_employees", "employee_number", type_=sa.String(40))
    op.add_column("hris_employees", sa.Column("iris_scan", sa.Text))
    op.execute(LIVE)

def downgrade():
    op.execute("DROP VIEW hris_employees_live")
    op.drop_column("hris_employees", "iris_scan")
    op.drop_column("hris_employees", "employee_number")
    op.execute(LIVE)
"""


@pytest.fixture
def _second_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = tmp_path / "migrations"
    shutil.copytree(revisions.migrations_folder(), scripts)
    (scripts / "versions" / "9999_later.py").write_text(UPGRADE.replace("HEAD", HEAD))
    monkeypatch.setattr(revisions, "migrations_folder", lambda: scripts)


@pytest.mark.usefixtures("_second_revision")
def test_an_upgrade_and_a_downgrade_change_columns_under_the_safe_views_and_leave_each_role_its_own(
    empty: Database, make_reader: MakeReader
) -> None:
    safe, plain = make_reader(empty), make_reader(empty)
    grant_read(empty, safe.name, without_sensitive=True)
    grant_read(empty, plain.name, without_sensitive=False)
    run(empty, "GRANT SELECT ON hris_groups_safe TO PUBLIC")
    stranger = make_reader(empty)

    def look(columns: str) -> None:
        for reader in (safe, plain):
            assert reader.may(f"SELECT {columns} FROM hris_employees_safe")
            assert reader.may(f"SELECT {columns} FROM hris_employees_live")
        for statement in ("SELECT * FROM hris_employees_live", "SELECT ssn FROM hris_employees_live"):
            assert plain.may(statement)
            assert not safe.may(statement)
        assert stranger.may("SELECT * FROM hris_groups_safe")
        assert not stranger.may("SELECT * FROM ats_tags_safe")

    assert schema.migrate(empty, "9999") == (HEAD, "9999")
    look("first_name, employee_number")
    assert plain.may("SELECT iris_scan FROM hris_employees_live")
    assert not safe.may("SELECT iris_scan FROM hris_employees_live")
    schema.downgrade(empty, HEAD)
    look("first_name")
    with empty.read() as connection:
        columns = {column["name"] for column in inspect(connection).get_columns("hris_employees_safe")}
    assert columns == set(shown(in_part=True)["hris_employees"]) - {"job_title", "employee_number"}


def test_a_downgrade_to_base_takes_the_safe_views_with_it(empty: Database, make_reader: MakeReader) -> None:
    grant_read(empty, make_reader(empty).name, without_sensitive=True)
    schema.downgrade(empty, "base")
    with empty.read() as connection:
        assert inspect(connection).get_view_names() == []


def test_migrating_where_there_is_nothing_to_do_touches_no_view(
    shared: Database, make_reader: MakeReader
) -> None:
    grant_read(shared, make_reader(shared).name, without_sensitive=True)
    before = grants_of(shared)
    schema.migrate(shared)
    assert grants_of(shared) == before


def test_a_safe_view_of_an_earlier_version_is_brought_up_to_date_for_all_its_readers(
    empty: Database, make_reader: MakeReader
) -> None:
    first, second = make_reader(empty), make_reader(empty)
    grant_read(empty, first.name, without_sensitive=True)
    with empty.read() as connection:
        comment = connection.scalar(text("SELECT obj_description('hris_employees_safe'::regclass)"))
    run(
        empty,
        "DROP VIEW hris_employees_safe",
        "CREATE VIEW hris_employees_safe AS SELECT id, ssn FROM hris_employees",
        f"COMMENT ON VIEW hris_employees_safe IS '{comment}'",
        f"GRANT SELECT ON hris_employees_safe TO {first.name}",
    )
    assert first.may("SELECT ssn FROM hris_employees_safe")
    grant_read(empty, second.name, without_sensitive=True)
    for reader in (first, second):
        assert reader.may("SELECT first_name FROM hris_employees_safe")
    with empty.read() as connection:
        columns = [column["name"] for column in inspect(connection).get_columns("hris_employees_safe")]
    assert columns == shown(in_part=True)["hris_employees"]


# --- refusals


def refused(database: Database, role: str, why: str, *, without_sensitive: bool = True) -> None:
    """A grant is refused for this reason and leaves everything as it was."""
    before = grants_of(database)
    with pytest.raises(UsageError, match=why):
        grant_read(database, role, without_sensitive=without_sensitive)
    assert grants_of(database) == before


def test_a_role_that_there_is_not_is_refused_by_its_name(shared: Database) -> None:
    for name in ("nobody-here", "public", "PUBLIC", "", "x" * 100):
        refused(shared, name, f"no role '{name}' on this server")
        with pytest.raises(UsageError, match=f"no role '{name}'"):
            check_role(shared, name)


def test_a_superuser_is_refused_without_sensitive_columns(shared: Database, make_reader: MakeReader) -> None:
    refused(
        shared,
        make_reader(shared, "SUPERUSER").name,
        "could still read or do .* as SUPERUSER: take that from it first",
    )


@pytest.mark.parametrize("inherits", ["INHERIT", "NOINHERIT"])
def test_a_member_of_a_role_that_sees_more_is_refused(
    shared: Database, make_reader: MakeReader, inherits: str
) -> None:
    more, member = make_reader(shared), make_reader(shared, inherits)
    grant_read(shared, more.name, without_sensitive=False)
    grant_read(shared, member.name, without_sensitive=False)
    run(shared, f"GRANT {more.name} TO {member.name}")
    refused(shared, member.name, f"could still read .* member of '{more.name}'. Nothing was granted")


def test_the_owner_of_the_tables_keeps_its_rights(shared: Database) -> None:
    with shared.read() as connection:
        owner = connection.scalar(text("SELECT current_user"))
    for without_sensitive in (True, False):
        refused(shared, owner, "belong to role", without_sensitive=without_sensitive)


def test_only_the_owner_of_the_tables_grants(shared: Database, make_reader: MakeReader) -> None:
    reader, other = make_reader(shared), make_reader(shared)
    url = shared.engine.url.set(drivername="postgresql", username=other.name, password="secret")
    with closing(Database(url.render_as_string(hide_password=False))) as database:
        refused(database, reader.name, "belong to role .*: only as that role")


def test_an_ordinary_owner_grants_where_the_schema_is_open_and_says_so_where_it_is_not(
    postgres_url: str, make_reader: MakeReader
) -> None:
    with closing(Database(postgres_url)) as admin:
        owner, reader = make_reader(admin, name="owner"), make_reader(admin)
        run(admin, f"GRANT USAGE, CREATE ON SCHEMA public TO {owner.name}")
        url = admin.engine.url.set(drivername="postgresql", username=owner.name, password="secret")
        with closing(Database(url.render_as_string(hide_password=False))) as database:
            schema.migrate(database)
            grant_read(database, reader.name, without_sensitive=True)
            assert reader.may("SELECT * FROM hris_employees_safe")
            run(admin, "REVOKE USAGE ON SCHEMA public FROM PUBLIC")
            refused(database, reader.name, f"owner of schema 'public' can open it.* to '{reader.name}' first")


def test_a_view_of_somebody_elses_with_the_name_of_a_safe_one_is_left_alone(
    empty: Database, make_reader: MakeReader
) -> None:
    run(empty, "CREATE VIEW hris_groups_safe AS SELECT 1 AS one")
    refused(empty, make_reader(empty).name, "hris_groups_safe is not a view of syncer's making")
    schema.downgrade(empty, "base")
    with empty.read() as connection:
        assert inspect(connection).get_view_names() == ["hris_groups_safe"]


def test_sqlite_has_no_roles(shared_sqlite: Database) -> None:
    with pytest.raises(UsageError, match="SQLite has no roles"):
        check_role(shared_sqlite, "analyst")
