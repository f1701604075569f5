"""docs/privacy.md: its table of tables is that of the database, and what it says of pseudonyms holds."""

from __future__ import annotations

import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import Connection, text

from syncer.app import App
from syncer.config.keys import is_setting
from syncer.config.loading import load_settings
from syncer.config.settings import Settings
from syncer.domain.catalogue.places import places
from syncer.domain.records.pseudonyms import Pseudonyms
from syncer.store.schema.grants import readable_columns
from syncer.store.schema.history_tables import make_history_tables
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.safe_views import make_safe_views
from syncer.store.state.runs import KEEP_RUNS
from syncer.store.state.webhook_events import KEEP_EVENTS
from tests.support.native_lists import people
from tests.support.pages import DOCS, blocks, text_of

PAGE = DOCS / "privacy.md"
KEY = "0123456789abcdef" * 2
ALL, SENSITIVE, NOBODY = "all readers", "readers with sensitive columns", "nobody else"


class Line(NamedTuple):
    """Line of the table: names of tables, with globs; what these tell of people, how long, and to whom."""

    names: tuple[str, ...]
    tells: str
    kept: str
    readers: str


def lines() -> list[Line]:
    """Read the table of the section."""
    section = text_of(PAGE).partition("## What is stored where\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \| (.+?) \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    return [Line(tuple(re.findall(r"`([^`]+)`", first)), *others) for first, *others in rows]


def line_of(table: str) -> Line:
    """Find the line of a table: by its name, or by the only glob; that of versions goes before others."""
    exact = [each for each in lines() if table in each.names]
    globs = [each for each in lines() if any(fnmatchcase(table, name) for name in each.names)]
    versions = [each for each in globs if all(name.endswith("_history") for name in each.names)]
    found = exact or versions or globs
    assert len(found) == 1, f"{table} has {len(found)} lines"
    return found[0]


class Made(NamedTuple):
    """A database with everything in it: all tables there are, and those that roles may read."""

    tables: frozenset[str]
    readable: frozenset[str]
    readable_without_sensitive: frozenset[str]


@pytest.fixture
def made(postgres_url: str) -> Made:
    """Make all there is: a native list, histories of all models, and the queue of workers."""
    settings = Settings.model_validate(
        {
            "database": {"url": postgres_url},
            "passthrough": [people()],
            "workers": {"engine": "procrastinate"},
        }
    )
    app = App(settings)
    try:
        app.migrate()
        with app.database.begin() as connection:
            make_history_tables(connection, MIRROR)
            make_safe_views(connection)
            return Made(
                frozenset(_tables(connection)),
                frozenset(readable_columns(connection, without_sensitive=False)),
                frozenset(readable_columns(connection, without_sensitive=True)),
            )
    finally:
        app.close()


def _tables(connection: Connection) -> list[str]:
    of_all = (
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r'"
        " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
    )
    return list(connection.execute(text(of_all)).scalars())


def test_every_table_of_the_database_has_one_line_that_says_who_reads_it_and_no_line_is_made_up(
    made: Made,
) -> None:
    assert {"sync_streams", "hris_employees_history", "procrastinate_jobs"} <= made.tables
    used = set()
    for table in sorted(made.tables):
        line = line_of(table)
        used.add(line)
        readers = (
            ALL
            if table in made.readable_without_sensitive
            else SENSITIVE
            if table in made.readable
            else NOBODY
        )
        assert line.readers.partition(",")[0] == readers, table
    assert set(lines()) == used
    unused = [
        name
        for each in lines()
        for name in each.names
        if not any(fnmatchcase(table, name) for table in made.tables)
    ]
    assert unused == []


def test_the_page_says_of_exactly_those_tables_that_they_tell_nothing_that_hold_nothing_of_a_record(
    made: Made,
) -> None:
    of_records = {each.table for each in places()}
    told = {table for table in made.tables if not line_of(table).tells.startswith("nothing")}
    assert {table.removesuffix("_history") for table in told} == of_records & {
        table.removesuffix("_history") for table in made.tables
    }


def test_the_page_says_for_how_long_as_the_program_has_it() -> None:
    assert line_of("sync_runs").kept == f"{KEEP_RUNS.days} days"
    assert line_of("sync_webhook_events").kept == f"{KEEP_EVENTS.days} days"
    for table, setting in (("hris_employees_history", "history.keep"), ("mirror_changes", "changes.keep")):
        assert line_of(table).kept == f"`{setting}`"
        assert is_setting(tuple(setting.split(".")))


def test_the_configurations_of_the_page_load(tmp_path: Path) -> None:
    (tmp_path / "pseudonym.key").write_text(KEY)
    config = tmp_path / "config.toml"
    native = (
        '[[passthrough]]\nname = "people"\ntool = "hibob/v1"\nrequest = {path = "/people"}\n'
        'records = "employees"\nkey = ["id"]\n'
    )
    found = []
    for block in (each for each in blocks(PAGE, "toml") if each.startswith("[privacy]")):
        config.write_text(block.replace("/etc/syncer/", f"{tmp_path}/") + native)
        found.append(load_settings(config, {}, tmp_path).exclusions)
    excluded, replaced = found
    assert {each.pseudonyms for each in excluded} == {None}
    assert {each.pseudonyms for each in replaced} == {Pseudonyms.of_key(KEY)}


def test_the_program_of_the_page_makes_the_pseudonyms_of_the_mirror(tmp_path: Path) -> None:
    (tmp_path / "pseudonym.key").write_text(f"{KEY}\n")
    (program,) = blocks(PAGE, "python")
    for value in ("ann@firm.example", "Zoë 😀", "17"):
        ran = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "pseudonym.key"), value],
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout == f"{Pseudonyms.of_key(KEY).replace(value)}\n"
