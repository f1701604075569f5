"""Schedulers and workers on four environments with limits of their own, while some of them are killed."""

from __future__ import annotations

from contextlib import closing
from random import Random

from syncer.store.db.database import Database
from tests.support.killed_fleet import KilledFleet, make_sources
from tests.support.mirror import Mirror
from tests.support.processes import Serve

#: By their places: a scheduler and a worker. `make soak` kills them at random, for as long as one likes.
KILLED = (0, 3)


def test_a_fleet_whose_processes_are_killed_converges_and_runs_no_stream_twice_at_once(
    serve: Serve, migrated_postgres_url: str
) -> None:
    sources = {name: serve(each) for name, each in make_sources().items()}
    with closing(Database(migrated_postgres_url)) as database:
        fleet = KilledFleet(sources, database, Mirror(migrated_postgres_url), Random(11))
        fleet.begin()
        for place in KILLED:
            fleet.kill_one(place)
        fleet.end()
        fleet.check()
