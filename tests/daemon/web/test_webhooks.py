"""The receiver of webhooks: who is let in, what is kept, and what each answer means."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text
from structlog.testing import capture_logs

from syncer.app import App
from syncer.daemon.bell import Bell
from syncer.daemon.web.pages import pages
from syncer.domain.ratelimit.budget import Purpose
from syncer.operations.unknown_lists import find_unknown_models
from syncer.store.schema.mirror_tables import all_tables, streams, webhook_events
from syncer.store.state.received_events import APPLY
from tests.support.alone import alone
from tests.support.databases import ON_SQLITE
from tests.support.mirror import Mirror
from tests.support.outages import Troubled
from tests.support.source import MODELS, make_environment
from tests.support.waiting import until_async
from tests.support.webhooks import PATH, PERSON, SECRET, data_changed, event, headers, send
from tests.support.workers import WorkersWorld

WEBHOOKS = {"secrets": [SECRET], "discover": []}


@asynccontextmanager
async def receiver(app: App, bell: Bell | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the pages, which come under another name than their own."""
    transport = httpx.ASGITransport(app=pages(app, None, bell))
    async with httpx.AsyncClient(transport=transport, base_url="http://hooks.example.com") as client:
        yield client


@asynccontextmanager
async def receiving(
    world: WorkersWorld, **webhooks: Any
) -> AsyncIterator[tuple[App, httpx.AsyncClient, str]]:
    """A mirror whose streams are known and not due, its receiver, and the id of its integration."""
    world.settings["webhooks"] = {**WEBHOOKS, **webhooks}
    async with world.app() as app:
        app.open_database()
        async with alone(app).open() as (_, integrations):
            await alone(app).selection.refresh_streams(integrations)
        async with receiver(app) as client:
            yield app, client, next(iter(world.environment.integrations))


def due(world: WorkersWorld) -> dict[str, int]:
    """Purposes of the streams that are due, by model."""
    with world.database() as connection:
        found = connection.execute(
            select(streams.c.model, streams.c.due_purpose).where(streams.c.due_at.is_not(None))
        )
        return {row.model: row.due_purpose for row in found}


def kept(world: WorkersWorld) -> list[Any]:
    """The events that are kept, by arrival."""
    with world.database() as connection:
        return list(connection.execute(select(webhook_events).order_by(webhook_events.c.arrived_at)))


async def applied(world: WorkersWorld) -> None:
    """Wait until each event has had its effect."""
    await until_async(lambda: all(each.action != APPLY for each in kept(world)), "the effects")


async def test_an_event_is_stored_when_it_is_answered_and_then_makes_due_what_it_tells_of(
    world: WorkersWorld,
) -> None:
    async with receiving(world) as (_, client, integration):
        answer = await send(client, data_changed(integration, "hris_teams", "hris_join_employees_teams"))
        assert (answer.status_code, answer.json()) == (200, {"outcome": "accepted"})
        assert len(kept(world)) == 1
        await applied(world)
        assert due(world) == {"hris_groups": Purpose.WEBHOOK, "hris_employees": Purpose.WEBHOOK}
        [stored] = kept(world)
        assert (stored.type, stored.integration_id, stored.outcome) == (
            "data-changed",
            integration,
            "accepted",
        )
        assert stored.handled_at is None


DIGEST = hashlib.sha256


def forged(body: bytes) -> dict[str, dict[str, str]]:
    """Signatures that are none."""
    digest = hmac.new(SECRET.encode(), body, DIGEST).digest()
    right = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return {
        "missing": {},
        "empty": {"X-Kombo-Signature": ""},
        "another secret's": headers(body, "whsec_of-somebody-else"),
        "another body's": headers(body + b" "),
        "hexadecimal": {"X-Kombo-Signature": digest.hex()},
        "padded": {"X-Kombo-Signature": right + "="},
        "with a name": {"X-Kombo-Signature": f"sha256={right}"},
        "twice": {"X-Kombo-Signature": f"{right}, {right}"},
    }


@ON_SQLITE
@pytest.mark.parametrize("how", list(forged(b"")))
async def test_a_forged_event_starts_nothing_and_leaves_nothing(world: WorkersWorld, how: str) -> None:
    async with receiving(world) as (_, client, integration):
        body = data_changed(integration, "hris_teams")
        answer = await client.post(PATH, content=body, headers=forged(body)[how])
        assert answer.status_code == 401
        assert (due(world), kept(world)) == ({}, [])


@ON_SQLITE
async def test_two_signatures_are_none(world: WorkersWorld) -> None:
    async with receiving(world) as (_, client, integration):
        body = data_changed(integration, "hris_teams")
        twice = [*headers(body).items(), *headers(body).items()]
        assert (await client.post(PATH, content=body, headers=twice)).status_code == 401


@ON_SQLITE
async def test_any_of_several_secrets_and_of_files_signs(world: WorkersWorld, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("whsec_of-a-file\n")
    webhooks = {"secrets": [SECRET, "whsec_another"], "secret_files": [str(file)]}
    async with receiving(world, **webhooks) as (_, client, integration):
        for secret in (SECRET, "whsec_another", "whsec_of-a-file"):
            body = data_changed(integration, "hris_teams")
            assert (await send(client, body, secret)).status_code == 200


@ON_SQLITE
async def test_without_a_secret_there_is_no_such_address(world: WorkersWorld) -> None:
    async with receiving(world, secrets=[]) as (_, client, integration):
        body = data_changed(integration, "hris_teams")
        for secret in (SECRET, ""):
            assert (await send(client, body, secret)).status_code == 404
        assert (await client.get(PATH)).status_code == 404


@ON_SQLITE
async def test_other_methods_and_long_bodies_are_refused(world: WorkersWorld) -> None:
    async with receiving(world) as (_, client, integration):
        for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
            assert (await client.request(method, PATH)).status_code == 405
        long = event("data-changed", integration_id=integration, padding="x" * 1024 * 1024)
        assert (await send(client, long)).status_code == 413
        largest = event("data-changed", integration_id=integration, changed_models=[], padding="x" * 900_000)
        assert (await send(client, largest)).status_code == 200


async def test_the_same_event_does_nothing_again(world: WorkersWorld) -> None:
    async with receiving(world) as (app, client, integration):
        body = data_changed(integration, "hris_teams")
        assert (await send(client, body)).json() == {"outcome": "accepted"}
        await applied(world)
        with app.database.begin() as connection:
            connection.execute(streams.update().values(due_at=None, due_purpose=None))
        answers = await asyncio.gather(*(send(client, body) for _ in range(1_000)))
        assert {(each.status_code, each.json()["outcome"]) for each in answers} == {(200, "repeated")}
        assert due(world) == {}
        [stored] = kept(world)
        assert stored.repeats == 1_000


IGNORED = {
    "no JSON": (b"\x00\xff{", "not_readable"),
    "empty": (b"", "not_readable"),
    "a list": (b"[]", "not_readable"),
    "deep": (b"[" * 100_000, "not_readable"),
    "an unknown type": (event("employee-promoted"), "unknown_type"),
    "no type": (b'{"id": "a", "type": ["x"]}', "unknown_type"),
    "an unknown integration": (data_changed("personio:nobody", "hris_teams"), "not_mirrored"),
    "no integration": (event("data-changed", changed_models=[{"name": "hris_teams"}]), "not_mirrored"),
    "an integration that is no text": (event("data-changed", integration_id={"a": 1}), "not_mirrored"),
    "an integration that is a person": (data_changed(PERSON, "hris_teams"), "not_mirrored"),
    "a failed connection": (event("connection-flow-failed", log_url="https://x"), "no_effect"),
    "an issue of all": (event("issue-status-changed", integration=None), "no_effect"),
    "the deletion of another": (event("integration-deleted", id="personio:nobody"), "not_mirrored"),
    "the birth of another": (event("integration-created", id="personio:nobody"), "not_mirrored"),
}


#: What only the database knows, which is asked after the answer.
FOUND_LATER = {"an unknown integration", "the deletion of another", "the birth of another"}


@ON_SQLITE
@pytest.mark.parametrize("what", list(IGNORED))
async def test_what_concerns_nothing_is_well_and_ignored(world: WorkersWorld, what: str) -> None:
    body, note = IGNORED[what]
    async with receiving(world) as (_, client, _integration):
        answer = await send(client, body)
        outcome = "accepted" if what in FOUND_LATER else "ignored"
        assert (answer.status_code, answer.json()) == (200, {"outcome": outcome})
        await applied(world)
        assert due(world) == {}
        [stored] = kept(world)
        assert (stored.outcome, stored.note) == ("ignored", note)
        assert stored.handled_at is not None


@ON_SQLITE
@pytest.mark.parametrize(
    "models",
    [
        [{"name": "hris_teams"}, {"name": "hris_shifts"}],
        [{"name": PERSON}],
        [{"name": 7}],
        ["hris_teams"],
        [],
        None,
        {"name": "hris_teams"},
    ],
    ids=["a name that nobody knows", "no name", "a number", "a text", "none", "null", "no list"],
)
async def test_what_cannot_be_told_makes_all_streams_of_the_integration_due(
    world: WorkersWorld, models: object
) -> None:
    async with receiving(world) as (app, client, integration):
        body = event("data-changed", integration_id=integration, changed_models=models)
        assert (await send(client, body)).json() == {"outcome": "accepted"}
        await applied(world)
        assert due(world) == dict.fromkeys(MODELS, Purpose.WEBHOOK)
        with world.database() as connection:
            unknown = find_unknown_models(connection, app, ["default"])
        names = models if isinstance(models, list) else []
        assert unknown == (["hris_shifts"] if {"name": "hris_shifts"} in names else [])


async def test_news_of_an_added_list_make_it_due_and_nothing_else(world: WorkersWorld) -> None:
    world.settings["lists"] = [{"name": "hris_shifts", "path": "/hris/shifts"}]
    world.settings["sync"] = {"models": [*MODELS, "hris_shifts"]}
    async with receiving(world) as (app, client, integration):
        body = event("data-changed", integration_id=integration, changed_models=[{"name": "hris_shifts"}])
        assert (await send(client, body)).json() == {"outcome": "accepted"}
        await applied(world)
        assert due(world) == {"hris_shifts": Purpose.WEBHOOK}
        with world.database() as connection:
            assert find_unknown_models(connection, app, ["default"]) == []
        # What cannot be told makes it due, too: it is Kombo's.
        assert (await send(client, event("sync-finished", integration_id=integration))).status_code == 200
        await applied(world)
        assert due(world) == dict.fromkeys([*MODELS, "hris_shifts"], Purpose.WEBHOOK)


async def test_nothing_else_of_a_body_is_kept_or_logged(
    world: WorkersWorld, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as logged:
        async with receiving(world) as (_, client, integration):
            bodies = [
                event("assessment:order-received", integration_id=integration, candidate={"email": PERSON}),
                event("integration-state-changed", integration_id=integration, state="ACTIVE"),
                event(
                    "data-changed", event_id=PERSON, integration_id=PERSON, changed_models=[{"name": PERSON}]
                ),
                event(PERSON, event_id="x" * 5_000, integration_id=integration),
                json.dumps(PERSON).encode(),
            ]
            for body in bodies:
                assert (await send(client, body)).status_code == 200
                assert (await client.post(PATH, content=body)).status_code == 401
            await applied(world)
    with world.database() as connection:
        everything = [
            str(row) for table in all_tables().sorted_tables for row in connection.execute(table.select())
        ]
    assert len([row for row in everything if "o" in row]) > len(bodies)
    for told in (*everything, str(logged), caplog.text):
        assert PERSON not in told
        assert "margarethe" not in told.lower()
        assert SECRET not in told


@ON_SQLITE
async def test_neither_token_nor_name_is_asked_of_a_sender(world: WorkersWorld) -> None:
    world.settings["web"] = {"token": "a-token-of-the-tests"}
    async with receiving(world) as (_, client, integration):
        assert (await client.get("/status")).status_code == 401
        body, named = data_changed(integration, "hris_teams"), {"Host": "hooks.of-a-proxy.example"}
        assert (await client.get("/status", headers=named)).status_code == 421
        answer = await client.post(PATH, content=body, headers={**headers(body), **named})
        assert answer.status_code == 200


# What the server has ended the driver cannot close.
@pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")
async def test_while_the_database_is_away_the_sender_is_told_to_come_again(troubled: Troubled) -> None:
    world = WorkersWorld(make_environment(), Mirror(troubled.url))
    async with receiving(world) as (_, client, integration):
        body = data_changed(integration, "hris_teams")
        with troubled.outage(), capture_logs() as logged:
            during = await send(client, body)
        assert during.status_code == 503
        assert during.headers["retry-after"] == "10"
        assert [each["not_stored"] for each in logged if each["event"] == "requests_refused"] == [1]
        # It may have been stored all the same, after its sender had given up.
        assert (await send(client, body)).json()["outcome"] in {"accepted", "repeated"}
        await applied(world)
        assert due(world) == {"hris_groups": Purpose.WEBHOOK}
        assert len(kept(world)) == 1


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_sessions_that_were_ended_between_two_events_refuse_none(world: WorkersWorld) -> None:
    mine = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    async with receiving(world) as (app, client, integration):
        for number in range(1, 4):
            assert (await send(client, data_changed(integration, "hris_teams"))).status_code == 200
            assert len(kept(world)) == number
            await applied(world)
            with app.database.begin() as connection:
                connection.execute(text(f"SELECT pg_terminate_backend(pid, 10000) FROM {mine}"))


async def test_events_that_come_together_are_stored_together(world: WorkersWorld) -> None:
    bell, rung = Bell(), list[int]()
    bell.on_ring(lambda: rung.append(1))
    world.settings["webhooks"] = WEBHOOKS
    async with world.app() as app:
        app.open_database()
        async with receiver(app, bell) as client:
            bodies = [data_changed("personio:nobody", "hris_teams") for _ in range(300)]
            answers = await asyncio.gather(*(send(client, body) for body in bodies))
            await applied(world)
    assert {each.status_code for each in answers} == {200}
    assert len(kept(world)) == 300
    assert len(rung) < 30
