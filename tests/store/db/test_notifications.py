"""Notifications of PostgreSQL's: what is heard, how long silence may last, and what a lost connection is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import text

from syncer.domain.errors import DatabaseUnavailable
from syncer.store.db.database import Database
from syncer.store.db.notifications import Notifications
from syncer.store.db.postgres_connection import PatientConnection
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)


@pytest.fixture
def listening(database: Database) -> Iterator[Notifications]:
    with closing(Notifications(database, "news")) as listening:
        yield listening


def notify(database: Database, channel: str) -> None:
    with database.begin() as connection:
        connection.execute(text("SELECT pg_notify(:channel, '1')"), {"channel": channel})


def test_notifications_of_the_channel_are_heard_once_and_no_others(
    database: Database, listening: Notifications
) -> None:
    assert not listening.wait(0.01)
    notify(database, "other")
    notify(database, "news")
    notify(database, "news")
    assert listening.wait(PATIENCE)
    while listening.wait(0.1):
        pass
    assert not listening.wait(0.1)


def test_silence_may_last_longer_than_an_answer(
    database: Database, listening: Notifications, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientConnection, "answer_within", 0.05)
    for _ in range(3):
        assert not listening.wait(0.3)
    notify(database, "news")
    assert listening.wait(PATIENCE)


def test_it_takes_no_connection_of_those_who_work(migrated_url: str) -> None:
    database = Database(migrated_url, workers=1)
    with closing(Notifications(database, "news")):
        assert "Current Checked out connections: 0" in database.engine.pool.status()
    database.close()


# What the server has ended the driver cannot close.
@pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")
def test_a_connection_that_is_lost_is_an_error(database: Database, listening: Notifications) -> None:
    with database.begin() as connection:
        ended = connection.execute(
            text(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'LISTEN%'"
            )
        )
        assert ended.scalar_one() == 1
    with pytest.raises(DatabaseUnavailable, match="does not tell what is new"):
        hear(listening)


def hear(listening: Notifications) -> None:
    while not listening.wait(PATIENCE):
        pass
