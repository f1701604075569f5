"""docs/programs.md: its commands, Python and SQL run on a mirror.

What it says in TypeScript is compiled and run in tests/schema_reference/test_script_models.py.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import duckdb_extension_postgres_scanner
import duckdb_extension_sqlite_scanner
import pytest
from sqlalchemy import text

import syncer
from syncer import Mirror
from syncer.schema_reference.tables import entries
from syncer.testing.kombo_simulator import simulated
from tests.support.environment import without_settings

if TYPE_CHECKING:
    from tests.support.command_line import Shell

PAGE = (Path(__file__).parents[2] / "docs" / "programs.md").read_text(encoding="utf-8")
MODELS = ["hris_employees", "hris_groups", "hris_locations"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


CLASSES, API = blocks("python")
COMMANDS = [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a mirror and its configuration, as the page takes it to be, while Kombo is served."""
    made = tmp_path_factory.mktemp("programs")
    with simulated(records=300) as kombo:
        (made / "config.toml").write_text(
            f'integrations = [{{ id = "{kombo.integration}" }}]\n'
            f'[kombo]\napi_key = "{kombo.api_key}"\nbase_url = "{kombo.url}"\n'
            f'[database]\nurl = "sqlite:///kombo.db"\n[sync]\nmodels = {MODELS}\n',
            encoding="utf-8",
        )
        Mirror(made / "config.toml").backfill()
        yield made


def run(folder: Path, program: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", program],
        cwd=folder,
        env=without_settings(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_every_command_of_the_page_writes_its_file(shell: Shell) -> None:
    for command in COMMANDS:
        program, *arguments = shlex.split(command)
        ran = shell.run(*arguments)
        assert (program, ran.code, ran.out, ran.err) == ("syncer", 0, "", "")
        assert (shell.directory / arguments[-1]).stat().st_size > 10_000, command


def test_the_classes_and_the_api_read_the_mirror_as_shown(folder: Path) -> None:
    written = ["-m", "syncer", "schema", "--format", "sqlalchemy", "--output", "kombo_models.py"]
    subprocess.run([sys.executable, *written], cwd=folder, env=without_settings(), check=True)
    assert len(run(folder, CLASSES)) > 3
    *streams, count = run(folder, API)
    assert [line.split()[:2] for line in streams] == [[model, "complete"] for model in MODELS]
    assert int(count) > 0


@contextmanager
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with the extensions that it would load from the network."""
    with duckdb.connect() as connection:
        for package in (duckdb_extension_sqlite_scanner, duckdb_extension_postgres_scanner):
            [file] = Path(str(package.__file__)).parent.glob("extensions/*/*.duckdb_extension")
            connection.execute(f"LOAD '{file}'")
        yield connection


def test_duckdb_reads_the_mirror_and_writes_parquet(
    folder: Path, monkeypatch: pytest.MonkeyPatch, mirrored_url: str
) -> None:
    [program] = blocks("sql duckdb")
    monkeypatch.chdir(folder)
    with duck() as connection:
        rows = connection.execute(program).fetchall()
        assert (folder / "headcount.parquet").stat().st_size > 0
        assert len(rows) > 1
        # With its types, not as texts.
        connection.execute(f"ATTACH '{mirrored_url}' AS pg (TYPE postgres, READ_ONLY)")
        for table in ("kombo.hris_employees_live", "pg.hris_employees_live"):
            types = connection.execute(
                f"SELECT typeof(mirrored_at), typeof(start_date) FROM {table} LIMIT 1"
            ).fetchone()
            assert types is not None
            assert types[0].startswith("TIMESTAMP")
            assert types[1] == "DATE"


@pytest.fixture
def mirrored_url(postgres_url: str) -> str:
    """A PostgreSQL mirror of a few groups and employees."""
    with simulated(records=100) as kombo:
        Mirror(
            kombo={"api_key": kombo.api_key, "base_url": kombo.url},
            database={"url": postgres_url},
            integrations=[{"id": kombo.integration}],
            sync={"models": MODELS},
        ).backfill()
    return postgres_url


def test_the_queries_for_panels_have_rows(folder: Path) -> None:
    queries = blocks("sql")
    assert len(queries) == 2
    with Mirror(folder / "config.toml").connect() as connection:
        assert [len(connection.execute(text(query)).all()) for query in queries] == [len(MODELS), 1]


def test_the_tables_with_a_type_are_those_that_are_named() -> None:
    having = [
        entry.name
        for entry in entries().values()
        if entry.kind in ("mirror", "link", "child")
        and any(column.name == "type" for column in entry.columns)
    ]
    named = re.search(r"Eight tables have one \((.*?)\)", PAGE, flags=re.DOTALL)
    assert named is not None
    assert re.findall(r"`(\w+)`", named[1]) == having
    assert len(having) == 8


def test_every_name_of_the_api_is_on_the_page() -> None:
    for name in {*syncer.__all__} - {"__version__"}:
        assert f"`{name}" in PAGE, name
    for name in (name for name in vars(Mirror) if not name.startswith("_")):
        assert f"`mirror.{name}(" in PAGE, name
