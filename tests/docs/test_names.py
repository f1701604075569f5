"""Names in pages are those of the program: commands, options, settings, metrics, tables, files."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from documents.commands import CALLED
from syncer.cli import group
from syncer.config.keys import is_setting, setting_keys
from syncer.schema_reference.tables import entries
from syncer.simulator.company.extra_lists import EXTRA_LISTS
from tests.support.pages import DOCS, ROOT, blocks, names, pages, text_of

#: The changelog names what was, too.
PAGES = [page for page in pages() if page.name != "CHANGELOG.md"]
SECTIONS = {key.partition(".")[0] for key in setting_keys()}
#: Variables that are no settings.
VARIABLES = {"SYNCER_CONFIG", "SYNCER_TEST_POSTGRES_URL"}
#: Channels of notifications, a role, and a table of the queue.
NO_METRICS = {
    "syncer_queue_version",
    "syncer_changes",
    "syncer_changes_SCHEMA",
    "syncer_changes_kombo",
    "syncer_due",
    "syncer_reader",
}
#: A table of the migrations, a view of mirrors with a history, and a name that Kombo gives hris_groups.
NO_ENTRIES = {"sync_schema_version", "mirror_history", "hris_teams", *EXTRA_LISTS}
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def fault_of(command_line: str) -> str | None:
    """Say what of a command the program does not have; None: it has all of it."""
    command: click.Command = group
    for word in shlex.split(command_line, comments=True)[1:]:
        if re.match(r"[|<>&;]|2>", word):
            break
        if isinstance(command, click.Group) and word in command.commands:
            command = command.commands[word]
        elif command is group and not word.startswith("-"):
            return f"there is no command {word}"
        elif word.startswith("-") and word != "-" and word.partition("=")[0] not in options_of(command):
            return f"{command.name} has no {word}"
    return None


def options_of(command: click.Command) -> set[str]:
    """Name the options of a command; of a group also those of the command that it stands for."""
    inner = command.commands.values() if isinstance(command, click.Group) and command is not group else ()
    called = CALLED.get(command, command)
    own = {name for each in (*command.params, *called.params, *group.params) for name in each.opts}
    return own.union({"--help", "-h"}, *map(options_of, inner))


def command_lines(page: Path) -> list[str]:
    in_blocks = [
        line.removeprefix("$ ")
        for block in blocks(page, "console", "bash", "text")
        for line in block.replace("\\\n", " ").splitlines()
    ]
    return [
        each
        for each in (*in_blocks, *names(page))
        # How PostgreSQL shows the sessions of a mirror in the schema kombo.
        if re.match(r"syncer [a-z-]", each) and each != "syncer kombo"
    ]


@every_page
def test_every_command_of_the_page_exists_with_its_options(page: Path) -> None:
    faults = [(each, fault_of(each.replace("…", ""))) for each in command_lines(page)]
    assert [each for each in faults if each[1]] == []


@every_page
def test_every_setting_and_variable_of_the_page_exists(page: Path) -> None:
    keys = [
        name
        for name in names(page)
        if re.fullmatch(r"[a-z]+(\.[a-z_]+)+(?<!\.db|\.md|\.py)(?<!\.yml)(?<!_live)", name)
        and name.partition(".")[0] in SECTIONS
    ]
    variables = set(re.findall(r"\bSYNCER_[A-Z]\w*\b(?!\*)", text_of(page)))
    assert [key for key in keys if not is_setting(tuple(key.split(".")))] == []
    assert [
        each
        for each in variables - VARIABLES
        if not is_setting(tuple(each.removeprefix("SYNCER_").lower().split("__")))
    ] == []


@every_page
def test_every_metric_of_the_page_exists(page: Path) -> None:
    metrics = set(re.findall(r"^\| `(syncer_\w+)` \|", text_of(DOCS / "metrics.md"), re.MULTILINE))
    named = {name.partition("{")[0] for name in names(page) if re.match(r"syncer_\w+($|\{)", name)}
    assert named - metrics - NO_METRICS == set()


@every_page
def test_every_table_of_the_page_exists(page: Path) -> None:
    begun = r"(sync|mirror|hris|ats|lms|assessment)_\w+"
    named = {name for name in names(page) if re.fullmatch(begun, name)}
    columns = {column.name for entry in entries().values() for column in entry.columns}
    known = {*entries(), *columns, *NO_ENTRIES}
    assert {name for name in named if not {name, re.sub(r"_(live|safe|history)$", "", name)} & known} == set()


@every_page
def test_every_file_of_the_repository_that_the_page_names_exists(page: Path) -> None:
    begun = r"(?:\.ci|\.github|benchmarks|deploy|docs|documents|migrations|syncer|tests)/[\w./-]*"
    named = {name for name in names(page) if re.fullmatch(begun, name) and "NNNN" not in name}
    assert {name for name in named if "NAME" not in name and not (ROOT / name).exists()} == set()
