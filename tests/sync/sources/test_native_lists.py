"""Native lists as views of the mirror: what arrives, what changes, what goes and what comes back."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from syncer.domain.streams.stream import Kind
from tests.support.databases import ON_SQLITE
from tests.support.native_lists import (
    EMPLOYEES,
    ENTRIES,
    HISTORY,
    PAGED,
    PEOPLE,
    asked,
    company,
    entries,
    history,
    id_of,
    people,
    remote_ids,
    select,
    stream,
    tool_of,
    view,
)
from tests.support.world import MakeNative


async def test_each_record_of_a_list_is_a_row_of_its_view_with_typed_columns(make_native: MakeNative) -> None:
    world = make_native(history())
    (result,) = await world.sync(models=[HISTORY])
    rows, firm = view(world, HISTORY), company(world)
    assert set(rows) == set(remote_ids(world))
    assert (result.kind, result.counts.created) == (Kind.FULL, len(rows))
    for remote_id, row in rows.items():
        employments = [
            each
            for each in firm.row(EMPLOYEES, id_of(world, remote_id))["employments"]
            if each["remote_deleted_at"] is None
        ]
        latest = max(employments, key=lambda each: each["effective_date"] or "", default=None)
        assert row["entries"] == len(employments) == len(row["document"]["values"])
        assert row["title"] == (latest and latest["job_title"])
        since = latest and latest["effective_date"] and date.fromisoformat(latest["effective_date"][:10])
        assert row["since"] in {since, since and since.isoformat()}
        assert (row["parent"], row["remote_deleted_at"], row["deleted_by"]) == (None, None, None)
    assert stream(world, HISTORY).rows_live == len(rows)


async def test_rows_of_each_employee_can_be_joined_to_the_employee(make_native: MakeNative) -> None:
    world = make_native(entries())
    await world.sync(models=[EMPLOYEES, ENTRIES])
    found = select(
        world,
        "SELECT e.remote_id, w.title FROM work_entries_live w JOIN hris_employees_live e"
        " ON e.integration_id = w.integration_id AND e.remote_id = w.parent",
    )
    firm = company(world)
    wanted = [
        (remote_id, each["job_title"])
        for remote_id in remote_ids(world)
        for each in firm.row(EMPLOYEES, id_of(world, remote_id))["employments"]
        if each["remote_deleted_at"] is None
    ]
    assert wanted
    assert sorted(found, key=repr) == sorted(wanted, key=repr)


@ON_SQLITE
@pytest.mark.parametrize("style", PAGED)
async def test_every_style_of_paging_brings_the_whole_list(make_native: MakeNative, style: str) -> None:
    model, listed = PAGED[style]
    world = make_native(listed, records=900)
    (result,) = await world.sync(models=[listed["name"]])
    assert set(view(world, listed["name"])) == set(remote_ids(world, tool_of(listed), model))
    assert len(asked(world)) == result.pages > 2
    assert stream(world, listed["name"]).full_pages == result.pages


async def test_a_list_that_has_not_changed_writes_no_row(make_native: MakeNative) -> None:
    world = make_native(history(), people(), entries())
    await world.sync()
    names = (HISTORY, PEOPLE, ENTRIES)
    before = {name: view(world, name) for name in names}
    results = {each.key.model: each for each in await world.sync(models=names)}
    for name in names:
        counts = results[name].counts
        assert (counts.written, counts.unchanged) == (0, len(before[name]))
        after = view(world, name)
        assert all(row["mirrored_at"] == before[name][key]["mirrored_at"] for key, row in after.items())


async def test_a_change_writes_just_its_record(make_native: MakeNative) -> None:
    world = make_native(people())
    await world.sync(models=[PEOPLE])
    before, (first, *_) = view(world, PEOPLE), remote_ids(world)
    company(world).update(EMPLOYEES, id_of(world, first), job_title="Astronaut")
    (result,) = await world.sync(models=[PEOPLE])
    after = view(world, PEOPLE)
    assert (result.counts.updated, result.counts.written) == (1, 1)
    assert {key for key in after if after[key]["mirrored_at"] != before[key]["mirrored_at"]} == {first}
    assert after[first]["title"] == after[first]["document"]["work"]["title"] == "Astronaut"
    assert after[first]["first_seen_at"] == before[first]["first_seen_at"]


async def test_a_record_that_is_gone_is_marked_after_two_complete_lists_without_it(
    make_native: MakeNative,
) -> None:
    world = make_native(people())
    await world.sync(models=[PEOPLE])
    (gone, *others) = remote_ids(world)
    company(world).vanish(EMPLOYEES, id_of(world, gone))
    (result,) = await world.sync(models=[PEOPLE])
    assert result.counts.deleted == 0
    assert view(world, PEOPLE)[gone]["deleted_by"] is None
    assert gone in view(world, "people_live")

    (result,) = await world.sync(models=[PEOPLE])
    assert result.counts.deleted == 1
    assert view(world, PEOPLE)[gone]["deleted_by"] == "sweep"
    assert view(world, PEOPLE)[gone]["remote_deleted_at"] is not None
    assert set(view(world, "people_live")) == set(others)
    assert (stream(world, PEOPLE).rows_live, stream(world, PEOPLE).rows_deleted) == (len(others), 1)


async def test_a_marked_record_that_comes_back_is_alive_again(make_native: MakeNative) -> None:
    world = make_native(people())
    await world.sync(models=[PEOPLE])
    (gone, *_) = remote_ids(world)
    before = view(world, PEOPLE)[gone]
    company(world).vanish(EMPLOYEES, id_of(world, gone))
    await world.sync(models=[PEOPLE])
    await world.sync(models=[PEOPLE])
    company(world).restore(EMPLOYEES, id_of(world, gone))
    (result,) = await world.sync(models=[PEOPLE])
    assert (result.counts.restored, result.counts.written) == (1, 1)
    row = view(world, "people_live")[gone]
    assert (row["remote_deleted_at"], row["deleted_by"]) == (None, None)
    assert (row["first_seen_at"], row["document"]) == (before["first_seen_at"], before["document"])
    assert (stream(world, PEOPLE).rows_live, stream(world, PEOPLE).rows_deleted) == (
        len(remote_ids(world)),
        0,
    )


async def test_a_record_that_is_missing_once_and_then_there_begins_anew(make_native: MakeNative) -> None:
    world = make_native(people())
    await world.sync(models=[PEOPLE])
    (shy, *_) = remote_ids(world)
    for _ in range(3):
        company(world).vanish(EMPLOYEES, id_of(world, shy))
        await world.sync(models=[PEOPLE])
        company(world).restore(EMPLOYEES, id_of(world, shy))
        (result,) = await world.sync(models=[PEOPLE])
        assert result.counts.written == 0
    assert view(world, PEOPLE)[shy]["deleted_by"] is None


async def test_a_view_says_when_a_list_last_had_each_record(make_native: MakeNative) -> None:
    world = make_native(people())
    (gone, other, *_) = remote_ids(world)

    async def seen() -> tuple[Any, Any, Any]:
        """When the run's list began, and when the view says that it last had the two."""
        await world.sync(models=[PEOPLE])
        rows = view(world, PEOPLE)
        return (
            stream(world, PEOPLE).last_full_walk_at,
            rows[gone]["last_seen_at"],
            rows[other]["last_seen_at"],
        )

    # New rows have been seen when they were written, a little after the list began.
    first, of_gone, of_other = await seen()
    assert first <= of_gone == of_other == view(world, PEOPLE)[gone]["mirrored_at"]
    second, of_gone, of_other = await seen()
    assert first < second == of_gone == of_other
    company(world).vanish(EMPLOYEES, id_of(world, gone))
    third, of_gone, of_other = await seen()
    assert (of_gone, of_other) == (second, third)
    fourth, of_gone, of_other = await seen()
    assert (of_gone, of_other) == (second, fourth)
    assert view(world, PEOPLE)[gone]["deleted_by"] == "sweep"
    fifth, of_gone, of_other = await seen()
    assert (of_gone, of_other) == (second, fifth)
    company(world).restore(EMPLOYEES, id_of(world, gone))
    sixth, of_gone, of_other = await seen()
    assert of_other == sixth <= of_gone == view(world, PEOPLE)[gone]["mirrored_at"]
    seventh, of_gone, of_other = await seen()
    assert of_gone == of_other == seventh
