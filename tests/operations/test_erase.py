"""What comes of an erasure: what it tells, keeps, and is done with later, on the quicker database."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Text, cast, event, inspect, select, text

from syncer.domain.errors import UsageError
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Mode
from syncer.domain.verification.difference import Apart
from syncer.operations.erase import Wanted, erase, list_erasures, preview
from syncer.operations.refresh import refresh
from syncer.operations.sync import sync
from syncer.operations.verify import verify
from syncer.simulator.server.faults import Mangled, Match
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.state.erasures import has_unfinished
from syncer.store.state.projections import unfinished_lists
from syncer.sync.departed import purge_integration
from syncer.sync.run import run_stream
from tests.support.alone import ready
from tests.support.feed_copy import FeedCopy
from tests.support.somebody import (
    ABOUT,
    CANDIDATES,
    EMPLOYEES,
    HRIS,
    MARK,
    add_somebody,
    counted,
    erased_now,
    everything,
    mirror_somebody,
    walk_whole,
)
from tests.support.world import MakeWorld, World, company_of


@pytest.fixture
def migrated_url(sqlite_url: str, sqlite_template: Path) -> str:
    """Of one kind: tests/sync/test_erase.py has what differs."""
    shutil.copy(sqlite_template, sqlite_url.removeprefix("sqlite:///"))
    return sqlite_url


async def test_its_id_is_nowhere_where_no_feed_tells_of_it(make_world: MakeWorld) -> None:
    world, somebody, _ = await mirror_somebody(make_world)
    assert everything(world).count(somebody) > 3
    await erased_now(world, Wanted(EMPLOYEES, id=somebody))
    await walk_whole(world)
    assert somebody not in everything(world)


async def test_what_comes_later_about_an_erased_person_is_not_stored(make_world: MakeWorld) -> None:
    world, somebody, _ = await mirror_somebody(make_world, CANDIDATES)
    company = company_of(world)
    await erased_now(world, Wanted("ats_candidates", id=somebody))
    known = world.mirror.fetch("SELECT count(*) FROM sync_erased")[0][0]

    world.clock.advance(timedelta(minutes=1))
    job = company.ids("ats_jobs")[0]
    application = company.add("ats_applications", {"candidate_id": somebody, "job_id": job, "outcome": MARK})
    await world.sync()
    # It is known by itself from now on: what is about it need not name the person.
    assert world.mirror.fetch("SELECT count(*) FROM sync_erased")[0][0] > known
    interview = company.add("ats_interviews", {"application_id": application, "title": MARK})

    def without_application(body: bytes) -> bytes:
        answer = json.loads(body)
        for record in answer["data"]["results"]:
            record["application"] = None
        return json.dumps(answer).encode()

    world.environment.faults.add(Match(model="ats_interviews"), Mangled(without_application), times=None)
    world.clock.advance(timedelta(minutes=1))
    await world.sync(may_quarantine=True)
    left = everything(world)
    assert [each for each in (MARK, application, interview, somebody) if each in left] == []


async def test_a_person_can_be_kept_out_before_the_source_tells_of_them(make_world: MakeWorld) -> None:
    world = make_world(records=150, sync={"models": HRIS})
    company = company_of(world)
    somebody, _ = add_somebody(company, EMPLOYEES)
    remote_id = company.row(EMPLOYEES, somebody)["remote_id"]
    wanted = Wanted(EMPLOYEES, remote_id=remote_id, integration_id=company.integration_id)
    receipt = await erased_now(world, wanted)
    assert (receipt.erased, receipt.mentioned) == ({}, {})
    await world.sync(mode=Mode.BACKFILL)
    assert somebody not in world.rows(EMPLOYEES, company.integration_id)
    # Of the employees alone: nobody could know whose Kombo's id that is in other lists.
    await walk_whole(world)
    assert somebody not in everything(world)


async def test_refresh_says_that_a_record_is_erased_and_does_not_store_it(make_world: MakeWorld) -> None:
    world, somebody, _ = await mirror_somebody(make_world)
    company = company_of(world)
    await erased_now(world, Wanted(EMPLOYEES, id=somebody))
    async with world.app() as app:
        (refreshed,) = await refresh(app, company.integration_id, EMPLOYEES, [somebody])
        assert (refreshed.became, refreshed.reason) == ("erased", None)
        remote_id = company.row(EMPLOYEES, somebody)["remote_id"]
        (refreshed,) = await refresh(app, company.integration_id, EMPLOYEES, [remote_id], by="remote_ids")
        assert refreshed.became == "erased"
    assert somebody not in everything(world)


async def test_what_is_erased_is_not_missing(make_world: MakeWorld) -> None:
    world, somebody, _ = await mirror_somebody(make_world, deletions={"max_rows": 0, "max_share": 0})
    company = company_of(world)
    await erased_now(world, Wanted(EMPLOYEES, id=somebody))
    await walk_whole(world)
    company.vanish(EMPLOYEES, somebody)
    await walk_whole(world)
    assert {each.state for each in world.streams().values()} == {"complete"}
    assert world.mirror.fetch("SELECT * FROM sync_missing") == []
    assert [each for each in counted(world) if each[1] != each[2]] == []


async def test_erased_alone_what_is_about_it_stays_without_naming_it(make_world: MakeWorld) -> None:
    world, somebody, about = await mirror_somebody(make_world)
    company = company_of(world)
    receipt = await erased_now(world, Wanted(EMPLOYEES, id=somebody, only=True))
    assert "hris_absences" not in receipt.erased
    assert await walk_whole(world) == 0
    for model in ABOUT[EMPLOYEES]:
        assert about[model] <= world.rows(model, company.integration_id).keys()
    assert somebody not in everything(world)
    absences = world.mirror.fetch("SELECT count(*) FROM hris_absences WHERE employee_id IS NULL")
    assert absences[0][0] == sum(
        each["employee_id"] == somebody for each in world.source("hris_absences", company).values()
    )


async def test_the_feed_tells_whose_rows_went_and_which_members_lost_something(make_world: MakeWorld) -> None:
    world, somebody, about = await mirror_somebody(make_world, changes={"models": ["*"], "before": True})
    company = company_of(world)
    copy = FeedCopy([StreamKey(company.integration_id, model) for model in HRIS])
    with world.database() as connection:
        copy.follow(connection)
    receipt = await erased_now(world, Wanted(EMPLOYEES, id=somebody))
    with world.database() as connection:
        told = copy.follow(connection)
        copy.assert_equals(connection)
    gone = {
        model: {e.record_id for e in told if (e.operation, e.model) == ("erased", model)} for model in HRIS
    }
    assert gone == about
    mentions = [each for each in told if each.operation == "updated"]
    assert len(mentions) == sum(receipt.mentioned.values())
    assert all(each.before is None and each.members for each in mentions)
    assert {member for each in mentions for member in each.members or ()} <= {
        *("manager", "manager_id", "approver_id", "reviewer"),
    }
    assert await walk_whole(world) == 0


async def test_a_preview_tells_what_an_erasure_does_and_changes_nothing(make_world: MakeWorld) -> None:
    world, somebody, _ = await mirror_somebody(make_world, history={"models": HRIS})
    wanted = Wanted(EMPLOYEES, id=somebody)

    def rows() -> list[str]:
        with world.database() as connection:
            tables = sorted(inspect(connection).get_table_names())
            return [repr(connection.execute(text(f"SELECT * FROM {each}")).all()) for each in tables]

    before = rows()
    async with world.app() as app:
        expected = preview(app, wanted)
        assert rows() == before
        receipt = await erase(app, wanted)
    assert (receipt.erased, receipt.mentioned) == (expected.erased, expected.mentioned)
    assert receipt.erased[f"{EMPLOYEES}_history"] == 1


async def test_an_erasure_that_was_interrupted_is_finished_by_whoever_comes_next(
    make_world: MakeWorld,
) -> None:
    world, somebody, _ = await mirror_somebody(make_world)
    async with world.app() as app:
        app.stopping.set()
        receipt = await erase(app, Wanted(EMPLOYEES, id=somebody))
        assert receipt.state == "under way"
    with world.database() as connection:
        assert has_unfinished(connection)
        assert unfinished_lists(connection)
    async with world.app() as app:
        assert await app.reprojection.is_needed()
    # Copies are still there, and no page brings the record back meanwhile.
    assert await walk_whole(world) == 0
    async with world.app() as app:
        assert not await app.reprojection.is_needed()
        (finished,) = list_erasures(app)
    assert finished.state == "finished"
    assert somebody not in everything(world)


async def test_receipts_hold_nothing_personal(make_world: MakeWorld) -> None:
    world, somebody, _ = await mirror_somebody(make_world)
    company = company_of(world)
    record = company.row(EMPLOYEES, somebody)
    await erased_now(world, Wanted(EMPLOYEES, id=somebody, reason="case 12"))
    with world.database() as connection:
        kept = [
            str(row)
            for table in ("sync_erased", "sync_erasures", "sync_erasure_key")
            for row in connection.execute(text(f"SELECT * FROM {table}"))
        ]
    values = {str(each) for each in record.values() if isinstance(each, str) and len(each) > 3}
    assert [each for each in values for row in kept if each in row] == []


async def test_what_cannot_be_erased_is_an_error_that_says_what_to_do(world: World) -> None:
    async with world.app() as app:
        await app.prepare()
        for wanted, words in (
            (Wanted(EMPLOYEES), "Name the record"),
            (Wanted(EMPLOYEES, id="1", remote_id="1"), "Name the record"),
            (Wanted(EMPLOYEES, remote_id="1"), "Name the integration"),
            (Wanted("hris_employee", id="1"), "no model"),
            (Wanted(EMPLOYEES, id="1"), "no row"),
            (Wanted(EMPLOYEES, id="1", reason="x" * 501), "--reason"),
            (Wanted(EMPLOYEES, id="1", integration_id="nobody"), "never mirrored"),
        ):
            with pytest.raises(UsageError, match=words):
                preview(app, wanted)
    (integration_id,) = world.environment.integrations
    by_remote = Wanted(EMPLOYEES, remote_id="1", integration_id=integration_id)
    async with world.app(privacy={"exclude": ["hris_employees.remote_id"]}) as app:
        with pytest.raises(UsageError, match="remote_id is excluded"):
            preview(app, by_remote)


async def test_rows_of_an_erased_integration_stay_erased_when_it_is_mirrored_again(
    make_world: MakeWorld,
) -> None:
    world, somebody, _ = await mirror_somebody(make_world)
    company = company_of(world)
    await erased_now(world, Wanted(EMPLOYEES, id=somebody))
    async with world.app() as app, ready(app) as (context, integrations):
        await purge_integration(context, integrations, company.integration_id)
        await run_stream(
            context, integrations, StreamKey(company.integration_id, EMPLOYEES), mode=Mode.RESTART
        )
    assert world.rows(EMPLOYEES, company.integration_id)
    assert somebody not in everything(world)
    with world.database() as connection:
        documents = select(cast(MIRROR[EMPLOYEES].c.document, Text))
        assert all(somebody not in each for each in connection.execute(documents).scalars())


async def test_where_nothing_is_erased_no_statement_asks_for_it(make_world: MakeWorld) -> None:
    world = make_world(records=150, sync={"models": HRIS})
    statements: list[str] = []
    async with world.app() as app:
        event.listen(app.database.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
        await sync(app, Mode.BACKFILL)
    assert len(statements) > 50
    assert [each for each in statements if "sync_erased" in each] == []
    # The version comes with what pins the projection.
    asked = [each for each in statements if "sync_erasure_key" in each]
    assert asked
    assert [each for each in asked if "sync_projections" not in each] == []


async def test_what_is_erased_is_no_difference_for_a_verification(make_world: MakeWorld) -> None:
    world, somebody, about = await mirror_somebody(make_world)
    await erased_now(world, Wanted(EMPLOYEES, id=somebody))
    async with world.app() as app:
        verified = await verify(app)
    assert [(each.key.model, each.reason) for each in verified.streams if each.verdict != "equal"] == []
    apart = {each.key.model: each.findings.apart[Apart.ERASED] for each in verified.streams}
    assert apart == {model: len(ids) for model, ids in about.items()}
    assert all(each.digests and each.digests.source == each.digests.mirror for each in verified.streams)
