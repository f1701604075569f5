"""A model that the program has never heard of: a catalogue entry and a migration, and all else follows.

Both are put into a copy of the program, and every command runs there, in processes of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncer.store.db.database import Database
from syncer.store.schema.revisions import known_revisions
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]

#: Stands at the end of a file of the catalogue.
ENTRY = """
MADE_UPS = Model(
    name="hris_made_ups",
    path="/hris/made-ups",
    webhook_name="hris_made_ups",
    title="Made-ups",
    meaning="Things that no tool has",
    columns=(
        text("name", "Name of the thing", Privacy.ORGANISATION),
        text("status", "What it does now", Privacy.PROCESS),
        ref("employee_id", "hris_employees", "Whose it is"),
        number("amount", "How much there is of it", Privacy.PROCESS),
        date("start_date", "First day of it", Privacy.PROCESS),
        json("groups", "Copy of its groups; join hris_made_ups_groups", Privacy.COPY, embeds="hris_groups"),
        json("parts", "Its parts as received; hris_made_up_parts has them as rows", Privacy.COPY),
    ),
    links=(
        Link(
            table="hris_made_ups_groups",
            member=("groups",),
            owner="made_up_id",
            target="group_id",
            references="hris_groups",
            meaning="Which thing belongs to which group",
        ),
    ),
    children=(
        Child(
            table="hris_made_up_parts",
            member=("parts",),
            owner="made_up_id",
            meaning="What a thing consists of",
            columns=(text("name", "Name of the part", Privacy.ORGANISATION),),
        ),
    ),
    filters=(
        Filter("statuses", "list", ("WHIRRING", "RESTING")),
        Filter("employee_ids", "list"),
        Filter("group_ids", "list"),
    ),
)

MODELS = (*MODELS, MADE_UPS)
"""
#: Names that the entry needs.
IMPORTS = "from syncer.domain.catalogue.model import Child, Link\n"

MIGRATION = '''
"""Made-ups."""

import sqlalchemy as sa
from alembic import op

from syncer.store.db.types import Hash, Json, Number, Timestamp

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "hris_made_ups",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("integration_id", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text()),
        sa.Column("changed_at", Timestamp()),
        sa.Column("remote_deleted_at", Timestamp()),
        sa.Column("deleted_by", sa.Text()),
        sa.Column("first_seen_at", Timestamp(), nullable=False),
        sa.Column("mirrored_at", Timestamp(), nullable=False),
        sa.Column("content_hash", Hash(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("status", sa.Text()),
        sa.Column("employee_id", sa.Text()),
        sa.Column("amount", Number()),
        sa.Column("start_date", sa.Date()),
        sa.Column("groups", Json()),
        sa.Column("parts", Json()),
        sa.Column("document", Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hris_made_ups"),
    )
    op.create_table(
        "hris_made_ups_groups",
        sa.Column("made_up_id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("made_up_id", "group_id", name="pk_hris_made_ups_groups"),
    )
    op.create_table(
        "hris_made_up_parts",
        sa.Column("made_up_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("integration_id", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text()),
        sa.Column("name", sa.Text()),
        sa.Column("document", Json(), nullable=False),
        sa.PrimaryKeyConstraint("made_up_id", "position", name="pk_hris_made_up_parts"),
    )
    indexed = (
        *(("hris_made_ups", column) for column in ("remote_id", "employee_id")),
        ("hris_made_ups_groups", "group_id"),
        *(("hris_made_up_parts", column) for column in ("id", "integration_id")),
    )
    for table, column in indexed:
        op.create_index(f"ix_{{table}}_{{column}}", table, [column])
    op.create_index("ix_hris_made_ups_integration_id_id", "hris_made_ups", ["integration_id", "id"])
    marked = sa.text("remote_deleted_at IS NOT NULL")
    op.create_index(
        "ix_hris_made_ups_remote_deleted_at",
        "hris_made_ups",
        ["remote_deleted_at"],
        postgresql_where=marked,
        sqlite_where=marked,
    )
    op.execute(
        "CREATE VIEW hris_made_ups_live AS SELECT id, integration_id, remote_id, changed_at,"
        " remote_deleted_at, deleted_by, first_seen_at, mirrored_at, name, status, employee_id, amount,"
        " start_date, groups, parts, document FROM hris_made_ups WHERE remote_deleted_at IS NULL"
    )


def downgrade():
    op.execute("DROP VIEW hris_made_ups_live")
    for table in ("hris_made_ups", "hris_made_ups_groups", "hris_made_up_parts"):
        op.drop_table(table)
'''

#: What differs between a migrated database and the program's own picture of it.
COMPARISON = """
import sys
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from syncer.store.db.database import Database
from syncer.store.schema.migrate import VERSION_TABLE
from syncer.store.schema.mirror_tables import all_tables

options = {"compare_type": True, "version_table": VERSION_TABLE}
database = Database(sys.argv[1])
with database.read() as connection:
    print(compare_metadata(MigrationContext.configure(connection, opts=options), all_tables()))
database.close()
"""
#: What a year of changes does to the records of the model.
LIFE = """
from datetime import UTC, datetime, timedelta
from random import Random
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.life.random_change import random_change

clock = SimClock.frozen(datetime(2026, 6, 1, 12, tzinfo=UTC))
company, rng = Company("personio:8d1hpPsbjxUkoCoa1veLZGe5", clock, records=400), Random(3)
assert company.count() == 400
before = company.rows("hris_made_ups")
for _ in range(1_000):
    clock.advance(timedelta(hours=8))
    random_change(company, rng)
assert company.ids("hris_made_ups")
print(len(before), company.rows("hris_made_ups") != before)
"""


@dataclass(frozen=True)
class Copy:
    """A copy of the program, and the settings of the simulator that runs from it."""

    directory: Path
    settings: dict[str, str]

    def run(self, *arguments: str, **settings: str) -> str:
        """Run Python in the copy; gives what it prints."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.directory,
            env=_environ(self.directory, self.settings | settings),
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def syncer(self, *arguments: str, **settings: str) -> str:
        """Run a command of the copy; gives what it prints."""
        return self.run("-m", "syncer", *arguments, **settings)

    def served(self, path: str = "/hris/made-ups", **params: str) -> list[dict[str, Any]]:
        """The records of a list as the simulator serves them."""
        [integration] = json.loads(self.settings["SYNCER_INTEGRATIONS"])
        response = httpx.get(
            self.settings["SYNCER_KOMBO__BASE_URL"] + path,
            params={"page_size": "250", **params},
            headers={"authorization": "Bearer sim-key", "x-integration-id": integration["id"]},
        )
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = response.json()["data"]["results"]
        return found


def _environ(directory: Path, settings: dict[str, str]) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SYNCER_")}
    return {**plain, "PYTHONPATH": str(directory), "PYTHONUNBUFFERED": "1", **settings}


def _read(shown: str) -> dict[str, str]:
    """The settings that ``syncer simulate`` tells."""
    found = dict(
        line.split("export ", 1)[1].split("=", 1) for line in shown.splitlines() if "export " in line
    )
    return {name: value.strip("'\n") for name, value in found.items()}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """A copy with the model, whose simulator is running."""
    directory = tmp_path_factory.mktemp("copy")
    for folder in ("syncer", "migrations"):
        shutil.copytree(ROOT / folder, directory / folder, ignore=shutil.ignore_patterns("__pycache__"))
    models = directory / "syncer" / "domain" / "catalogue" / "models" / "hris_people.py"
    models.write_text(models.read_text(encoding="utf-8") + IMPORTS + ENTRY, encoding="utf-8")
    before = known_revisions()[-1]
    revision = f"{int(before) + 1:04d}"
    migration = directory / "migrations" / "versions" / f"{revision}_made_ups.py"
    migration.write_text(MIGRATION.format(revision=revision, before=before).lstrip(), encoding="utf-8")
    simulator = subprocess.Popen(
        [
            *(sys.executable, "-m", "syncer", "simulate", "--port", "0"),
            *("--integrations", "1", "--records", "2000", "--limit", "100000"),
        ],
        cwd=directory,
        env=_environ(directory, {}),
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert simulator.stdout is not None
    shown = ""
    for line in simulator.stdout:
        shown += line
        if "backfill" in line:
            break
    try:
        yield Copy(directory, _read(shown))
    finally:
        simulator.terminate()
        simulator.wait(PATIENCE)
        simulator.stdout.close()


def test_it_is_listed_and_documented(copy: Copy) -> None:
    listed = {each["name"]: each for each in json.loads(copy.syncer("models", "--json"))}
    assert listed["hris_made_ups"]["path"] == "/hris/made-ups"
    assert "employee_id" in copy.syncer("schema", "hris_made_ups")
    page = copy.run("-c", "from syncer.schema_reference.markdown import page; print(page())")
    for name in ("hris_made_ups", "hris_made_ups_groups", "hris_made_up_parts"):
        assert name in page


def test_its_tables_and_view_are_made_and_nothing_else_is_missing(copy: Copy, database_url: str) -> None:
    copy.syncer("migrate", SYNCER_DATABASE__URL=database_url)
    assert copy.run("-c", COMPARISON, database_url).strip() == "[]"
    ask = ("query", "SELECT count(*) AS n FROM hris_made_ups_live", "--format", "json")
    assert json.loads(copy.syncer(*ask, SYNCER_DATABASE__URL=database_url)) == [{"n": 0}]


def test_its_tables_carry_comments(copy: Copy, postgres_url: str) -> None:
    copy.syncer("migrate", SYNCER_DATABASE__URL=postgres_url)
    database = Database(postgres_url)
    with database.read() as connection:
        comment = connection.exec_driver_sql("SELECT obj_description('hris_made_ups'::regclass)").scalar()
        column = connection.exec_driver_sql("SELECT col_description('hris_made_ups'::regclass, 10)").scalar()
    database.close()
    assert comment == "Made-ups: Things that no tool has"
    assert column == "Name of the thing"


def test_the_mirror_equals_the_source(copy: Copy, database_url: str) -> None:
    settings = {"SYNCER_DATABASE__URL": database_url, "SYNCER_SYNC__MODELS": '["hris_made_ups"]'}
    copy.syncer("backfill", **settings)
    source = copy.served(include_deleted="true")
    assert len(source) == 10
    assert any(record["remote_deleted_at"] for record in source)

    def rows(sql: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(copy.syncer("query", sql, "--format", "json", **settings))
        return found

    mirrored = rows("SELECT id, name, status, employee_id, amount, document FROM hris_made_ups ORDER BY id")
    documents = [row.pop("document") for row in mirrored]
    assert [json.loads(each) if isinstance(each, str) else each for each in documents] == source
    names = ("id", "name", "status", "employee_id")
    assert [[row[name] for name in names] for row in mirrored] == [
        [record[name] for name in names] for record in source
    ]
    assert [row["amount"] is None for row in mirrored] == [record["amount"] is None for record in source]
    groups = rows("SELECT made_up_id AS of, group_id AS id FROM hris_made_ups_groups")
    assert sorted((row["of"], row["id"]) for row in groups) == sorted(
        (record["id"], group["id"]) for record in source for group in record["groups"]
    )
    parts = rows("SELECT made_up_id AS of, id, name FROM hris_made_up_parts ORDER BY made_up_id, position")
    assert parts == [
        {"of": record["id"], "id": part["id"], "name": part["name"]}
        for record in source
        for part in record["parts"]
    ]


def test_who_mirrored_it_as_an_added_list_has_it_as_a_model(copy: Copy, postgres_url: str) -> None:
    settings = {"SYNCER_DATABASE__URL": postgres_url, "SYNCER_SYNC__MODELS": '["hris_made_ups"]'}
    lists = json.dumps([{"name": "hris_made_ups", "path": "/hris/made-ups", "columns": {"status": "text"}}])
    # By this version, which lacks it.
    lacking = replace(copy, directory=ROOT)
    lacking.syncer("backfill", SYNCER_LISTS=lists, **settings)
    count = ("query", "SELECT count(*) AS n, count(status) AS s FROM hris_made_ups", "--format", "json")
    before = json.loads(lacking.syncer(*count, SYNCER_LISTS=lists, **settings))
    copy.syncer("backfill", **settings)
    assert json.loads(copy.syncer(*count, **settings)) == before
    assert before[0]["n"] == len(copy.served(include_deleted="true"))
    assert copy.run("-c", COMPARISON, postgres_url).strip() == "[]"
    left = ("query", "SELECT count(*) AS n FROM passthrough_records", "--format", "json")
    assert json.loads(copy.syncer(*left, **settings)) == [{"n": 0}]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("statuses", lambda record: record["status"]),
        ("employee_ids", lambda record: record["employee_id"]),
        ("group_ids", lambda record: next((group["id"] for group in record["groups"]), None)),
    ],
)
def test_its_filters_leave_the_records_that_fit(
    parameter: str, value: Callable[[dict[str, Any]], str | None], copy: Copy
) -> None:
    source = copy.served()
    asked = next(filter(None, map(value, source)))
    fitting = copy.served(**{parameter: asked})
    assert 0 < len(fitting) < len(source)
    assert all(asked in json.dumps(record) for record in fitting)
    assert not any(value(record) == asked for record in source if record not in fitting)


def test_its_records_live(copy: Copy) -> None:
    assert copy.run("-c", LIFE).split() == ["4", "True"]
