"""Who is let in to the pages: names under which the service is called, and the token."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from syncer.config.web import Web
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.web.access import Access, Guard, is_token
from syncer.daemon.web.page.assets import assets
from syncer.daemon.web.pages import pages
from syncer.domain.errors import DatabaseUnavailable, UsageError
from tests.support.workers import WorkersWorld

TOKEN = "a-token-of-the-tests"
PATHS = ("/", "/status", "/nothing")


def guarded(**web: Any) -> httpx.AsyncClient:
    """A client of an application behind the guard, whose clients reach it on 192.0.2.7."""

    async def answer(_: Request) -> Response:
        return PlainTextResponse("seen")

    app = Starlette(routes=[Route(path, answer) for path in (*PATHS, "/healthz")])
    guard = Guard(app, Access(Web(**web)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://192.0.2.7:8484")


async def status(client: httpx.AsyncClient, host: str, path: str = "/") -> int:
    return (await client.get(path, headers={"Host": host})).status_code


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8484", "localhost.", "127.0.0.1:1", "[::1]:8484", "[::1]", "192.0.2.7"]
)
async def test_the_machine_s_own_names_are_always_served(host: str) -> None:
    assert await status(guarded(), host) == 200


@pytest.mark.parametrize("host", ["mirror.example.com", "Mirror.Example.com:443", "mirror.example.com."])
async def test_names_of_the_configuration_are_served(host: str) -> None:
    assert await status(guarded(hosts=["mirror.example.com", "10.0.0.1"]), host) == 200
    assert await status(guarded(host="mirror.example.com"), host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example",
        "localhost.rebound.example",
        "192.0.2.8",
        "127.0.0.1.rebound.example",
        "localhost:8484@rebound.example",
        "rebound.example:localhost",
        "localhost rebound.example",
        "[::1].rebound.example",
        "",
    ],
)
@pytest.mark.parametrize("path", PATHS)
async def test_no_page_is_served_under_another_name(host: str, path: str) -> None:
    client = guarded(hosts=["mirror.example.com"])
    answer = await client.get(path, headers={"Host": host})
    assert (answer.status_code, "seen" in answer.text) == (421, False)
    assert "web.hosts" in answer.text
    assert not host or host not in answer.text


async def test_probes_need_neither_name_nor_token() -> None:
    client = guarded(token=TOKEN)
    assert await status(client, "10.1.2.3:8484", "/healthz") == 200
    assert await status(client, "10.1.2.3:8484", "/healthz/") == 421
    assert await status(client, "10.1.2.3:8484", "//healthz") == 421


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {TOKEN}",
        f"bearer  {TOKEN}",
        f"Basic {b64encode(f'anybody:{TOKEN}'.encode()).decode()}",
        f"Basic {b64encode(f':{TOKEN}'.encode()).decode()}",
    ],
)
async def test_the_token_opens_the_pages_as_bearer_and_as_password(authorization: str) -> None:
    assert is_token(authorization, TOKEN)
    client = guarded(token=TOKEN)
    for path in PATHS:
        assert (await client.get(path, headers={"Authorization": authorization})).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN.upper()}",
        f"Basic {TOKEN}",
        f"Basic {b64encode(TOKEN.encode()).decode()}",
        f"Basic {b64encode(f'{TOKEN}:'.encode()).decode()}",
        "Basic ====",
        "Basic \xff",
        f"Digest {TOKEN}",
        TOKEN,
    ],
)
async def test_nothing_else_opens_them(authorization: str) -> None:
    assert not is_token(authorization, TOKEN)
    client = guarded(token=TOKEN)
    for path in PATHS:
        answer = await client.get(path, headers=[(b"Authorization", authorization.encode("latin-1"))])
        assert (answer.status_code, "seen" in answer.text) == (401, False)
        assert answer.headers.get_list("www-authenticate") == [
            'Basic realm="syncer", charset="UTF-8"',
            'Bearer realm="syncer"',
        ]


async def test_every_answer_has_the_headers_that_keep_it_to_itself() -> None:
    client = guarded(token=TOKEN)
    for path, host in (("/healthz", "localhost"), ("/", "localhost"), ("/", "rebound.example")):
        headers = (await client.get(path, headers={"Host": host})).headers
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"


async def test_no_page_needs_what_the_policy_forbids(world: WorkersWorld) -> None:
    async with world.app() as app:
        app.migrate()
        transport = httpx.ASGITransport(pages(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answers = [await client.get(path) for path in ("/", "/integrations/nobody")]
    for answer in answers:
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
        assert answer.text.count("<script") == answer.text.count('<script src="/assets/') == 1
        assert "<style" not in answer.text
        assert not re.search(r'\s(style|on\w+)="', answer.text)


async def test_the_files_of_the_pages_are_for_those_who_are_let_in(world: WorkersWorld) -> None:
    world.settings["web"] = {"token": TOKEN}
    async with world.app() as app:
        transport = httpx.ASGITransport(pages(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            for each in assets().values():
                assert (await client.get(each.path)).status_code == 401
                headers = {"Authorization": f"Bearer {TOKEN}"}
                assert (await client.get(each.path, headers=headers)).content == each.content


async def test_the_error_of_the_database_is_for_those_who_are_let_in(world: WorkersWorld) -> None:
    world.settings["web"] = {"token": TOKEN}
    health = DatabaseHealth()
    health.report_failure("a stream", DatabaseUnavailable("The disk of db.internal is full."))
    async with world.app() as app:
        transport = httpx.ASGITransport(pages(app, health))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            for headers, told in (
                ({}, False),
                ({"Authorization": f"Bearer {TOKEN}", "Host": "rebound.example"}, False),
                ({"Authorization": f"Bearer {TOKEN}"}, True),
            ):
                answer = await client.get("/readyz", headers=headers)
                assert (answer.status_code, "db.internal" in answer.text) == (503, told)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "mirror.example.com"])
def test_beyond_this_machine_it_takes_a_token(host: str) -> None:
    with pytest.raises(UsageError, match=r"web\.token"):
        Web(host=host).check_access()
    Web(host=host, token=TOKEN).check_access()  # type: ignore[arg-type]
    Web(host=host, enabled=False).check_access()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_on_this_machine_it_takes_none(host: str) -> None:
    Web(host=host).check_access()
