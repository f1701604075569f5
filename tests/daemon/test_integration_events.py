"""What webhooks tell of integrations: found, asked about again, and let go only where Kombo says so, too."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.server.faults import Match, bad_gateway
from syncer.store.schema.mirror_tables import MIRROR, all_tables, integrations, streams, webhook_events
from tests.support.alone import alone
from tests.support.databases import ON_SQLITE
from tests.support.mirror import Mirror
from tests.support.source import MODELS, make_environment
from tests.support.told_service import ToldService
from tests.support.webhooks import data_changed, event


@pytest.fixture
def two(migrated_url: str) -> ToldService:
    """Two integrations, of which the configuration names the first."""
    world = ToldService(make_environment(integrations=2, records=120), Mirror(migrated_url))
    world.settings["integrations"] = [{"id": ids(world)[0]}]
    return world


def ids(world: ToldService) -> list[str]:
    return list(world.environment.integrations)


def row(world: ToldService, integration_id: str) -> Any:
    with world.database() as connection:
        return connection.execute(
            select(integrations).where(integrations.c.id == integration_id)
        ).one_or_none()


def states(world: ToldService, integration_id: str) -> set[str]:
    return {each.state for key, each in world.streams().items() if key.integration_id == integration_id}


def live(world: ToldService, integration_id: str) -> int:
    """Rows of the integration that are not deleted, in all models."""
    with world.database() as connection:
        return sum(
            connection.execute(
                select(func.count()).where(
                    MIRROR[name].c.integration_id == integration_id,
                    MIRROR[name].c.remote_deleted_at.is_(None),
                )
            ).scalar_one()
            for name in catalogue()
        )


async def done(world: ToldService, note: str) -> None:
    """Wait until the last event has been done, which has come to that."""
    await world.until(lambda: world.events()[-1].handled_at, "the effect")
    assert world.events()[-1].note == note


async def ignored(world: ToldService, body: bytes) -> None:
    """Tell of what is not mirrored, and wait until that has been found."""
    assert await world.tell(body) == "accepted"
    await done(world, "not_mirrored")
    assert world.events()[-1].outcome == "ignored"


async def discovered(world: ToldService) -> str:
    """Mirror the second integration because of a webhook; give its id."""
    other = ids(world)[1]
    assert await world.tell(event("integration-created", id=other, tool="x", category="HRIS")) == "accepted"
    await done(world, "discovered")
    await world.until(lambda: states(world, other) == {"complete"}, "the first load")
    return other


async def test_an_integration_that_was_made_is_mirrored_from_then_on(two: ToldService) -> None:
    async with two.serving(webhooks={"discover": ["*"]}):
        other = await discovered(two)
        assert row(two, other).origin == "webhook"
        assert live(two, other) > 0
        # It is one that is mirrored now.
        assert await two.tell(data_changed(other, "hris_teams")) == "accepted"
        assert two.words("integration_added")[-1]["integration"] == other
    async with two.serving():
        assert states(two, other) == {"complete"}


@ON_SQLITE
async def test_any_event_discovers_where_the_first_was_lost_and_globs_decide(two: ToldService) -> None:
    first, other = ids(two)
    async with two.serving(webhooks={"discover": [f"{other.partition(':')[0]}:*"]}):
        await ignored(two, data_changed("workday:of-somebody-else", "hris_teams"))
        assert await two.tell(data_changed(other, "hris_teams")) == "accepted"
        await done(two, "discovered")
        await two.until(lambda: states(two, other) == {"complete"}, "the first load")
    assert {key.integration_id for key in two.streams()} == {first, other}


async def test_one_that_a_command_has_removed_is_not_discovered_again(two: ToldService) -> None:
    async with two.serving(webhooks={"discover": ["*"]}) as (app,):
        other = await discovered(two)
        with app.database.begin() as connection:
            alone(app).integrations.remove(connection, other, app.database.now(connection))
        await ignored(two, event("integration-created", id=other))
        await ignored(two, data_changed(other, "hris_teams"))


@ON_SQLITE
@pytest.mark.parametrize("kind", ["integration-state-changed", "issue-status-changed", "integration-created"])
async def test_what_waits_for_an_integration_goes_on_once_a_webhook_tells_of_it(
    two: ToldService, kind: str
) -> None:
    first = ids(two)[0]
    async with two.serving():
        source = two.environment.integrations[first]
        source.status, source.refuses_inactive = "INACTIVE", True
        # What the event says is not taken for the fact.
        data: dict[str, Any] = {
            "integration_id": first,
            "id": first,
            "integration": {"id": first},
            "state": "ACTIVE",
        }
        assert await two.tell(event(kind, **data)) == "accepted"
        await two.until(lambda: states(two, first) == {"waiting"}, "the pause")
        assert row(two, first).status == "INACTIVE"
        source.status = "ACTIVE"
        assert await two.tell(event(kind, **data)) == "accepted"
        await two.until(lambda: states(two, first) == {"complete"}, "the end of the pause")
        assert row(two, first).status == "ACTIVE"
        assert {each.note for each in two.events()} == {"refreshed"}


@ON_SQLITE
async def test_the_deletion_of_one_that_kombo_still_knows_does_nothing(two: ToldService) -> None:
    first = ids(two)[0]
    async with two.serving(webhooks={"integration_deleted": "purge"}):
        rows = live(two, first)
        assert await two.tell(event("integration-deleted", id=first)) == "accepted"
        await done(two, "refuted")
        assert (live(two, first), states(two, first)) == (rows, {"complete"})


@ON_SQLITE
async def test_while_kombo_gives_no_answer_nothing_is_deleted(two: ToldService) -> None:
    first = ids(two)[0]
    async with two.serving(webhooks={"integration_deleted": "purge"}) as (app,):
        rows = live(two, first)
        two.environment.faults.add(Match(path="*/integrations/*"), bad_gateway(), times=None)
        two.environment.remove(first)
        asked = len(two.environment.requests)
        assert await two.tell(event("integration-deleted", id=first)) == "accepted"
        await two.until(lambda: len(two.environment.requests) > asked, "the question")
        assert live(two, first) == rows
        with app.database.read() as connection:
            assert len(alone(app).webhook_events.pending_actions(connection)) == 1


@pytest.mark.parametrize("policy", ["keep", "mark", "purge"])
async def test_the_rows_of_a_deleted_integration_are_kept_marked_or_purged(
    two: ToldService, policy: str
) -> None:
    note = {"keep": "kept", "mark": "marked", "purge": "purged"}[policy]
    async with two.serving(webhooks={"discover": ["*"], "integration_deleted": policy}):
        first, other = ids(two)[0], await discovered(two)
        mine, theirs = live(two, first), live(two, other)
        two.environment.remove(other)
        assert await two.tell(event("integration-deleted", id=other)) == "accepted"
        await done(two, note)
        # Told again, and late, it is none that is mirrored.
        await ignored(two, event("integration-deleted", id=other))
        await ignored(two, data_changed(other, "hris_teams"))
        assert live(two, other) == (theirs if policy == "keep" else 0)
        assert live(two, first) == mine
        assert states(two, other) == set()
        assert row(two, other).removed_at is not None
        if policy == "mark":
            assert_all_counted(two, other, theirs)
        if policy == "purge":
            assert_nothing_left(two, other)


async def test_one_that_the_configuration_names_is_gone_until_it_is_taken_out_there(two: ToldService) -> None:
    first = ids(two)[0]
    async with two.serving(webhooks={"integration_deleted": "purge"}):
        two.environment.remove(first)
        assert await two.tell(event("integration-deleted", id=first)) == "accepted"
        await done(two, "purged")
        assert live(two, first) == 0
        await two.until(lambda: states(two, first) == {"gone"}, "the answer")
        assert len(two.streams()) == len(MODELS)


def assert_all_counted(world: ToldService, integration_id: str, deleted: int) -> None:
    with world.database() as connection:
        live_rows, deleted_rows = connection.execute(
            select(func.sum(streams.c.rows_live), func.sum(streams.c.rows_deleted)).where(
                streams.c.integration_id == integration_id
            )
        ).one()
    assert (int(live_rows), int(deleted_rows) >= deleted) == (0, True)


def assert_nothing_left(world: ToldService, integration_id: str) -> None:
    """Fail where any table but those of events and integrations knows it, or rows of links are left over."""
    with world.database() as connection:
        for table in all_tables().sorted_tables:
            if "integration_id" in table.c and table is not webhook_events:
                count = select(func.count()).where(table.c.integration_id == integration_id)
                assert connection.execute(count).scalar_one() == 0, table.name
        assert dangling(connection) == 0
    found = row(world, integration_id)
    assert (found.organisation, found.tool, found.read_models) == (None, None, None)


def dangling(connection: Connection) -> int:
    """Count rows of links whose employee is not there."""
    link, owner = MIRROR["hris_employees_groups"], MIRROR["hris_employees"]
    missing = select(func.count()).where(link.c.employee_id.not_in(select(owner.c.id)))
    return connection.execute(missing).scalar_one()
