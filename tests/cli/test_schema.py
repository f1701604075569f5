"""``syncer schema``: every form of it, without a database."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from syncer.cli import call
from syncer.cli.session import Session
from syncer.domain.catalogue.lookup import catalogue
from syncer.schema_reference.tables import categories, entries

if TYPE_CHECKING:
    from tests.support.command_line import Shell

Syncer = Callable[..., tuple[int, str, str]]


@pytest.fixture
def schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Syncer:
    """Runs ``syncer schema`` in an empty directory; gives exit code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = call(Session(), ["schema", *arguments])
        assert list(tmp_path.glob("*.db")) == []
        return code, *capfd.readouterr()

    return run


def told(schema: Syncer, *arguments: str) -> str:
    code, out, err = schema(*arguments)
    assert (code, err) == (0, "")
    assert out.endswith("\n")
    return out


# --- text


def test_the_list_has_a_line_for_every_table_with_its_columns_and_meaning(schema: Syncer) -> None:
    lines = {words[0]: words[1:] for line in told(schema).splitlines() if (words := line.split())}
    for entry in entries().values():
        if entry.kind != "view" or entry.category == "sync":
            assert lines[entry.name] == [str(len(entry.columns)), *entry.meaning.split()]
    assert f"{len(catalogue())} views" in told(schema)


def test_a_category_lists_its_own_tables(schema: Syncer) -> None:
    out = told(schema, "lms")
    for entry in entries().values():
        is_listed = re.search(rf"^{entry.name} ", out, flags=re.MULTILINE) is not None
        assert is_listed == (entry.category == "lms" and entry.kind != "view"), entry.name


def test_a_model_shows_its_columns_what_comes_with_it_and_who_joins_it(schema: Syncer) -> None:
    lines = [re.sub(r"  +", "  ", line) for line in told(schema, "hris_employees").splitlines()]
    assert lines[0] == "hris_employees  mirror table of /hris/employees"
    assert lines[1].startswith("Employees: ")
    assert "id  TEXT  TEXT  Kombo's id, unique within this table (key)" in lines
    assert "manager_id  TEXT  TEXT  The employee's manager →hris_employees.id" in lines
    assert "ssn  TEXT  TEXT  Social security number (sensitive: identifier)" in lines
    assert "document  TEXT  JSONB  Whole record as Kombo sent it, as JSON (sensitive: unknown)" in lines
    assert any(line.startswith("hris_employees_groups  link  ") for line in lines)
    assert any(line.startswith("hris_employees_live  view  ") for line in lines)
    assert "hris_absences.approver_id" in lines


@pytest.mark.parametrize("name", entries())
def test_every_table_and_view_is_shown_by_its_name(schema: Syncer, name: str) -> None:
    lines = told(schema, name).splitlines()
    assert lines[0].startswith(f"{name}  ")
    shown = [line.split()[0] for line in lines if line.strip()]
    columns = [column.name for column in entries()[name].columns]
    start = shown.index("column") + 1
    assert shown[start : start + len(columns)] == columns


@pytest.mark.parametrize("form", ["text", "json", "mermaid", "ddl"])
def test_an_unknown_name_is_a_usage_error_with_near_names(schema: Syncer, form: str) -> None:
    code, out, err = schema("hris_employes", "--format", form)
    assert (code, out) == (2, "")
    assert err.startswith(
        "Error: There is no table, view or category 'hris_employes'. Did you mean hris_employees"
    )


def test_on_a_terminal_nothing_is_wider_than_it_or_than_can_be_read(shell: Shell) -> None:
    for width, arguments in ((100, []), (90, ["hris_staffing_entities"]), (220, ["sync_streams"])):
        lines = on_terminal(shell, width, *arguments)
        assert len(lines) > 20
        longest = max(map(len, lines))
        assert min(width, 100) - 20 < longest <= min(width, 100)
        assert not any("…" in line for line in lines)


def on_terminal(shell: Shell, width: int, *arguments: str) -> list[str]:
    """The lines that a terminal shows, without their colours."""
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "syncer", "schema", *arguments],
        cwd=shell.directory,
        env=shell.environ({"COLUMNS": str(width), "TERM": "xterm"}),
        stdout=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:
        # Linux tells in this way that the last program has closed the terminal.
        pass
    os.close(ours)
    assert program.wait() == 0
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).splitlines()]


# --- JSON


def test_json_is_an_object_for_a_name_and_an_array_for_many(schema: Syncer) -> None:
    one = json.loads(told(schema, "hris_groups", "--json"))
    assert one == json.loads(told(schema, "hris_groups", "--format", "json"))
    every = json.loads(told(schema, "--json"))
    assert [each["name"] for each in every] == list(entries())
    assert one in every
    some = json.loads(told(schema, "ats", "--json"))
    assert some == [each for each in every if each["category"] == "ats"]


def test_json_tells_everything_of_a_table(schema: Syncer) -> None:
    one = json.loads(told(schema, "hris_groups", "--json"))
    columns = {column.pop("name"): column for column in one.pop("columns")}
    assert columns["parent_id"] == {
        "type": "text",
        "sqlite": "TEXT",
        "postgresql": "TEXT",
        "nullable": True,
        "sensitive": False,
        "privacy": "key",
        "shown_in_part": False,
        "references": {"table": "hris_groups", "column": "id"},
        "meaning": "Group above this one",
    }
    assert columns["remote_data"]["sensitive"] is True
    assert columns["changed_at"]["postgresql"] == "TIMESTAMPTZ"
    assert columns["id"]["nullable"] is False
    assert {index["name"]: index["where"] for index in one.pop("indexes")} == {
        "ix_hris_groups_integration_id_id": None,
        "ix_hris_groups_last_told": None,
        "ix_hris_groups_parent_id": None,
        "ix_hris_groups_remote_deleted_at": "remote_deleted_at IS NOT NULL",
        "ix_hris_groups_remote_id": None,
    }
    assert {"table": "hris_employees_groups", "column": "group_id"} in one.pop("joined_by")
    assert one == {
        "name": "hris_groups",
        "kind": "mirror",
        "category": "hris",
        "title": "Groups",
        "meaning": entries()["hris_groups"].meaning,
        "path": "/hris/groups",
        "source": None,
        "key": ["id"],
        "links": [],
        "children": [],
        "views": ["hris_groups_live"],
    }


# --- Mermaid


def test_mermaid_is_a_diagram_for_a_name_or_category_and_markdown_for_several(schema: Syncer) -> None:
    for name in ("hris_groups", "hris_groups_live", "mirror_freshness", *categories()):
        assert told(schema, name, "--format", "mermaid").startswith("erDiagram\n    ")
    every = told(schema, "--format", "mermaid")
    found = re.findall(
        r"^## (\w+)\n\n```mermaid\n(erDiagram\n.+?)^```$", every, flags=re.MULTILINE | re.DOTALL
    )
    assert [category for category, _ in found] == list(categories())
    for category, diagram in found:
        assert diagram == told(schema, category, "--format", "mermaid")


# --- DDL


def test_ddl_is_that_of_the_configured_database_which_need_not_be_there(
    schema: Syncer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "document TEXT NOT NULL" in told(schema, "hris_groups", "--format", "ddl")
    monkeypatch.setenv("SYNCER_DATABASE__URL", "postgresql://nobody:secret@127.0.0.1:1/nothing")
    out = told(schema, "hris_groups", "--format", "ddl")
    assert "document JSONB NOT NULL" in out
    assert "COMMENT ON COLUMN hris_groups.parent_id IS 'Group above this one (id in hris_groups)';" in out
    assert "secret" not in out
    assert "document TEXT NOT NULL" in told(schema, "hris_groups", "--format", "ddl", "--dialect", "sqlite")


def test_a_named_dialect_needs_no_configuration(schema: Syncer, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[sync\n")
    assert "JSONB" in told(schema, "hris_groups", "--format", "ddl", "--dialect", "postgresql")
    assert told(schema, "hris_groups")
    assert schema("hris_groups", "--format", "ddl")[0] == 2


def test_the_ddl_of_a_model_has_all_that_comes_with_it(schema: Syncer) -> None:
    out = told(schema, "hris_payslips", "--format", "ddl", "--dialect", "sqlite")
    assert re.findall(r"^CREATE (?:TABLE|VIEW) (\w+)", out, flags=re.MULTILINE) == [
        "hris_payslips",
        "hris_payslip_line_items",
        "hris_salary_types",
        "hris_payslips_live",
    ]


def test_the_ddl_of_everything_makes_views_after_their_tables(schema: Syncer) -> None:
    out = told(schema, "--format", "ddl", "--dialect", "postgresql")
    made = re.findall(r"^CREATE (?:TABLE|VIEW) (\w+)", out, flags=re.MULTILINE)
    assert made == list(entries())
    assert all(
        made.index(entry.source) < made.index(entry.name)
        for entry in entries().values()
        if entry.source is not None
    )


# --- typed models


def test_a_file_has_what_the_terminal_would_show(schema: Syncer, tmp_path: Path) -> None:
    for form in ("json", "mermaid", "ddl", "sqlalchemy", "typescript", "drizzle", "prisma", "dbt"):
        shown = told(schema, "hris_groups", "--format", form)
        file = tmp_path / f"models.{form}"
        file.write_text("what was there before")
        assert schema("hris_groups", "--format", form, "--output", str(file)) == (0, "", "")
        assert file.read_text(encoding="utf-8") == shown
        assert "hris_groups" in shown


def test_typed_models_are_of_the_tables_that_are_asked_for_and_of_the_configured_database(
    schema: Syncer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tables(*arguments: str) -> list[str]:
        return re.findall(r"(?:Table|View)\(\"(\w+)", told(schema, *arguments, "--format", "drizzle"))

    assert tables("hris_employees") == ["hris_employees", "hris_employees_groups", "hris_employees_live"]
    assert {*tables("sync")} >= {"sync_streams", "mirror_freshness"}
    every = {name for name, entry in entries().items() if entry.kind != "bookkeeping"}
    assert {*tables()} == every
    assert "sqliteTable" in told(schema, "lms", "--format", "drizzle")
    monkeypatch.setenv("SYNCER_DATABASE__URL", "postgresql://nobody@127.0.0.1:1/nothing")
    assert "pgTable" in told(schema, "lms", "--format", "drizzle")


# --- options that do not go together


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--dialect", "sqlite"), "--dialect goes with --format ddl"),
        (("--format", "dbt", "--dialect", "sqlite"), "--dialect goes with --format ddl, typescript, drizzle"),
        (("--json", "--format", "ddl"), "--json is --format json"),
        (("--output", "schema.txt"), "--output goes with a --format other than text"),
        (("--format", "ddl", "--output", "no/such/folder/x.sql"), "x.sql cannot be written: No such file"),
        (("--format", "markdown"), "'markdown' is not one of"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    schema: Syncer, arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = schema(*arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_the_shell_completes_names_of_tables_views_and_categories(shell: Shell) -> None:
    ran = shell.run(COMP_LINE="syncer schema hris_employees", _SYNCER_COMPLETE="bash_complete")
    assert ran.out.splitlines() == [
        "plain,hris_employees",
        "plain,hris_employees_groups",
        "plain,hris_employees_live",
    ]
