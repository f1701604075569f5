"""docs/schema.md and docs/indexes.md: every statement runs as it stands, on both databases."""

from __future__ import annotations

import re

from sqlalchemy import text

from syncer.store.db.database import Database
from tests.support.pages import DOCS, blocks


def test_every_statement_of_the_pages_runs(database: Database) -> None:
    statements = [each for name in ("schema.md", "indexes.md") for each in blocks(DOCS / name, "sql")]
    assert len(statements) > 8
    with database.read() as connection:
        for each in statements:
            named = set(re.findall(r"(?<!:):(\w+)", each))
            assert connection.execute(text(each), dict.fromkeys(named)).all() in ([], [(0,)])
