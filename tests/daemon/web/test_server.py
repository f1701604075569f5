"""The service's pages: alive or not, how the mirror stands, and what they never tell."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from syncer.app import App
from syncer.config.settings import Settings
from syncer.config.web import Web
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.web.pages import pages
from syncer.daemon.web.server import listening, log_address, serving_pages
from syncer.domain.errors import DatabaseUnavailable, UsageError
from syncer.domain.streams.stream import Mode
from syncer.operations.status import status
from syncer.operations.sync import sync
from syncer.store.schema.mirror_tables import streams
from tests.support.databases import ON_SQLITE
from tests.support.locks import WAITING_FOR_LOCKS
from tests.support.mirror import Mirror
from tests.support.outages import Troubled
from tests.support.source import API_KEY, MODELS, make_environment
from tests.support.waiting import PATIENCE, rest
from tests.support.workers import MakeWorkersWorld, WorkersWorld

PATHS = ("/status", "/")
#: Name and version of a part of a page.
PART = re.compile(r'data-part="(\w+)" data-version="(\w+)"')


@asynccontextmanager
async def browser(app: App, **arguments: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Asks the pages without a socket."""
    transport = httpx.ASGITransport(app=pages(app, **arguments))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def test_a_living_service_says_so(world: WorkersWorld) -> None:
    async with world.app() as app, browser(app) as client:
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert (await client.head("/healthz")).status_code == 200


async def test_status_tells_what_the_command_tells(world: WorkersWorld) -> None:
    async with world.app() as app:
        await sync(app, Mode.SYNC)
        async with browser(app) as client:
            shown = (await client.get("/status")).json()
        told = status(app)
    assert lasting(shown) == lasting(json.loads(json.dumps(told)))
    assert shown["is_well"] is True
    assert {each["model"]: each["state"] for each in shown["streams"]} == dict.fromkeys(MODELS, "complete")


def lasting(status: dict[str, Any]) -> dict[str, Any]:
    """The part that does not change while one looks."""
    streams = [{**each, "lag_seconds": None} for each in status["streams"]]
    integrations = [{**each, "lag_seconds": None} for each in status["integrations"]]
    environments = [{**each, "budget": None} for each in status["environments"]]
    same = {"streams": streams, "integrations": integrations, "environments": environments}
    return {**status, **same, "now": None, "budget": None}


@ON_SQLITE
async def test_the_page_is_html_that_loads_nothing_but_its_own_files(world: WorkersWorld) -> None:
    async with world.app() as app:
        await sync(app, Mode.SYNC)
        async with browser(app) as client:
            answer = await client.get("/")
            loaded = re.findall(r'(?:src|rel="(?:icon|stylesheet)" href)="([^"]+)"', answer.text)
            files = [await client.get(each) for each in dict.fromkeys(loaded)]
            assert (await client.get("/assets/page.000000000000.css")).status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "Everything is well: 3 streams." in answer.text
    assert API_KEY not in answer.text
    assert {each.headers["content-type"].partition(";")[0] for each in files} == {
        "text/css",
        "text/javascript",
        "image/svg+xml",
    }
    for each in files:
        # Their names change with them.
        assert (each.status_code, "immutable" in each.headers["cache-control"]) == (200, True)


@ON_SQLITE
async def test_an_integration_has_a_page_of_its_own_and_an_unknown_one_has_none(
    make_world: MakeWorkersWorld,
) -> None:
    world = make_world(integrations=2)
    first, second = world.environment.companies
    async with world.app() as app:
        await sync(app, Mode.SYNC)
        async with browser(app) as client:
            # Asked for together, as by two readers.
            asked = [client.get(f"/integrations/{each}") for each in (first, second, "nobody:1")]
            pages_of = await asyncio.gather(*asked)
            missing = [await client.get(f"/integrations/{first}/{each}") for each in ("hris_nope", "a/b")]
            stream = await client.get(f"/integrations/{first}/{MODELS[0]}")
    assert [each.status_code for each in pages_of] == [200, 200, 404]
    assert [(first in each.text, second in each.text) for each in pages_of] == [
        (True, False),
        (False, True),
        (False, False),
    ]
    assert "There is no integration nobody:1 in the mirror." in pages_of[2].text
    assert (stream.status_code, "Its latest runs" in stream.text) == (200, True)
    assert [each.status_code for each in missing] == [404, 404]
    assert f"There is no stream hris_nope of {first} in the mirror." in missing[0].text


@ON_SQLITE
async def test_the_former_address_of_an_integration_leads_to_its_page(world: WorkersWorld) -> None:
    async with world.app() as app, browser(app) as client:
        app.migrate()
        answer = await client.get("/", params={"integration": "personio:1/ü"})
    # Under whatever name the client knows the service.
    assert (answer.status_code, answer.headers["location"]) == (308, "/integrations/personio:1%2F%C3%BC")


async def test_an_open_page_is_told_what_has_changed_and_nothing_where_nothing_has(
    world: WorkersWorld,
) -> None:
    async with world.app() as app, browser(app) as client:
        await sync(app, Mode.SYNC)
        page = await client.get("/")
        known = " ".join(f"{name}={version}" for name, version in PART.findall(page.text))
        unchanged = await client.get("/", headers={"Syncer-Parts": known})
        older = await client.get(
            "/", headers={"Syncer-Parts": re.sub("running=[0-9a-f]+", "running=0", known)}
        )
        with app.database.begin() as connection:
            connection.execute(update(streams).values(rows_live=streams.c.rows_live + 1))

        async with asyncio.timeout(PATIENCE):
            # An open page may be answered with what was read a moment ago.
            while (answer := await client.get("/", headers={"Syncer-Parts": known})).status_code == 204:
                await rest()
    assert (unchanged.status_code, unchanged.content) == (204, b"")
    assert set(older.json()["parts"]) == {"running"}
    assert set(answer.json()["parts"]) == {"verdict", "grid"}
    assert 3 <= float(answer.headers["syncer-next"]) <= 60


@ON_SQLITE
async def test_nothing_else_is_served_and_nothing_is_changed(world: WorkersWorld) -> None:
    async with world.app() as app, browser(app) as client:
        assert (await client.get("/config.toml")).status_code == 404
        paths = (*PATHS, "/integrations/a", "/assets/a", "/healthz", "/readyz", "/metrics")
        for path in paths:
            assert (await client.post(path)).status_code == 405


# What the server has ended the driver cannot close.
@pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")
async def test_a_database_that_is_away_is_503_until_it_is_back(troubled: Troubled) -> None:
    world = WorkersWorld(make_environment(), Mirror(troubled.url))
    async with world.app() as app, browser(app) as client:
        with troubled.outage():
            during = [await client.get(path) for path in PATHS]
        after = [await client.get(path) for path in PATHS]
    # One that can still be read has everything to tell.
    assert {answer.status_code for answer in during} == {503 if troubled.keeps_readers_out else 200}
    if troubled.keeps_readers_out:
        assert all("cannot be used" in answer.text for answer in during)
    assert {answer.status_code for answer in after} == {200}


async def test_what_the_service_knows_of_its_database_is_told(world: WorkersWorld) -> None:
    database = DatabaseHealth()
    async with world.app() as app, browser(app, health=database) as client:
        await sync(app, Mode.SYNC)
        # As where it can be read and not written.
        database.report_failure("a stream", DatabaseUnavailable("The database cannot be <used>."))
        status, page = [await client.get(path) for path in PATHS]
        assert (status.status_code, page.status_code) == (200, 200)
        assert (status.json()["is_well"], status.json()["database"]) == (
            False,
            "The database cannot be <used>.",
        )
        assert "Nothing can be stored now." in page.text
        assert "The database cannot be &lt;used&gt;." in page.text
        assert "Everything is well" not in page.text
        assert "<title>(1) syncer</title>" in page.text

        database.report_success("a stream")
        status, page = [await client.get(path) for path in PATHS]
        assert status.json()["is_well"] is True
        assert "Everything is well" in page.text


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://somebody:hunter2@127.0.0.1:1/mirror",
        "postgresql://somebody@127.0.0.1:1/mirror?password=hunter2",
    ],
)
async def test_no_page_tells_a_password(url: str) -> None:
    settings: dict[str, Any] = {"database": {"url": url}}
    async with App(Settings(**settings)) as app, browser(app) as client:
        for path in PATHS:
            answer = await client.get(path)
            assert answer.status_code == 503
            assert "hunter2" not in answer.text
            assert "somebody" in answer.text


async def test_no_503_of_a_page_tells_a_secret() -> None:
    """What the driver says of an address repeats parts of it, which may be a secret by chance."""
    key, password = "ks_dev_0123456789", "h@nter2"
    settings: dict[str, Any] = {
        "kombo": {"api_key": key},
        "database": {"url": f"postgresql://somebody:h%40nter2@/mirror?host=/nowhere/{password}/{key}"},
    }
    async with App(Settings(**settings)) as app, browser(app) as client:
        for path in PATHS:
            answer = await client.get(path)
            assert (answer.status_code, "/nowhere/" in answer.text) == (503, True)
            for secret in (key, password):
                assert secret not in answer.text
        database = DatabaseHealth()
        database.report_failure("a stream", DatabaseUnavailable(f"{key} and {password} are refused."))
    async with App(Settings(**settings)) as app, browser(app, health=database) as client:
        for path in PATHS:
            assert key not in (await client.get(path)).text
            assert password not in (await client.get(path)).text


async def test_a_database_without_tables_is_503_on_the_pages_that_need_them(mirror: Mirror) -> None:
    world = WorkersWorld(make_environment(), mirror)
    async with world.app() as app, browser(app) as client:
        for path in ("/status", "/"):
            answer = await client.get(path)
            assert (answer.status_code, "syncer migrate" in answer.text) == (503, True)


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_a_database_that_hangs_holds_one_thread_for_a_page_however_often_somebody_asks(
    world: WorkersWorld,
) -> None:
    async with world.app() as app, browser(app, patience=0.2) as client:
        with psycopg.connect(world.mirror.database_url) as other:
            other.execute("LOCK TABLE sync_integrations, sync_streams IN ACCESS EXCLUSIVE MODE")
            for _ in range(4):
                for path in PATHS:
                    answer = await client.get(path)
                    assert answer.status_code == 503
                    assert "has not answered" in answer.text
            # One for each of them.
            assert other.execute(WAITING_FOR_LOCKS).fetchone() == (2,)
        async with asyncio.timeout(PATIENCE):
            while [(await client.get(path)).status_code for path in PATHS] != [200, 200]:
                await rest()


async def test_the_address_is_told_and_a_taken_one_is_an_error(world: WorkersWorld) -> None:
    world.settings["web"] = {"enabled": True, "port": 0}
    async with world.app() as app:
        with listening(app.settings.web) as listener, capture_logs() as logged:
            assert listener is not None
            async with serving_pages(app, listener), httpx.AsyncClient(timeout=PATIENCE) as client:
                log_address(listener)
                [url] = [each["url"] for each in logged]
                assert (await client.get(f"{url}healthz")).status_code == 200
            port = listener.getsockname()[1]
            with (
                pytest.raises(UsageError, match=f"127.0.0.1:{port} "),
                listening(app.settings.web.model_copy(update={"port": port})),
            ):
                pass


def test_pages_can_be_switched_off() -> None:
    with listening(Web(enabled=False)) as listener:
        assert listener is None
