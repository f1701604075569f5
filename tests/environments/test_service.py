"""The service where a mirror is of several environments: what is wrong with one holds up no other."""

from __future__ import annotations

import asyncio

import structlog
from structlog.testing import capture_logs

from syncer.daemon.service import run_service
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Mode
from syncer.operations.status import status
from syncer.operations.sync import sync
from syncer.sync.context import Progress
from tests.support.keys import Keys, secret_of, source_of
from tests.support.mirror import Mirror
from tests.support.running_service import running_service
from tests.support.source import MODELS
from tests.support.waiting import until_async
from tests.support.webhooks import event, take


async def test_a_limit_that_is_used_up_and_a_refused_key_hold_up_no_other_environment(
    migrated_url: str,
) -> None:
    # Of three requests one is for the key, and one about the integration.
    sources = {"default": source_of("default", limit=3), "ca": source_of("ca"), "us": source_of("us")}
    keys = Keys(sources, Mirror(migrated_url))
    # One place: whoever waits in it keeps it.
    keys.settings["sync"] = {**keys.tables()["sync"], "concurrency": 1}
    keys.settings["environments"] = keys.tables()["environments"]
    sources["ca"].api_key = "ks_dev_next"
    ended: set[StreamKey] = set()

    def note(step: Progress) -> None:
        if step.step == "ended" and step.result is not None and step.result.outcome.is_well:
            ended.add(step.key)

    us = {StreamKey(keys.integration("us"), model) for model in MODELS}
    async with keys.app() as app:
        with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logged:
            running = asyncio.create_task(run_service(app, report=note, handle_signals=False))
            await until_async(lambda: len(sources["default"].requests) >= 3, "a limit that is used up")
            await until_async(lambda: us <= ended, "all streams of the others")
            await until_async(lambda: status(app)["key"], "the refusal")
            app.stopping.set()
            await running
        report = {each["name"]: each for each in status(app)["environments"]}
    assert len(sources["default"].requests) == 3
    assert (report["ca"]["key"]["environment"], report["us"]["key"]) == ("ca", None)
    assert len(ended - us) < len(MODELS)
    refused = [each["environment"] for each in logged if each["event"] == "key_refused"]
    assert refused == ["ca"]
    keys.assert_equal("us")


async def test_a_deletion_told_of_before_an_integration_moved_purges_nothing(migrated_url: str) -> None:
    us = source_of("us")
    keys = Keys({"default": source_of("default")}, Mirror(migrated_url))
    keys.settings["webhooks"] = {"secrets": [secret_of("default")], "integration_deleted": "purge"}
    moving = next(iter(us.integrations))
    keys.sources["default"].add(us.companies[moving])
    async with keys.app() as app:
        await sync(app, Mode.BACKFILL)
        told = event("integration-deleted", id=moving)
        assert take(app.environments["default"], told) == ["accepted"]
    keys.sources["default"].remove(moving)
    keys.sources["us"] = us
    notes = "SELECT note FROM sync_webhook_events WHERE handled_at IS NOT NULL"
    async with keys.app() as app, running_service(app):
        assert await until_async(lambda: keys.mirror.fetch(notes), "the end of the event") == [("moved",)]
    keys.assert_equal("us")
