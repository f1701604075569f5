"""Passes, moves and webhooks where a mirror is of several environments."""

from __future__ import annotations

import httpx
import pytest

from syncer.daemon.web.pages import pages
from syncer.domain.errors import KeyRefused, UsageError
from syncer.domain.native.call import Call
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.operations import integrations as of_integrations
from syncer.operations import refresh as of_records
from syncer.operations.check import check
from syncer.operations.passthrough import passthrough
from syncer.operations.plan import plan
from syncer.operations.quarantine import list_quarantine
from syncer.operations.status import status
from syncer.operations.sync import sync
from syncer.planning.cost import Command
from tests.support.keys import Keys, secret_of, source_of
from tests.support.mirror import Mirror
from tests.support.source import MODELS
from tests.support.waiting import until_async
from tests.support.webhooks import data_changed, event, send


@pytest.fixture
def keys(migrated_url: str) -> Keys:
    """Two environments on both databases."""
    sources = {name: source_of(name) for name in ("default", "us")}
    return Keys(sources, Mirror(migrated_url), {"changes": {"models": ["*"]}})


async def test_one_mirror_holds_all_environments_and_names_them(keys: Keys) -> None:
    async with keys.app() as app:
        results = await sync(app, Mode.BACKFILL)
        assert {each.outcome for each in results} == {Outcome.COMPLETE}
        named = keys.mirror.fetch("SELECT DISTINCT environment, integration_id FROM mirror_freshness")
        assert set(named) == {(name, keys.integration(name)) for name in keys.sources}
        told = keys.mirror.fetch("SELECT DISTINCT environment, integration_id FROM mirror_changes")
        assert set(told) == set(named)
        # Each key has spent a budget of its own, on its own requests.
        spent = keys.mirror.fetch("SELECT environment FROM sync_budgets ORDER BY environment")
        assert spent == [("default",), ("us",)]
        for name, source in keys.sources.items():
            keys.assert_equal(name)
            assert {each.integration_id for each in source.requests} <= {None, keys.integration(name)}
        report = status(app)
        assert [each["name"] for each in report["environments"]] == ["default", "us"]
        assert all(each["budget"]["used"] and each["key"] is None for each in report["environments"])
        assert {each["id"]: each["environment"] for each in report["integrations"]} == {
            keys.integration(name): name for name in keys.sources
        }
        assert set(plan(app, [Command.SYNC])) == {"default", "us"}
        findings = [each async for each in check(app)]
        accepted = [each.environment for each in findings if each.subject == "key" and each.is_well]
        assert accepted == ["default", "us"]


async def test_the_name_of_an_environment_selects_what_is_done(keys: Keys) -> None:
    us, other = keys.integration("us"), keys.integration("default")
    async with keys.app() as app:
        results = await sync(app, Mode.SYNC, environments=["us"])
        assert {each.key.integration_id for each in results} == {us}
        assert not keys.sources["default"].requests
        assert [each["id"] for each in status(app, environments=["us"])["integrations"]] == [us]
        assert [each.id for each in of_integrations.list_integrations(app, ["us"])] == [us]
        assert list_quarantine(app, environments=["us"]) == []
        assert set(plan(app, [Command.SYNC], environments=["us"])) == {"us"}
        id = next(iter(keys.sources["us"].companies[us].ids("hris_groups")))
        (fetched,) = await of_records.refresh(app, us, "hris_groups", [id], environments=["us"])
        assert fetched.became == "unchanged"
        with pytest.raises(UsageError, match=f"{other} is not mirrored in us"):
            await sync(app, Mode.SYNC, environments=["us"], integrations=[other])
        with pytest.raises(UsageError, match=r"no environment 'uss' .*Did you mean us\?"):
            await sync(app, Mode.SYNC, environments=["uss"])
        with pytest.raises(UsageError, match="Nobody knows which environment hibob:new is in"):
            await passthrough(app, Call("hibob/v1", "GET", "/people"), "hibob:new", force=True)


async def test_a_refused_key_fails_its_streams_and_leaves_the_others_alone(keys: Keys) -> None:
    settings = keys.tables()
    keys.sources["us"].api_key = "ks_dev_next"
    keys.settings["environments"] = settings["environments"]
    async with keys.app() as app:
        results = await sync(app, Mode.BACKFILL)
        outcomes = {(each.key.integration_id, each.outcome) for each in results}
        assert outcomes == {
            (keys.integration("default"), Outcome.COMPLETE),
            (keys.integration("us"), Outcome.FAILED),
        }
        assert all(each.error is None or "Environment us: " in each.error for each in results)
        assert len(results) == 2 * len(MODELS)
        keys.assert_equal("default")
        report = status(app)
        assert (report["is_well"], report["key"]["environment"]) == (False, "us")
        findings = [each async for each in check(app)]
        assert [each.environment for each in findings if not each.is_well] == ["us"]
        # Where every key is refused that is the error of the whole.
        with pytest.raises(KeyRefused):
            await sync(app, Mode.SYNC, environments=["us"])
        keys.sources["default"].api_key = "ks_dev_next"
        with pytest.raises(KeyRefused):
            await sync(app, Mode.SYNC)


async def test_the_secret_of_a_webhook_tells_its_environment(keys: Keys) -> None:
    us, new = keys.integration("us"), "hibob:new"
    notes = "SELECT environment, note FROM sync_webhook_events WHERE note IS NOT NULL"
    unapplied = "SELECT count(*) FROM sync_webhook_events WHERE action = 'apply'"
    keys.settings["webhooks"] = {"secrets": [secret_of("default")], "discover": ["*"]}
    async with keys.app() as app:
        await sync(app, Mode.BACKFILL)
        transport = httpx.ASGITransport(app=pages(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://hooks.example") as client:

            async def outcome(body: bytes, secret: str) -> object:
                answer = await send(client, body, secret)
                return answer.json().get("outcome", answer.status_code)

            told = data_changed(us, "hris_teams", event_id="one")
            assert await outcome(told, secret_of("nobody")) == 401
            # Another environment knows nothing of it, and must not take it for a new one.
            assert await outcome(told, secret_of("default")) == "accepted"
            await until_async(lambda: keys.mirror.fetch(notes) == [("default", "not_mirrored")], "the effect")
            assert await outcome(told, secret_of("us")) == "accepted"
            assert await outcome(event("integration-created", id=new), secret_of("us")) == "accepted"
            await until_async(lambda: keys.mirror.fetch(unapplied) == [(0,)], "the other effects")
    due = "SELECT environment, model FROM sync_streams WHERE due_at IS NOT NULL"
    assert keys.mirror.fetch(due) == [("us", "hris_groups")]
    actions = "SELECT environment, integration_id, action FROM sync_webhook_events WHERE action IS NOT NULL"
    assert keys.mirror.fetch(actions) == [("us", new, "discover")]


async def test_a_mirror_of_one_key_becomes_one_of_two_without_reading_anything_anew(keys: Keys) -> None:
    default, us = keys.sources["default"], keys.sources.pop("us")
    moving = next(iter(us.integrations))
    default.add(us.companies[moving])
    async with keys.app() as app:
        await sync(app, Mode.BACKFILL)
    written = f"SELECT max(mirrored_at) FROM hris_groups WHERE integration_id = '{moving}'"
    before = keys.mirror.fetch(written)
    # The other key opens it from now on.
    default.remove(moving)
    keys.sources["us"] = us
    async with keys.app() as app:
        results = await sync(app, Mode.BACKFILL)
        assert {each.outcome for each in results} == {Outcome.SKIPPED}
        results = await sync(app, Mode.SYNC)
        assert {(each.outcome, each.kind) for each in results} == {(Outcome.COMPLETE, "incremental")}
    assert keys.mirror.fetch(written) == before
    found = dict(keys.mirror.fetch("SELECT DISTINCT integration_id, environment FROM mirror_freshness"))
    assert found[moving] == "us"
    left = f"SELECT count(*) FROM mirror_changes WHERE integration_id = '{moving}' AND environment <> 'us'"
    assert keys.mirror.fetch(left) == [(0,)]
    keys.assert_equal("us")


async def test_what_is_not_configured_any_more_is_let_go_unless_a_command_added_it(keys: Keys) -> None:
    us, added = keys.integration("us"), "hibob:added"
    async with keys.app() as app:
        await of_integrations.add_integration(app, added, asks=False, environments=["us"])
        with pytest.raises(UsageError, match=f"{added} is in the environment us"):
            await of_integrations.add_integration(app, added, asks=False, environments=["default"])
    del keys.sources["us"]
    async with keys.app() as app:
        app.open_database()
        warned = [each.found async for each in check(app) if each.subject == "environments"]
        assert len(warned) == 1
        assert warned[0].startswith("integrations of us are mirrored")
        of_integrations.remove_integration(app, added)
        assert [each async for each in check(app) if each.subject == "environments"] == []
        # And may come back elsewhere.
        await of_integrations.add_integration(app, added, asks=False)
    found = keys.mirror.fetch("SELECT id, environment, removed_at IS NULL FROM sync_integrations")
    assert {(id, environment, bool(is_mirrored)) for id, environment, is_mirrored in found} == {
        (keys.integration("default"), "default", True),
        (added, "default", True),
        (us, "us", False),
    }
