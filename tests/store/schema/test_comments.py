"""Comments on tables and columns, for whoever looks at the mirror with a database tool."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, inspect, text

from syncer.store.db.database import Database
from syncer.store.schema.comments import has_comments, write_comments
from syncer.store.schema.mirror_tables import MIRROR, all_tables
from syncer.store.schema.native_views import make_views
from syncer.store.schema.safe_views import make_safe_views
from tests.support.marked import NATIVE


@pytest.fixture
def postgres(shared_postgres: Database) -> Iterator[Connection]:
    with shared_postgres.begin() as connection:
        yield connection
        connection.rollback()


def test_every_table_and_every_column_says_what_it_holds(postgres: Connection) -> None:
    inspector = inspect(postgres)
    for table in all_tables().tables.values():
        assert inspector.get_table_comment(table.name) == {"text": table.comment}
        assert table.comment
        for column in inspector.get_columns(table.name):
            assert column["comment"], f"{table.name}.{column['name']}"
            assert column["comment"] == table.c[column["name"]].comment


def test_every_view_and_every_column_of_one_says_what_it_shows(postgres: Connection) -> None:
    without = text("""
        SELECT c.relname, a.attname FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'v'
            AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)
    """)
    make_safe_views(postgres)
    make_views(postgres, [NATIVE])
    assert postgres.execute(without).all() == []
    assert write_comments(postgres) == 0
    postgres.execute(text("COMMENT ON COLUMN mirror_integrations.origin_id IS NULL"))
    postgres.execute(text("COMMENT ON VIEW hris_groups_live IS 'As it was before'"))
    assert write_comments(postgres) == 2


def test_nothing_is_done_the_second_time(postgres: Connection) -> None:
    assert write_comments(postgres) == 0


def test_the_comments_of_another_version_are_compared_and_those_of_this_one_are_not(
    postgres: Connection,
) -> None:
    assert has_comments(postgres)
    postgres.execute(text("COMMENT ON TABLE sync_schema_version IS 'Comments of another version'"))
    assert not has_comments(postgres)
    assert write_comments(postgres) == 1
    assert has_comments(postgres)


def test_whoever_does_not_own_the_tables_is_not_asked_to_write_comments(postgres: Connection) -> None:
    postgres.execute(text("COMMENT ON TABLE sync_schema_version IS NULL"))
    postgres.execute(text("CREATE ROLE syncer_test_writes_nothing"))
    postgres.execute(text("GRANT USAGE ON SCHEMA public TO syncer_test_writes_nothing"))
    postgres.execute(text("SET LOCAL ROLE syncer_test_writes_nothing"))
    assert has_comments(postgres)


def test_a_sentence_that_has_changed_or_is_missing_is_written_and_no_other(postgres: Connection) -> None:
    postgres.execute(text("COMMENT ON TABLE hris_employees IS 'As it was before'"))
    postgres.execute(text("COMMENT ON COLUMN hris_employees.id IS 'As it was before'"))
    postgres.execute(text("COMMENT ON COLUMN ats_jobs.name IS NULL"))
    assert write_comments(postgres) == 3
    inspector = inspect(postgres)
    assert inspector.get_table_comment("hris_employees") == {"text": MIRROR["hris_employees"].comment}
    assert write_comments(postgres) == 0


def test_a_sentence_with_quotes_and_colons_is_written_as_it_is(
    postgres: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = 'It\'s 100 % :here, \\ "there" and {everywhere} é'
    monkeypatch.setattr(MIRROR["ats_tags"], "comment", sentence)
    monkeypatch.setattr(MIRROR["ats_tags"].c.name, "comment", sentence)
    assert write_comments(postgres) == 3
    inspector = inspect(postgres)
    inspector.clear_cache()
    assert inspector.get_table_comment("ats_tags") == {"text": sentence}
    assert write_comments(postgres) == 0


def test_a_table_of_the_same_name_in_another_schema_does_not_count(postgres: Connection) -> None:
    postgres.execute(text("CREATE SCHEMA elsewhere"))
    postgres.execute(text("CREATE TABLE elsewhere.ats_tags (id TEXT)"))
    postgres.execute(text("COMMENT ON COLUMN elsewhere.ats_tags.id IS 'Theirs'"))
    assert write_comments(postgres) == 0


def test_sqlite_has_no_comments_and_none_are_written(shared_sqlite: Database) -> None:
    with shared_sqlite.read() as connection:
        assert write_comments(connection) == 0


def test_the_comment_of_an_id_says_whose_it_is() -> None:
    comments = {table: {column.name: column.comment for column in MIRROR[table].columns} for table in MIRROR}
    assert comments["hris_employees"]["manager_id"] == "The employee's manager (id in hris_employees)"
    for name, places in (
        ("hris_employees_groups", {"employee_id": "hris_employees", "group_id": "hris_groups"}),
        ("hris_payslip_line_items", {"payslip_id": "hris_payslips", "salary_type_id": "hris_salary_types"}),
    ):
        assert {
            column for column in places if f"id in {places[column]}" in (comments[name][column] or "")
        } == {*places}
