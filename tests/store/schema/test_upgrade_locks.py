"""An upgrade beside a long reader: it gives up soon, changes nothing, and works later."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest
from sqlalchemy import make_url, text

from syncer.domain.errors import StatementFailed
from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from syncer.store.schema import revisions
from syncer.store.schema.schema_lock import LOCK_TIMEOUT

PATIENT = "options=-c%20lock_timeout%3D"


def limit_in(url: str, own: str = "") -> str:
    with (
        closing(Database(f"{url}&{PATIENT}{own}" if own else url)) as database,
        database.begin() as connection,
    ):
        schema.lock_schema(connection)
        limit: str = connection.execute(text("SHOW lock_timeout")).scalar_one()
        return limit


def test_an_upgrade_waits_for_a_lock_five_seconds_or_less(postgres_url: str) -> None:
    assert LOCK_TIMEOUT.total_seconds() == 5
    assert [limit_in(postgres_url, own) for own in ("", "60s", "700ms", "0")] == ["5s", "5s", "700ms", "5s"]


def test_an_upgrade_behind_a_long_reader_fails_in_words_keeps_nobody_waiting_and_passes_later(
    postgres_url: str,
) -> None:
    with closing(Database(f"{postgres_url}&{PATIENT}200ms")) as database:
        # Behind it comes one that changes the table that is read.
        older, newest = "0011", revisions.known_revisions()[-1]
        schema.migrate(database, older)
        with psycopg.connect(postgres_url) as reader, psycopg.connect(postgres_url) as other:
            reader.execute("SELECT * FROM sync_integrations")
            with pytest.raises(StatementFailed) as failed:
                schema.migrate(database)
            role = make_url(postgres_url).username
            assert f"session {reader.info.backend_pid} of {role} for " in str(failed.value)
            assert "nothing was changed. Run the command again" in str(failed.value)
            assert failed.value.exit_code == 3
            assert revisions.revisions(database) == (older, newest)
            # Nobody queues behind a lock that was given up.
            other.execute("SET lock_timeout = 1")
            other.execute("LOCK TABLE sync_integrations IN ACCESS SHARE MODE")
        assert schema.migrate(database) == (older, newest)
