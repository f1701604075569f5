"""Statements of docs/schema.md and docs/indexes.md, and the command of docs/queries.md, run as they stand."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from sqlalchemy import text

from syncer.store.db.database import Database
from tests.support.pages import DOCS, blocks

if TYPE_CHECKING:
    from tests.support.command_line import Shell


def test_every_statement_of_the_pages_runs(database: Database) -> None:
    statements = [each for name in ("schema.md", "indexes.md") for each in blocks(DOCS / name, "sql")]
    assert len(statements) > 8
    with database.read() as connection:
        for each in statements:
            named = set(re.findall(r"(?<!:):(\w+)", each))
            assert connection.execute(text(each), dict.fromkeys(named)).all() in ([], [(0,)])


def test_the_command_of_the_questions_runs(shell: Shell, migrated_url: str) -> None:
    [command] = blocks(DOCS / "queries.md", "console")
    _, *arguments = shlex.split(command.removeprefix("$ "))
    ran = shell.run(*arguments, SYNCER_DATABASE__URL=migrated_url)
    assert (ran.code, ran.out) == (0, "first_name,last_name\n")
