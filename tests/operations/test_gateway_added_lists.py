"""Lists that the configuration adds are answered by the gateway as models are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert

from syncer.domain.gateway.answer import Answered, Forwarded
from syncer.domain.streams.stream import Mode
from syncer.simulator.server.faults import Match, rewritten
from syncer.store.schema.mirror_tables import passthrough_records
from tests.support.added_lists import CLAIMS, SHIFTS, added_world, block, company, shifts, stream
from tests.support.gateway import GatewayLists, KomboLists, NaiveReader
from tests.support.mirror import Record
from tests.support.source import SOURCE_TIME
from tests.support.world import MakeWorld, World

ON_SQLITE = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def sync(world: World, later: timedelta = timedelta(0), **arguments: Any) -> None:
    """Mirror the company after so long a time."""
    world.clock.advance(later)
    world.clock_offset += later
    asyncio.run(world.sync(**arguments))


@contextmanager
def gateway(world: World, **settings: Any) -> Iterator[GatewayLists]:
    """Open the lists of the company as the gateway answers them. settings: changes to the program's."""
    app = world.app(**settings)
    with closing(app):
        yield GatewayLists(app, company(world).integration_id)


def by_id(records: list[Record]) -> dict[str, Record]:
    found = {each["id"]: each for each in records}
    assert len(found) == len(records), "a record came twice"
    return found


def test_an_added_list_is_that_of_kombo_whatever_is_asked_for(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts(), block(CLAIMS))
    sync(world)
    firm = company(world)
    changed, deleted, *others = firm.ids(SHIFTS)
    world.clock.advance(MINUTE)
    firm.update(SHIFTS, changed, status="CANCELLED")
    firm.delete(SHIFTS, deleted)
    sync(world, 10 * MINUTE)
    remote = [each["remote_id"] for each in firm.rows(SHIFTS)[:3]]
    asked: list[tuple[str, dict[str, str]]] = [
        (SHIFTS, {}),
        (CLAIMS, {}),
        (SHIFTS, {"page_size": "7"}),
        (SHIFTS, {"include_deleted": "true", "page_size": "39"}),
        (SHIFTS, {"ids": ",".join([changed, deleted, others[3], "no-such-id"])}),
        (SHIFTS, {"ids": deleted, "include_deleted": "true"}),
        (SHIFTS, {"remote_ids": ",".join(remote), "include_deleted": "true", "page_size": "2"}),
        (SHIFTS, {"remote_ids": "no-such-id"}),
    ]
    kombo = KomboLists(world.environment, firm.integration_id)
    with gateway(world) as lists:
        for model, parameters in asked:
            theirs = by_id(kombo.walk(model, **parameters))
            assert by_id(lists.walk(model, **parameters)) == theirs, parameters
            assert bool(theirs) is ("no-such-id" not in parameters.get("remote_ids", ""))
        answer = lists.ask(SHIFTS)
        assert isinstance(answer, Answered)
        assert answer.complete_as_of == stream(world, SHIFTS).watermark
        refused = lists.ask(SHIFTS, page_size="251")
        assert isinstance(refused, Answered)
        assert (refused.status, refused.body) == kombo.ask(SHIFTS, {"page_size": "251"})


def test_pages_go_on_by_id_and_a_record_that_a_sweep_has_marked_says_so(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts())
    sync(world)
    vanished = company(world).ids(SHIFTS)[0]
    company(world).vanish(SHIFTS, vanished)
    sync(world, 8 * DAY)
    with gateway(world) as lists:
        records, cursor = lists.page(SHIFTS, page_size="2", include_deleted="true")
        everything = by_id(lists.walk(SHIFTS, include_deleted="true"))
        assert [each["id"] for each in records] == list(everything)[:2]
        assert cursor is not None
        # Of another list, or with other parameters, it is none.
        other = lists.ask(SHIFTS, cursor=cursor)
        assert isinstance(other, Answered)
        assert other.status == 400
        assert everything[vanished]["remote_deleted_at"] is not None
        assert vanished not in by_id(lists.walk(SHIFTS))


@pytest.mark.parametrize("seed", range(2))
def test_who_reads_it_incrementally_ends_with_what_the_mirror_has(make_world: MakeWorld, seed: int) -> None:
    world = added_world(make_world, shifts(), block(CLAIMS), deletions={"max_share": 1.0})
    world.clock_offset = SOURCE_TIME - datetime.now(UTC)
    asyncio.run(world.sync())
    rng, firm = Random(seed), company(world)
    with gateway(world) as lists:
        lists.max_age = 365 * DAY
        reader = NaiveReader(lists, (SHIFTS, CLAIMS))
        reader.poll()
        for _ in range(3):
            changed, deleted, vanished = rng.sample(firm.ids(SHIFTS), 3)
            world.clock.advance(MINUTE)
            firm.update(SHIFTS, changed, status=rng.choice(("PLANNED", "CANCELLED")), hours=rng.randrange(9))
            firm.delete(SHIFTS, deleted)
            firm.vanish(SHIFTS, vanished)
            world.clock.advance(10 * MINUTE)
            asyncio.run(world.sync(mode=rng.choice((Mode.SYNC, Mode.RESTART))))
            # What has not changed does not come again.
            assert 2 <= reader.poll() <= 9
            for name in reader.models:
                assert reader.copies[name] == by_id(lists.walk(name, include_deleted="true"))


def test_a_change_counts_from_kombos_time_where_that_is_later(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts())
    world.clock_offset = SOURCE_TIME - datetime.now(UTC)
    asyncio.run(world.sync())
    ahead = company(world).ids(SHIFTS)[0]
    company(world).update(SHIFTS, ahead, status="CANCELLED", at=SOURCE_TIME + 300 * DAY)
    sync(world, MINUTE)
    moment = (SOURCE_TIME + 200 * DAY).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    with gateway(world) as lists:
        assert set(by_id(lists.walk(SHIFTS, updated_after=moment))) == {ahead}


def test_rows_of_other_lists_environments_and_integrations_are_not_in_it(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts())
    sync(world)
    others = (("default", CLAIMS), ("another", SHIFTS), ("default", SHIFTS))
    with gateway(world) as lists:
        own = lists.integration
        before = lists.walk(SHIFTS, include_deleted="true")
        with lists.app.database.begin() as connection:
            now = lists.app.database.now(connection)
            for number, (environment, resource) in enumerate(others):
                connection.execute(
                    insert(passthrough_records).values(
                        environment=environment,
                        resource=resource,
                        integration_id="tool:other" if number == len(others) - 1 else own,
                        record_key=f"another-{number}",
                        first_seen_at=now,
                        last_seen_at=now,
                        mirrored_at=now,
                        content_hash=b"0" * 16,
                        document='{"id": "another"}',
                    )
                )
        assert lists.walk(SHIFTS, include_deleted="true") == before
        moment = (now - MINUTE).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
        assert "another" not in by_id(lists.walk(SHIFTS, updated_after=moment))


def reason(lists: GatewayLists, model: str = SHIFTS, **parameters: str) -> str:
    """Ask for a page that Kombo has to answer; give why."""
    answer = lists.ask(model, **parameters)
    assert isinstance(answer, Forwarded), answer
    return answer.reason


@ON_SQLITE
def test_what_the_mirror_does_not_answer_of_it_is_forwarded(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts(), block(CLAIMS, ids=False, paging=False))
    sync(world)
    with gateway(world) as lists:
        assert isinstance(lists.ask(SHIFTS), Answered)
        # Of its filters nobody knows anything.
        assert "not known" in reason(lists, statuses="PLANNED")
        assert "not known" in reason(lists, CLAIMS, ids="a")
        assert "not known" in reason(lists, CLAIMS, page_size="10")
        assert "Kombo's" in reason(lists, cursor="eyJhZnRlciI6IDF9")
        lists.serve = ("hris_e*",)
        assert isinstance(lists.ask(CLAIMS), Answered)
        assert "configuration" in reason(lists)
        lists.serve, lists.max_age = ("*",), timedelta(0)
        assert "too long ago" in reason(lists)
    in_part = {"models": [SHIFTS], "model": {SHIFTS: {"filters": {"statuses": "PLANNED"}}}}
    asyncio.run(world.sync(sync=in_part))
    with gateway(world) as lists:
        assert "in part" in reason(lists)


@ON_SQLITE
def test_it_is_forwarded_while_records_of_it_are_in_quarantine(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts())

    def without_id(answer: dict[str, dict[str, list[dict[str, object]]]]) -> object:
        answer["data"]["results"][0]["id"] = ""
        return answer

    world.environment.faults.add(Match(model=SHIFTS), rewritten(without_id))
    asyncio.run(world.sync(may_quarantine=True))
    with gateway(world) as lists:
        assert "quarantine" in reason(lists)


@ON_SQLITE
def test_what_is_excluded_is_neither_in_it_nor_to_be_filtered_by(make_world: MakeWorld) -> None:
    privacy = {"exclude": ["hris_shifts.hours", "hris_shifts.remote_id", "hris_employees.last_name"]}
    world = added_world(make_world, shifts(), privacy=privacy)
    sync(world)
    with gateway(world) as lists:
        for each in lists.walk(SHIFTS):
            assert not {"hours", "remote_id"} & each.keys()
            assert "last_name" not in (each["employee"] or {})
        assert "remote ids" in reason(lists, remote_ids="hris_shifts-1")


def plans_of(world: World, word: str, **parameters: str) -> list[tuple[bool, str]]:
    """Explain the statements with a word that a page takes; tell of each whether it is SQLite's."""
    asked: list[tuple[str, Any]] = []

    def note(_: Connection, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if word in statement:
            asked.append((statement, parameters))

    with gateway(world) as lists:
        database = lists.app.database
        event.listen(database.engine, "before_cursor_execute", note)
        lists.page(SHIFTS, page_size="5", **parameters)
        event.remove(database.engine, "before_cursor_execute", note)
        with database.begin() as connection:
            if not database.is_sqlite:
                # Of a table this small the planner would read all.
                connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
            return [
                (database.is_sqlite, str(connection.exec_driver_sql(f"{explain} {statement}", given).all()))
                for statement, given in asked
            ]


def test_a_page_of_it_is_one_look_into_the_index_of_the_shared_table(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts())
    sync(world)
    [(is_sqlite, plan)] = plans_of(world, "document")
    if is_sqlite:
        key = "(environment=? AND resource=? AND integration_id=? AND record_key>?)"
        assert key in plan
        assert "TEMP B-TREE" not in plan
    else:
        assert "Index Scan using" in plan
        assert "record_key > " in plan.partition("Index Cond: ")[2].partition("Filter: ")[0]
        assert "Sort" not in plan


def test_what_changed_since_a_moment_is_found_by_an_index(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts())
    sync(world)
    moment = (SOURCE_TIME - DAY).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    # The last row before the moment, and those from then on.
    plans = plans_of(world, "passthrough_records.changed_at", updated_after=moment)
    assert len(plans) == 2
    for is_sqlite, plan in plans:
        assert "ix_passthrough_records_last_told" in plan
        assert "TEMP B-TREE" not in plan
        assert is_sqlite or "Sort" not in plan
