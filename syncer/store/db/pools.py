"""Pools of connections that are given up while some of them are at work."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

_GENERATION = "syncer_generation"
#: How many pools of an engine have been given up.
_generations: WeakKeyDictionary[Engine, int] = WeakKeyDictionary()


def give_up_pool(engine: Engine) -> None:
    """Close the pool's connections, those that are at work once they come back, and begin with a new pool."""
    _generations[engine] = _generations.get(engine, 0) + 1
    engine.dispose()


def close_what_comes_back_late(engine: Engine) -> None:
    """Close each connection that comes back to a pool that was given up.

    Left to the old pool it would be closed some time, and nobody would be told. Events of a pool are those of
    the next ones, too: so not everything that comes back may be closed.
    """

    @event.listens_for(engine, "connect")
    def note(_connection: Any, entry: ConnectionPoolEntry) -> None:
        entry.info[_GENERATION] = _generations.get(engine, 0)

    @event.listens_for(engine, "checkin")
    def close(_connection: Any, entry: ConnectionPoolEntry) -> None:
        if entry.info.get(_GENERATION) != _generations.get(engine, 0):
            entry.close()
