"""The reference of the schema: it tells what the migrations make, all of it, in forms that others read."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, inspect, text

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.errors import UsageError
from syncer.schema_reference.classes import class_tables
from syncer.schema_reference.ddl import ddl
from syncer.schema_reference.markdown import page
from syncer.schema_reference.mermaid import diagram_of, diagram_of_category
from syncer.schema_reference.tables import categories, entries, entry_named, joins, parts
from syncer.store.db.database import Database
from syncer.store.schema.classification import classes
from syncer.store.schema.classification import parts as json_parts
from syncer.store.schema.migrate import VERSION_TABLE

PAGE = Path(__file__).parents[2] / "docs" / "schema.md"
TABLES = [entry.name for entry in entries().values() if entry.kind != "view"]


def dialect_of(database: Database) -> str:
    return "sqlite" if database.is_sqlite else "postgresql"


# --- what it tells is what the migrations make


def test_every_table_and_view_of_a_database_is_told_and_no_other(database: Database) -> None:
    with database.read() as connection:
        inspector = inspect(connection)
        found = {*inspector.get_table_names(), *inspector.get_view_names()}
    assert found == {*entries(), VERSION_TABLE}


def columns_of(connection: Connection, name: str) -> list[tuple[str, str]]:
    """Name and type of every column, as the database tells them."""
    if connection.dialect.name == "sqlite":
        return [(row[1], row[2]) for row in connection.execute(text(f'PRAGMA table_info("{name}")'))]
    statement = text(
        "SELECT attname, upper(format_type(atttypid, atttypmod)) FROM pg_attribute"
        " WHERE attrelid = CAST(:name AS regclass) AND attnum > 0 ORDER BY attnum"
    )
    short = {
        "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ",
        "TIME WITHOUT TIME ZONE": "TIME",
        "DOUBLE PRECISION": "FLOAT",
    }
    return [
        (row[0], short.get(str(row[1]), str(row[1]))) for row in connection.execute(statement, {"name": name})
    ]


def test_columns_and_types_are_those_of_the_database(database: Database) -> None:
    dialect = dialect_of(database)
    with database.read() as connection:
        for entry in entries().values():
            told = [(column.name, column.sql[dialect]) for column in entry.columns]
            found = columns_of(connection, entry.name)
            # SQLite knows no type of a column that a view computes.
            assert [name for name, _ in found] == [name for name, _ in told], entry.name
            assert [pair for pair in found if pair[1]] == [
                pair for pair, (_, type_) in zip(told, found, strict=True) if type_
            ], entry.name


def picture(database: Database) -> dict[tuple[str, ...], object]:
    """Everything in a database that statements have made, but for the table of the migrations."""
    if database.is_sqlite:
        statements = {
            "object": "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL",
        }
    else:
        here = "relnamespace = 'public'::regnamespace"
        statements = {
            "column": "SELECT relname, attname, attnum, format_type(atttypid, atttypmod), attnotnull,"
            " pg_get_expr(adbin, adrelid) FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
            " LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
            f" WHERE attnum > 0 AND {here}",
            "index": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
            "constraint": "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace",
            "view": "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'",
            "comment": "SELECT relname, objsubid::text, description FROM pg_description"
            f" JOIN pg_class ON pg_class.oid = objoid WHERE {here}",
        }
    with database.read() as connection:
        return {
            (kind, *map(str, row[:2])): [bare(value) for value in row[1:]]
            for kind, statement in statements.items()
            for row in connection.execute(text(statement))
            if VERSION_TABLE not in f"{row[0]} {row[1]}"
        }


def bare(value: object) -> object:
    """Without the comments and blanks of a statement, which SQLite keeps."""
    return re.sub(r"\s+", "", re.sub(r"--.*", "", value)) if isinstance(value, str) else value


def test_the_ddl_makes_on_an_empty_database_what_the_migrations_make(
    database: Database, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    script = ddl(entries().values(), dialect_of(database))
    if database.is_sqlite:
        url = f"sqlite:///{tmp_path / 'by_hand.db'}"
        connection = sqlite3.connect(tmp_path / "by_hand.db")
        connection.executescript(script)
        connection.close()
    else:
        url = request.getfixturevalue("postgres_url")
        with psycopg.connect(url) as server:
            server.execute(script.encode())
    by_hand = Database(url)
    made, migrated = picture(by_hand), picture(database)
    by_hand.close()
    assert len(made) > len(entries())
    # By key first: a difference is told by its name.
    assert sorted(made) == sorted(migrated)
    for key, value in made.items():
        assert value == migrated[key], key


def test_where_a_database_keeps_no_comments_the_ddl_has_them_beside_the_columns() -> None:
    script = ddl([entry_named("hris_groups")], "sqlite")
    assert "    parent_id TEXT,  -- Group above this one (id in hris_groups)\n" in script
    assert "COMMENT ON" not in script


# --- joins


def test_every_reference_leads_to_a_table_with_an_id() -> None:
    for entry in entries().values():
        for column in entry.columns:
            if column.references:
                assert "id" in [each.name for each in entries()[column.references].columns]


def test_both_columns_of_a_link_and_the_parent_of_an_owned_child_are_joins() -> None:
    found = {(join.table, join.column): join.target for join in joins()}
    for model in catalogue().values():
        for link in model.links:
            assert found[link.table, link.owner] == model.name
            assert found[link.table, link.target] == link.references
        for child in model.children:
            if child.owner:
                assert found[child.table, child.owner] == model.name


def test_a_mirror_table_brings_its_links_its_children_and_its_view() -> None:
    brought = [each.name for each in parts(entry_named("hris_payslips"))]
    assert brought == ["hris_payslip_line_items", "hris_salary_types", "hris_payslips_live"]
    assert parts(entry_named("hris_salary_types")) == ()


def test_every_column_of_the_mirror_has_its_class_and_every_document_is_sensitive() -> None:
    for model in catalogue().values():
        told = {column.name: column.privacy for column in entries()[model.name].columns}
        assert None not in told.values()
        assert {column.name: column.privacy for column in model.columns}.items() <= told.items()
        assert told["remote_id"] is model.remote_id
    for entry in entries().values():
        assert all(column.is_sensitive for column in entry.columns if column.name == "document")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("hris_employes", "hris_employees"),
        ("employees_groups", "hris_employees_groups"),
        ("sync_stream", "sync_streams"),
        ("hris_employes_live", "hris_employees_live"),
        ("assesment", "assessment"),
    ],
)
def test_an_unknown_name_is_answered_with_near_ones(written: str, meant: str) -> None:
    with pytest.raises(UsageError, match=rf"'{written}'\. Did you mean .*\b{meant}\b"):
        entry_named(written)


def test_a_name_without_near_ones_is_answered_with_where_to_look() -> None:
    with pytest.raises(UsageError, match=r"'xyz'\. `syncer schema` lists them"):
        entry_named("xyz")


# --- Mermaid

#: A part of Mermaid's grammar for erDiagram, narrower than its own: what is written here any version reads.
ENTITY = re.compile(r" {4}([a-z][a-z0-9_]*) \{")
ATTRIBUTE = re.compile(r" {8}[a-z]+ ([a-z][a-z0-9_]*)(?: (PK|FK|PK, FK))?")
LINE = re.compile(r" {4}([a-z][a-z0-9_]*) (?:\|o|\|\|)--o\{ ([a-z][a-z0-9_]*) : ([a-z][a-z0-9_]*)")

Read = tuple[dict[str, dict[str, str]], list[tuple[str, str, str]]]


def read(diagram: str) -> Read:
    """Entities with the marks of their attributes, and lines (target, table, column).

    Fails on anything that is not of the grammar, on names that come twice and on lines without their ends.
    """
    assert diagram.endswith("\n")
    head, *rest = diagram.removesuffix("\n").split("\n")
    assert head == "erDiagram"
    boxes: dict[str, dict[str, str]] = {}
    lines: list[tuple[str, str, str]] = []
    open_box: dict[str, str] | None = None
    for line in rest:
        if open_box is not None and line == "    }":
            assert open_box, "a box without attributes"
            open_box = None
        elif open_box is not None:
            found = ATTRIBUTE.fullmatch(line)
            assert found, line
            assert found[1] not in open_box, line
            open_box[found[1]] = found[2] or ""
        elif found := ENTITY.fullmatch(line):
            assert found[1] not in boxes, line
            open_box = boxes[found[1]] = {}
        else:
            found = LINE.fullmatch(line)
            assert found, line
            lines.append((found[1], found[2], found[3]))
    assert open_box is None
    for target, table, column in lines:
        assert target in boxes
        assert "FK" in boxes[table][column]
    assert len(set(lines)) == len(lines)
    return boxes, lines


@pytest.mark.parametrize("name", entries())
def test_the_diagram_of_a_table_is_mermaid_and_shows_all_its_columns(name: str) -> None:
    boxes, lines = read(diagram_of(entry_named(name)))
    entry = entry_named(name)
    centre = entry_named(entry.source) if entry.kind == "view" and entry.source else entry
    assert list(boxes[centre.name]) == [column.name for column in centre.columns]
    near = [join for join in joins() if centre.name in (join.table, join.target)]
    assert {(join.target, join.table, join.column) for join in near} <= set(lines)


def test_a_diagram_shows_the_table_behind_a_link_but_not_the_neighbours_of_neighbours() -> None:
    boxes, lines = read(diagram_of(entry_named("ats_tags")))
    assert list(boxes) == ["ats_candidates", "ats_candidates_tags", "ats_tags"]
    assert boxes["ats_candidates"] == {"id": "PK"}
    assert boxes["ats_candidates_tags"] == {"candidate_id": "PK, FK", "tag_id": "PK, FK"}
    assert lines == [
        ("ats_candidates", "ats_candidates_tags", "candidate_id"),
        ("ats_tags", "ats_candidates_tags", "tag_id"),
    ]


def test_the_diagrams_of_the_categories_show_every_table_and_every_join_once() -> None:
    read_all = [read(diagram_of_category(category)) for category in categories()]
    assert sorted(name for boxes, _ in read_all for name in boxes) == sorted(TABLES)
    found = sorted(line for _, lines in read_all for line in lines)
    assert found == sorted((join.target, join.table, join.column) for join in joins())


@pytest.mark.parametrize("category", categories())
def test_the_diagram_of_a_category_shows_keys_and_joining_columns_alone(category: str) -> None:
    boxes, _ = read(diagram_of_category(category))
    assert all(mark for marks in boxes.values() for mark in marks.values())


# --- the page


def sections() -> dict[str, str]:
    """Heading -> what stands under it, up to the next one."""
    found = re.split(r"^#+ (.+)\n", page(), flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def listed(section: str) -> list[str]:
    """The first column of its table."""
    return re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)


def test_the_page_has_every_column_of_every_table_of_a_model() -> None:
    found = sections()
    common = listed(found["Columns of every mirror table"])
    for entry in entries().values():
        names = [column.name for column in entry.columns]
        if entry.kind == "mirror":
            assert sorted(listed(found[entry.name]) + common) == sorted(names), entry.name
        elif entry.kind in ("link", "child") or entry.name == "mirror_freshness":
            assert listed(found[entry.name]) == names


def test_the_page_names_the_bookkeeping() -> None:
    tables = [entry.name for entry in entries().values() if entry.kind == "bookkeeping"]
    assert listed(sections()["Bookkeeping"]) == tables


def test_the_page_marks_every_sensitive_column_with_its_class() -> None:
    for model in catalogue().values():
        for column in model.columns:
            row = next(
                each
                for each in sections()[model.name].splitlines()
                if each.startswith(f"| `{column.name}` |")
            )
            assert row.endswith(f"(**sensitive**: {column.privacy}) |") is column.is_sensitive


def test_the_classes_in_the_page_about_personal_data_are_whole() -> None:
    listed_in = class_tables()
    for name, columns in classes().items():
        for column, privacy in columns.items():
            row = next(each for each in listed_in.splitlines() if each.startswith(f"| {privacy} |"))
            places = re.split(r"; (?=`)", row)
            own = [each for each in places if f"`{name}`:" in each] + [
                each for each in places if "every " in each
            ]
            is_shown = any(f"`{column}`" in each or f"`{column}." in each for each in own)
            # Of a value that is shown in part its members are listed, each in its own class.
            assert is_shown or column in json_parts()[name], f"{name}.{column}"


def test_the_diagrams_of_the_page_are_mermaid() -> None:
    diagrams = re.findall(r"^```mermaid\n(.+?)^```$", page(), flags=re.MULTILINE | re.DOTALL)
    assert len(diagrams) == len(categories())
    for diagram in diagrams:
        read(diagram)


def test_the_links_of_the_page_lead_to_its_headings() -> None:
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in sections()}
    links = set(re.findall(r"\]\(#([^)]+)\)", page()))
    assert links
    assert links <= anchors


def test_the_rows_of_a_table_of_the_page_have_the_cells_of_its_head() -> None:
    for block in re.findall(r"(?:^\|.*\n)+", page(), flags=re.MULTILINE):
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(counts) == 1, block


def test_the_queries_of_the_page_run_on_both_databases(database: Database) -> None:
    queries = re.findall(r"^```sql\n(.+?)^```$", page(), flags=re.MULTILINE | re.DOTALL)
    assert queries
    with database.read() as connection:
        for query in queries:
            assert connection.execute(text(query.strip().rstrip(";"))).all() == []
