"""What the mirror said at any moment since its history was switched on can be read as of that moment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from msgspec import Raw
from sqlalchemy import Table, select

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.tables import tables_of
from syncer.domain.streams.stream import Mode
from syncer.simulator.life.random_change import random_change
from syncer.store.db.database import Database
from syncer.store.reading.query import query
from syncer.store.schema.history_tables import history_table
from syncer.store.schema.mirror_tables import MIRROR
from tests.support.world import MakeWorld, World

Copy = dict[str, list[str]]

EMPLOYEES, GROUPS, LINKS = "hris_employees", "hris_groups", "hris_employees_groups"
#: Every kind of link and child is among them.
MODELS = ["hris_employees", "hris_employments", GROUPS, "hris_payslips", "ats_jobs", "lms_courses"]
KEPT = {"sync": {"models": MODELS}, "history": {"models": MODELS}}
TABLES = sorted({table for model in MODELS for table in tables_of(catalogue()[model])})


@pytest.fixture
def database_url(migrated_url: str) -> str:
    """With all tables: making them is not the subject here."""
    return migrated_url


def copy(world: World, tables: Iterable[str] = TABLES, as_of: datetime | None = None) -> Copy:
    """All rows of these tables, as they are now or were at a moment."""
    database = Database(world.database_url, clock_offset=world.clock_offset)
    try:
        found = {}
        for name in tables:
            names = ", ".join(f'"{column.name}"' for column in MIRROR[name].columns)
            with query(database, f"SELECT {names} FROM {name}", {}, as_of=as_of) as answer:
                rows = ([bytes(v) if isinstance(v, Raw) else v for v in row] for row in answer.rows)
                found[name] = sorted(map(repr, rows))
        return found
    finally:
        database.close()


def now(world: World) -> datetime:
    """A moment of the database's clock behind which everything so far lies, and nothing that comes."""
    database = Database(world.database_url, clock_offset=world.clock_offset)
    try:
        with database.read() as connection:
            moment = database.now(connection)
            while database.now(connection) <= moment + timedelta(milliseconds=1):
                pass
        return moment
    finally:
        database.close()


def versions(world: World, name: str, *, where: str | None = None) -> list[Any]:
    """Versions of a table's rows, or of one of them, in order."""
    table: Table = history_table(name)
    statement = select(table).order_by(*table.primary_key.columns)
    if where is not None:
        statement = statement.where(next(iter(table.primary_key.columns)) == where)
    with world.database() as connection:
        return list(connection.execute(statement).all())


async def test_the_mirror_as_of_a_moment_equals_a_copy_taken_at_that_moment(make_world: MakeWorld) -> None:
    world = make_world(records=600, **KEPT)
    company = world.environment.companies[next(iter(world.environment.companies))]
    random = Random(11)
    taken: list[tuple[datetime, Copy]] = []
    for step in range(6):
        await world.sync(mode=Mode.RESTART if step % 3 == 2 else Mode.SYNC)
        taken.append((now(world), copy(world)))
        world.clock.advance(timedelta(hours=1))
        for _ in range(40):
            random_change(company, random)
    assert all(earlier[1] != later[1] for earlier, later in zip(taken, taken[1:], strict=False))
    for moment, before in taken:
        then = copy(world, as_of=moment)
        assert {name for name in before if then[name] != before[name]} == set()
