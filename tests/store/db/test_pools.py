"""Connections that are at work while their pool is given up."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, event

from syncer.store.db.engines import make_engine
from syncer.store.db.pools import give_up_pool


@pytest.fixture
def engine(database_url: str) -> Engine:
    return make_engine(database_url, 4)


def test_what_comes_back_late_is_closed_and_what_is_made_later_is_kept(engine: Engine) -> None:
    closed: list[object] = []
    event.listen(engine, "close", lambda connection, _: closed.append(connection))
    late = engine.connect()
    ours = late.connection.driver_connection
    give_up_pool(engine)
    assert closed == []
    late.close()
    assert closed == [ours]
    with engine.connect() as first:
        kept = first.connection.driver_connection
    with engine.connect() as second:
        assert second.connection.driver_connection is kept
    assert closed == [ours]
    engine.dispose()
