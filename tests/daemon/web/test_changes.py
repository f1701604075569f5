"""The change feed over HTTP: pages, long polls, events, acknowledgements; and who has to make room."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest

from syncer.app import App
from syncer.config.sections import Database as DatabaseSection
from syncer.config.settings import Settings
from syncer.config.web import Web
from syncer.daemon import feed_watch
from syncer.daemon.feed_watch import FeedWatch
from syncer.daemon.web import changes, server
from syncer.daemon.web.server import listening, serving_pages
from syncer.domain.feed.row_change import FeedRules, Operation, RowChange
from syncer.domain.stream_key import StreamKey
from syncer.store.db.database import Database
from syncer.store.records.feed import tell_changes
from syncer.store.state.consumers import read_consumer
from tests.support.databases import ON_SQLITE
from tests.support.feed_rows import INTEGRATION, drop_changes
from tests.support.locks import WAITING_FOR_LOCKS
from tests.support.records import NOW
from tests.support.waiting import PATIENCE, rest, until_async

EVENTS = {"Accept": "text/event-stream"}


@dataclass
class Served:
    """The service's web server, and the database behind it."""

    app: App
    client: httpx.AsyncClient

    async def tell(self, records: Iterable[str], *, model: str = "hris_employees") -> None:
        """Have a transaction of this process write changes, as a page does."""
        key, rules = StreamKey(INTEGRATION, model), FeedRules(models={model})
        told = [RowChange(each, Operation.UPDATED, {"first_name": None}) for each in records]

        def write() -> None:
            with self.app.database.begin() as connection:
                tell_changes(connection, rules, "default", key, told, NOW)

        await asyncio.to_thread(write)

    async def changes(self, **query: Any) -> dict[str, Any]:
        """Ask for changes; the answer's JSON."""
        answer = await self.client.get("/changes", params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def refusal(self, **query: Any) -> str:
        """Ask for what is refused; the sentence that says why."""
        answer = await self.client.get("/changes", params=query)
        assert answer.status_code == 400
        return str(answer.json()["error"])

    def position(self, consumer: str) -> int | None:
        """Look up what a consumer has acknowledged."""
        with self.app.database.read() as connection:
            found = read_consumer(connection, consumer)
        return None if found is None else found.sequence


def records(answer: dict[str, Any]) -> str:
    return "".join(each["record_id"] for each in answer["changes"])


def address(database: Database) -> str:
    url = database.engine.url
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)


@asynccontextmanager
async def service(database: Database, **settings: Any) -> AsyncIterator[Served]:
    """Serve on a port of the loopback until the block ends; the server must end soon after."""
    made = Settings(
        database=DatabaseSection(url=address(database)),  # type: ignore[arg-type]
        **{"web": Web(port=0), "changes": {"models": ["*"]}, **settings},
    )
    async with App(made) as app:
        watch = FeedWatch(app.database)
        with listening(made.web) as listener:
            assert listener is not None
            watching = asyncio.create_task(watch.run(app.stopping))
            base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            async with (
                httpx.AsyncClient(base_url=base_url, timeout=PATIENCE) as client,
                AsyncExitStack() as serving,
            ):
                await serving.enter_async_context(serving_pages(app, listener, watch=watch))
                try:
                    yield Served(app, client)
                finally:
                    app.stopping.set()
                    async with asyncio.timeout(PATIENCE):
                        await serving.aclose()
                        await watching


@pytest.fixture
async def served(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    """The service on a database of both kinds, which is woken by its own writes alone."""
    monkeypatch.setattr(feed_watch, "LOOK_EVERY", 2 * PATIENCE)
    async with service(database) as served:
        yield served


async def events(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, str]]:
    """Read server-sent events: their fields; one without data, too."""
    event: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(":")
            event[name] = value.removeprefix(" ")
        else:
            yield event
            event = {}


async def test_pages_of_changes_follow_each_other(served: Served) -> None:
    assert await served.changes() == {"changes": [], "next": 0}
    await served.tell("abc")
    first = await served.changes(limit=2)
    assert (records(first), first["next"]) == ("ab", 2)
    second = await served.changes(after=2)
    assert (records(second), second["next"]) == ("c", 3)
    assert "document" not in second["changes"][0]
    with_documents = await served.changes(after=2, documents="true")
    assert with_documents["changes"][0]["document"] is None


async def test_a_poll_is_answered_as_soon_as_there_is_something(served: Served) -> None:
    waiting = asyncio.create_task(served.changes(after=0, wait=60, model="ats_*"))
    await asyncio.sleep(0.1)
    await served.tell("a")
    await asyncio.sleep(0.1)
    assert not waiting.done(), "what it does not select is no news"
    await served.tell("b", model="ats_jobs")
    async with asyncio.timeout(PATIENCE):
        answer = await waiting
    assert (records(answer), answer["next"]) == ("b", 2)


async def test_a_poll_ends_with_nothing_where_nothing_comes(served: Served) -> None:
    assert await served.changes(wait=1) == {"changes": [], "next": 0}


async def test_a_consumer_acknowledges_with_its_next_request(served: Served) -> None:
    await served.tell("abc")
    answer = await served.changes(consumer="billing", limit=2)
    assert records(answer) == "ab"
    assert served.position("billing") is None, "nothing was acknowledged yet"
    assert records(await served.changes(consumer="billing")) == "abc", "so it comes again"
    assert records(await served.changes(consumer="billing", after=answer["next"])) == "c"
    assert served.position("billing") == 2
    done = await served.client.post("/changes", params={"consumer": "billing", "after": 3})
    assert (done.status_code, done.json()) == (200, {"consumer": "billing", "sequence": 3})
    assert await served.changes(consumer="billing") == {"changes": [], "next": 3}
    assert await served.changes(after="newest") == {"changes": [], "next": 3}
    assert await served.changes(consumer="later", after="newest") == {"changes": [], "next": 3}
    assert served.position("later") == 3


async def test_what_is_lost_is_said_until_it_is_acknowledged(served: Served) -> None:
    await served.tell("abcd")
    await served.changes(consumer="slow", after=1)
    with served.app.database.begin() as connection:
        drop_changes(connection, until=3)
    for _ in range(2):
        answer = await served.changes(consumer="slow", wait=60)
        assert answer["lost"] == {"after": 1, "first": 4}
        assert records(answer) == "d"
    assert await served.changes(consumer="slow", after=answer["next"]) == {"changes": [], "next": 4}


async def test_a_stream_of_events_is_resumed_behind_the_last_id(served: Served) -> None:
    await served.tell("ab")
    async with served.client.stream("GET", "/changes", headers=EVENTS) as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        told = events(answer.aiter_lines())
        first = await anext(told)
        assert (first["id"], json.loads(first["data"])["record_id"]) == ("1", "a")
        assert (await anext(told))["id"] == "2"
        await served.tell("c")
        assert (await anext(told))["id"] == "3"
    await served.tell("d", model="ats_jobs")
    resumed = {**EVENTS, "Last-Event-ID": "2"}
    async with served.client.stream("GET", "/changes?model=hris_*", headers=resumed) as answer:
        told = events(answer.aiter_lines())
        assert json.loads((await anext(told))["data"])["record_id"] == "c"
        assert await anext(told) == {"id": "4"}, "what it does not select is passed"


async def test_a_stream_lives_while_nothing_comes_and_says_what_is_lost(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "KEEP_ALIVE", 0.05)
    await served.tell("ab")
    with served.app.database.begin() as connection:
        drop_changes(connection, until=2)
    async with served.client.stream("GET", "/changes?after=1", headers=EVENTS) as answer:
        told = events(answer.aiter_lines())
        lost = await anext(told)
        assert (lost["event"], json.loads(lost["data"])) == ("lost", {"after": 1, "first": 3})
        assert await anext(told) == {"id": "2"}
        assert await anext(told) == {"": "nothing new"}
        await served.tell("c")
        while "id" not in (event := await anext(told)):
            assert event == {"": "nothing new"}
        assert event["id"] == "3"


async def test_who_waits_leaves_connections_to_others_and_a_client_that_goes_makes_room(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = server.LIMITS
    monkeypatch.setattr(server, "connections_within", lambda most, _: 4 if most == limits.connections else 0)
    async with service(database) as served, AsyncExitStack() as clients:
        streams = [
            await clients.enter_async_context(served.client.stream("GET", "/changes", headers=EVENTS))
            for _ in range(2)
        ]
        assert [each.status_code for each in streams] == [200, 200]
        for headers, query in ((EVENTS, {}), ({}, {"wait": "5"})):
            async with asyncio.timeout(PATIENCE):
                refused = await served.client.get("/changes", headers=headers, params=query)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            assert "2 requests wait for changes" in refused.json()["error"]
        assert await served.changes() == {"changes": [], "next": 0}, "who does not wait is answered"
        assert (await served.client.get("/status")).status_code == 200
        await streams[0].aclose()

        async def is_let_in() -> bool:
            async with served.client.stream("GET", "/changes", headers=EVENTS) as again:
                return again.status_code == 200

        async with asyncio.timeout(PATIENCE):
            while not await is_let_in():
                await rest()


async def test_polls_and_streams_end_with_the_service(database: Database) -> None:
    async with service(database) as served:
        poll = asyncio.create_task(served.changes(wait=60))
        async with served.client.stream("GET", "/changes", headers=EVENTS) as answer:
            told = events(answer.aiter_lines())
            assert await anext(told) == {"id": "0"}
            await until_async(lambda: len(asyncio.all_tasks()) > 5, "the poll waits")
            served.app.stopping.set()
            # An end that a client takes for one: the last chunk, and no broken connection.
            assert [event async for event in told] == []
        assert await poll == {"changes": [], "next": 0}


@ON_SQLITE
async def test_what_cannot_be_is_refused_in_a_sentence(served: Served) -> None:
    await served.tell("abc")
    assert "has not given the number 4 yet, its newest is 3" in await served.refusal(after=4)
    assert "has not given the number 9 yet" in await served.refusal(consumer="a", after=9)
    assert await served.refusal(after="-1") == "after is a whole number from 0, and not '-1'."
    assert await served.refusal(limit=1001) == "limit is a whole number from 1 to 1000, and not '1001'."
    assert await served.refusal(wait=61) == "wait is a whole number from 0 to 60, and not '61'."
    assert await served.refusal(documents="yes") == "documents is true or false, and not 'yes'."
    assert "it knows after, consumer" in await served.refusal(afer=1)
    assert "hris_employees" in await served.refusal(model="hris_employes")
    assert "cannot be the name of a consumer" in await served.refusal(consumer="two words")
    for query, headers in (("wait=5", {}), ("limit=5", {}), ("", {"Last-Event-ID": "x"})):
        answer = await served.client.get(f"/changes?{query}", headers={**EVENTS, **headers})
        assert answer.status_code == 400
        assert answer.json()["error"]
    answer = await served.client.post("/changes?consumer=a")
    assert (answer.status_code, answer.json()["error"].partition(":")[0]) == (
        400,
        "To acknowledge takes both",
    )
    assert served.position("a") is None
    assert (await served.client.head("/changes")).status_code == 405


@ON_SQLITE
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_page_of_another_origin_cannot_speak_for_a_consumer(served: Served, method: str) -> None:
    await served.tell("abc")
    for site in ("cross-site", "same-site"):
        answer = await served.client.request(
            method, "/changes?consumer=billing&after=3", headers={"Sec-Fetch-Site": site}
        )
        assert answer.status_code == 403
    assert served.position("billing") is None


@ON_SQLITE
async def test_a_feed_that_is_off_says_how_it_is_switched_on(database: Database) -> None:
    async with service(database, changes={"models": []}) as served:
        answer = await served.client.get("/changes")
    assert answer.status_code == 404
    assert answer.json()["error"].startswith("The change feed is off: name the models")


@ON_SQLITE
async def test_changes_need_the_token(database: Database) -> None:
    async with service(database, web=Web(port=0, token="a-token-of-the-tests")) as served:  # type: ignore[arg-type]
        assert (await served.client.get("/changes")).status_code == 401
        bearer = {"Authorization": "Bearer a-token-of-the-tests"}
        assert (await served.client.get("/changes", headers=bearer)).status_code == 200


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_a_database_that_hangs_holds_two_threads_however_many_ask(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.2)
    async with service(database) as served:
        with psycopg.connect(address(database)) as other:
            other.execute("LOCK TABLE sync_feed IN ACCESS EXCLUSIVE MODE")
            answers = await asyncio.gather(*(served.client.get("/changes") for _ in range(6)))
            assert {answer.status_code for answer in answers} == {503}
            assert other.execute(WAITING_FOR_LOCKS).fetchone() == (2,)
        async with asyncio.timeout(PATIENCE):
            while (await served.client.get("/changes")).status_code != 200:
                await rest()
