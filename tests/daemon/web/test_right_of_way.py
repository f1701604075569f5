"""Answers that somebody waits for: pages of runs let them go first."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy import Connection, text

from syncer.store.db import right_of_way
from tests.support.gateway_lab import HEADERS, INTEGRATION, GatewayLab, gateway
from tests.support.locks import WAITING_FOR_LOCKS
from tests.support.mirror import Mirror
from tests.support.scripted_server import answer
from tests.support.waiting import until_async
from tests.support.webhooks import SECRET, data_changed, headers


async def ask(at: GatewayLab, what: str) -> int:
    """Send a webhook, or ask for a list; give the status of the answer."""
    if what == "sync_webhook_events":
        body = data_changed(INTEGRATION, "hris_teams")
        url = at.client.base_url.copy_with(path="/webhooks/kombo")
        return (await at.client.post(url, content=body, headers=headers(body))).status_code
    return (await at.client.get("/hris/employees", headers=HEADERS)).status_code


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("table", ["sync_webhook_events", "sync_streams"])
async def test_a_page_waits_while_a_webhook_or_a_list_is_answered(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr(right_of_way, "PATIENCE", threading.TIMEOUT_MAX)
    mirror, begun = Mirror(migrated_url), list[str]()

    def page(_: Connection) -> None:
        begun.append("page")

    forwarded = answer(200, {"status": "success", "data": {}})
    async with gateway(migrated_url, forwarded, webhooks={"secrets": [SECRET]}) as at:
        with mirror.open() as (_, connection):
            connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
            asking = asyncio.create_task(ask(at, table))
            await until_async(
                lambda: mirror.fetch(WAITING_FOR_LOCKS) != [(0,)], "an answer that is under way"
            )
            waiting = asyncio.create_task(at.app.database.ask(page))
            # Long enough for a page that nothing keeps.
            await asyncio.wait({waiting}, timeout=0.1)
            assert begun == []
        assert await asking == 200
        await waiting
    assert begun == ["page"]
