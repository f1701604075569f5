"""Connections that are at work while their pool is given up."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, event

from syncer.store.db.engines import make_engine


@pytest.fixture
def engine(database_url: str) -> Engine:
    return make_engine(database_url, 4)


def test_what_comes_back_late_is_closed_and_what_is_made_later_is_kept(engine: Engine) -> None:
    closed: list[object] = []
    event.listen(engine, "close", lambda connection, _: closed.append(connection))
    late = engine.connect()
    ours = late.connection.driver_connection
    engine.dispose()
    assert closed == []
    late.close()
    assert closed == [ours]
    with engine.connect() as first:
        kept = first.connection.driver_connection
    with engine.connect() as second:
        assert second.connection.driver_connection is kept
    assert closed == [ours]
    engine.dispose()


def test_what_is_made_while_its_pool_is_given_up_is_closed_when_it_comes_back(engine: Engine) -> None:
    made: list[object] = []
    closed: list[object] = []

    def give_up(connection: object, _: object) -> None:
        if not made:
            engine.dispose()
        made.append(connection)

    event.listen(engine, "connect", give_up, insert=True)
    event.listen(engine, "close", lambda connection, _: closed.append(connection))
    with engine.connect():
        assert closed == []
    assert closed == made
    engine.dispose()
