"""Records of native lists are erased by their keys, and with the person for whom they were listed."""

from __future__ import annotations

from collections.abc import Sequence

from syncer.domain.streams.stream import Mode
from syncer.operations.erase import Wanted, erase
from syncer.store.schema.native_table import passthrough_records
from tests.support.native_lists import EMPLOYEES, ENTRIES, PEOPLE, company, entries, people
from tests.support.world import MakeNative, World


def kept(world: World, name: str, column: str) -> Sequence[str]:
    """Values of a column of the list's rows."""
    assert column in passthrough_records.c
    rows = world.mirror.fetch(f"SELECT {column} FROM passthrough_records WHERE resource = '{name}'")
    return [row[0] for row in rows]


async def test_a_record_is_erased_by_its_key_and_stays_out(make_native: MakeNative) -> None:
    world = make_native(people(), changes={"models": ["*"]})
    await world.sync(mode=Mode.BACKFILL, models=[PEOPLE])
    key, *others = sorted(kept(world, PEOPLE, "record_key"))
    wanted = Wanted(PEOPLE, id=key, integration_id=company(world).integration_id)
    async with world.app() as app:
        receipt = await erase(app, wanted)
    assert receipt.erased == {"passthrough_records": 1}
    for _ in range(3):
        await world.sync(mode=Mode.RESTART, models=[PEOPLE])
        assert sorted(kept(world, PEOPLE, "record_key")) == others
    assert world.mirror.fetch("SELECT * FROM sync_missing") == []
    told = world.mirror.fetch("SELECT operation FROM mirror_changes ORDER BY sequence")
    assert told[-1] == ("erased",)


async def test_what_was_listed_for_an_erased_person_alone_is_erased_too(make_native: MakeNative) -> None:
    world = make_native(entries(), records=120, sync={"models": [EMPLOYEES]})
    firm = company(world)
    await world.sync(mode=Mode.BACKFILL, models=[EMPLOYEES])
    await world.sync(mode=Mode.BACKFILL, models=[ENTRIES])
    parents = kept(world, ENTRIES, "parent")
    parent = max(set(parents), key=parents.count)
    somebody = next(each for each in firm.ids(EMPLOYEES) if firm.row(EMPLOYEES, each)["remote_id"] == parent)
    async with world.app() as app:
        receipt = await erase(app, Wanted(EMPLOYEES, id=somebody))
    assert receipt.erased["passthrough_records"] == parents.count(parent)
    await world.sync(mode=Mode.RESTART)
    assert sorted(kept(world, ENTRIES, "parent")) == sorted(each for each in parents if each != parent)
