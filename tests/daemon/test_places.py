"""Every place in the database where a member's value can be: planted in all of them, and gone from all.

The running service takes out what is excluded now, on both databases; on SQLite out of its files as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, make_url, select, text

from syncer.app import App
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.members import FREE, KEPT, embeds, entries, members
from syncer.domain.catalogue.model import Column, Model
from syncer.domain.catalogue.places import PLACES, Holds, model_places
from syncer.domain.errors import UsageError
from syncer.domain.records.exclusions import replaceable
from syncer.domain.records.pseudonyms import Pseudonyms
from syncer.domain.streams.stream import Mode
from syncer.simulator.server.faults import Mangled, Match, native_rewritten
from syncer.store.schema.feed_tables import changes
from syncer.store.schema.mirror_tables import MIRROR, all_tables
from syncer.store.state.projections import unfinished_lists
from tests.support.native_lists import PEOPLE, people
from tests.support.running_service import running_service
from tests.support.waiting import until_async
from tests.support.world import MakeNative, World

MARK = "Annamaria"
#: A member that the catalogue does not know.
NEW = "brand_new"
#: What has a form that a mark would spoil.
_FORMED = re.compile(r"\d{4}-\d\d-\d\d|\d\d:\d\d")
SERVICE: dict[str, Any] = {"web": {"enabled": False}, "sync": {"every": "1h"}}


def marked(value: Any, name: str = "") -> Any:
    """Put the mark into every text of a value but ids and times."""
    if isinstance(value, dict):
        return {key: marked(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [marked(each, name) for each in value]
    if not isinstance(value, str) or name.endswith(("id", "ids")) or _FORMED.match(value):
        return value
    return f"{MARK} {value}"


def planted(columns: tuple[Column, ...]) -> dict[str, Any]:
    """Give a value with the mark for every member of its own that can hold one."""
    own = [each for each in columns if len(each.source) == 1 and each.references is None and not each.embeds]
    texts = {each.name: f"{MARK} {each.name}" for each in own if each.type == "text"}
    return texts | {each.name: {"inside": [f"{MARK} inside"]} for each in own if each.type == "json"}


def columns_of(table: str) -> tuple[Column, ...]:
    models = catalogue()
    if table in models:
        return models[table].columns
    return next(each.columns for model in models.values() for each in model.children if each.table == table)


def plant(model: Model) -> Callable[[bytes], bytes]:
    """Mark a page of the model's, with copies of its records in members that nobody describes."""

    def change(body: bytes) -> bytes:
        answer = json.loads(body)
        own = planted(model.columns)
        if model.has_remote_id:
            own["remote_id"] = f"{MARK} id"
        copies = {name: [{"copy": own}] for name in (NEW, *FREE)}
        for number, record in enumerate(answer["data"]["results"]):
            # What only the simulator knows has a name that nobody could exclude.
            known = {name: each for name, each in record.items() if name in members()[model.name]}
            record |= marked(known) | own | copies
            for embed in embeds()[model.name]:
                for copy in entries(record, embed.path):
                    copy.update(planted(columns_of(embed.table)))
            if model.has_remote_id:
                record["remote_id"] = f"{MARK} {number}"
            if number == 0:
                # One of each model goes to quarantine.
                record |= {each.name: f"{MARK} was born" for each in model.columns if each.type == "date"}
        return json.dumps(answer).encode()

    return change


@pytest.fixture
async def world(make_native: MakeNative) -> World:
    """A mirror with marks wherever there can be some, in all of Kombo's models and in a native list."""
    world = make_native(people(), records=150, **SERVICE)
    faults = world.environment.faults
    for model in catalogue().values():
        faults.add(Match(model=model.name), Mangled(plant(model)), times=None)
    faults.add(Match(call="*"), native_rewritten(marked), times=None)
    await world.sync(mode=Mode.BACKFILL, may_quarantine=True)
    with world.mirror.open() as (database, connection):
        former: dict[str, Any] = {
            "first_name": f"{MARK} before",
            NEW: {"copy": {"first_name": f"{MARK} copied"}},
        }
        change = {"sequence": 1, "at": database.now(connection), "environment": "default", "members": "[]"}
        change |= {"integration_id": "hibob:1", "record_id": "1", "operation": "updated"}
        of_people = {"email": f"{MARK}@acme.example"}
        for number, (name, before) in enumerate((("hris_employees", former), (PEOPLE, of_people)), start=1):
            row = {**change, "sequence": number, "model": name, "before": json.dumps(before)}
            connection.execute(insert(changes).values(row))
    return world


def columns_with_marks(world: World) -> set[tuple[str, str]]:
    """Name the table and column of every value in the database that has a mark."""
    found = set()
    with world.database() as connection:
        for table in all_tables().tables.values():
            for row in connection.execute(text(f"SELECT * FROM {table.name}")).mappings():
                found |= {(table.name, name) for name, value in row.items() if MARK in str(value)}
    return found


def files_with_marks(world: World) -> dict[str, int]:
    """Count the marks in SQLite's file and its companions; none elsewhere."""
    if not world.database_url.startswith("sqlite"):
        return {}
    path = Path(make_url(world.database_url).database or "")
    parts = path.parent.glob(f"{path.name}*")
    counted = {part.name: part.read_bytes().count(MARK.encode()) for part in parts}
    return {name: count for name, count in counted.items() if count}


def expected_places(world: World) -> set[tuple[str, str]]:
    """Name every place that can hold a mark: its table has rows, and its column takes text of a member."""
    shared = {(each.table, each.column) for each in PLACES if each.holds in (Holds.RECORD, Holds.VALUES)}
    found = set(shared)
    with world.database() as connection:
        filled = {
            name for name in MIRROR if connection.execute(text(f"SELECT 1 FROM {name} LIMIT 1")).first()
        }
    for model in catalogue().values():
        takes_marks = {
            (table, column.name)
            for table in (model.name, *(child.table for child in model.children))
            for column in columns_of(table)
            if column.type in ("text", "json") and column.references is None and len(column.source) == 1
        }
        for place in model_places(model):
            here = (place.table, place.column)
            if place.table in filled and (place.holds is Holds.RECORD or here in takes_marks):
                found.add(here)
    return found


def everything(world: World) -> list[str]:
    """Exclude every member that can be, of every model and of the native list."""
    of_models = [f"{table}.{name}" for table, names in members().items() for name in names - KEPT]
    with world.database() as connection:
        records = connection.execute(select(all_tables().tables["passthrough_records"].c.document)).scalars()
        native = {name for each in records for name in (json.loads(each) if isinstance(each, str) else each)}
    return [*of_models, *(f"{PEOPLE}.{name}" for name in native - {"id"})]


def unfinished(world: World) -> list[str]:
    with world.database() as connection:
        adopted = connection.execute(text("SELECT exclusions FROM sync_projections WHERE model = 'ats_tags'"))
        return unfinished_lists(connection) if len(str(adopted.scalar())) > 9 else ["all"]


@asynccontextmanager
async def serving(world: World, **changes: Any) -> AsyncIterator[App]:
    async with world.app(**changes) as app, running_service(app):
        yield app


def can_be_replaced(member: str) -> bool:
    try:
        return bool(replaceable([member], [PEOPLE]))
    except UsageError:
        return False


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_the_running_service_replaces_what_is_pseudonymised_in_every_place(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "pseudonym.key").write_text("k" * 32)
    every = everything(world)
    replaced = [each for each in every if can_be_replaced(each)]
    privacy = {
        "pseudonymise": replaced,
        "exclude": [each for each in every if each not in replaced],
        "pseudonym_key_file": str(tmp_path / "pseudonym.key"),
    }
    async with serving(world, privacy=privacy):
        await until_async(lambda: not unfinished(world), "the rows to follow")
        await until_async(lambda: not files_with_marks(world), "the files to follow")
    assert columns_with_marks(world) == set()
    email = Pseudonyms.of_key("k" * 32).replace(f"{MARK} work_email")
    with world.database() as connection:
        found = connection.execute(text("SELECT DISTINCT work_email FROM hris_employees")).scalars().all()
    assert found == [email]


async def test_the_running_service_takes_what_is_excluded_out_of_every_place(world: World) -> None:
    before = columns_with_marks(world)
    assert expected_places(world) - before == set()
    excluding = {"exclude": everything(world)}
    async with serving(world, privacy=excluding) as app:
        await until_async(lambda: not unfinished(world), "the rows to follow")
        assert columns_with_marks(world) == set()
        await until_async(lambda: not files_with_marks(world), "the files to follow")
        assert not app.stopping.is_set()
    assert columns_with_marks(world) == set()
