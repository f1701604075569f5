"""Trouble between the program and Kombo: what passes costs tries, what lasts fails the run, nothing hangs.

The real program and a served simulator, with a proxy between them that makes the trouble (``proxy.py``).
No time is measured: the timeouts around the runs only keep a program that hangs from hanging the tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from structlog.testing import capture_logs

from syncer.app import App
from syncer.domain.environments import DEFAULT_ENVIRONMENT
from syncer.domain.errors import Transient, Unreachable
from syncer.domain.fingerprint import key_fingerprint
from syncer.domain.ratelimit import budget as rules
from syncer.domain.ratelimit.budget import Permit, Purpose, Reserve
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode, Stream
from syncer.kombo.retry import MOST_TRIES
from syncer.simulator.life.random_change import random_change
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.serve import running
from syncer.store.state.budget import read_budget
from syncer.store.state.streams import StreamStore
from syncer.sync.context import Result
from tests.reliability.proxy import (
    Behaviour,
    BlackHole,
    Cut,
    Drip,
    Drop,
    Latency,
    Pass,
    Proxy,
    Reply,
    Reset,
    Stall,
    never_accepting,
    proxying,
)
from tests.support.alone import alone
from tests.support.mirror import Mirror
from tests.support.processes import ServedSource
from tests.support.source import SOURCE_TIME, make_environment, standing_environment
from tests.support.waiting import PATIENCE, until
from tests.support.world import Wiring, World

#: Seconds of silence that the program bears here: more than a busy machine lets an answer wait, and a
#: connection, which is not tried again.
SILENCE = 1.0
EMPLOYEES = "hris_employees"
FEW = ["hris_groups", "hris_locations", EMPLOYEES]
PAGE_SIZE = 5
#: Requests for lists, and of those the ones in the middle of a walk.
ANY_LIST, NEXT_PAGES = b"include_deleted=", b"cursor="
#: Bytes of an answer: in the middle of its head, and in the middle of a page.
IN_HEAD, IN_BODY = 40, 1500

HTML = b"<html><head><title>%b</title></head><body><hr><center>nginx</center></body></html>\r\n"


def error_page(status: bytes, *, length: int | None = None, stays_open: bool = False) -> Reply:
    """What a balancer says of itself; length: of the body as the head has it, None: not told."""
    head = b"HTTP/1.1 %b\r\nServer: nginx\r\nDate: Mon, 01 Jan 2035 00:00:00 GMT\r\n" % status
    head += b"Content-Type: text/html\r\n"
    if length is not None:
        head += b"Content-Length: %d\r\n" % length
    return Reply(head + b"\r\n" + HTML % status, stays_open)


def whole_error_page(status: bytes) -> Reply:
    """One that leaves the connection open for more."""
    return error_page(status, length=len(HTML % status), stays_open=True)


#: What ends a try, and what the error says of it.
FAULTS: dict[str, tuple[Behaviour, str]] = {
    "dropped": (Drop(), "it broke off or was not HTTP"),
    "reset before a byte": (Reset(0), "the connection broke while reading"),
    "reset in the head": (Reset(IN_HEAD), "the connection broke while reading"),
    "reset in the body": (Reset(IN_BODY), "the connection broke while reading"),
    "cut in the body": (Cut(IN_BODY), "it broke off or was not HTTP"),
    "late": (Latency(60), "it was silent for too long"),
    "half-open": (Stall(), "it was silent for too long"),
    "half-open in the body": (Stall(IN_BODY), "it was silent for too long"),
    "black hole": (BlackHole(), "it was silent for too long"),
    "502": (whole_error_page(b"502 Bad Gateway"), "HTTP 502"),
    "503 without a length": (error_page(b"503 Service Unavailable"), "HTTP 503"),
    "504 that never ends": (error_page(b"504 Gateway Timeout", stays_open=True), "silent for too long"),
    "502 that breaks off": (error_page(b"502 Bad Gateway", length=5000), "it broke off or was not HTTP"),
    "200 that is a page for people": (whole_error_page(b"200 OK"), "HTTP 200"),
    "TLS alert": (Reply(b"\x15\x03\x01\x00\x02\x02\x46"), "it broke off or was not HTTP"),
    "garbage": (Reply(bytes(range(256))), "it broke off or was not HTTP"),
}
#: The terminator's word for plain HTTP on its port; it would say so again, so nobody asks again.
PLAIN_HTTP = whole_error_page(b"400 The plain HTTP request was sent to HTTPS port")

LASTING = pytest.mark.parametrize(
    ("fault", "words"),
    [*FAULTS.values(), (PLAIN_HTTP, "HTTP 400")],
    ids=[*FAULTS, "400 plain HTTP"],
)
pytestmark = pytest.mark.usefixtures("no_proxy")
ON_SQLITE = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)


@dataclass
class Remote(World):
    """A world whose source can be reached through the proxy alone, by real HTTP."""

    proxy: Proxy | None = None

    def wiring(self) -> Wiring:
        return {
            **super().wiring(),
            "transport": None,
            # Requests take no time, so that watermarks are exact.
            "monotonic": lambda: 0.0,
            # Tries follow each other at once.
            "uniform": lambda: 0.0,
        }

    async def run(self, mode: Mode = Mode.SYNC, **arguments: Any) -> list[Result]:
        async with asyncio.timeout(PATIENCE):
            return await super().run(mode, **arguments)

    @property
    def network(self) -> Proxy:
        assert self.proxy is not None
        return self.proxy

    def stream(self, model: str = EMPLOYEES) -> Stream:
        """The only integration's stream as its row says."""
        (found,) = [stream for (_, name), stream in self.streams().items() if name == model]
        assert isinstance(found, Stream)
        return found

    def change_the_source(self) -> None:
        """A minute passes, and an employee has another name."""
        self.clock.advance(timedelta(minutes=1))
        (company,) = self.environment.companies.values()
        company.update(EMPLOYEES, company.ids(EMPLOYEES)[0], first_name="Ada")


Connect = Callable[..., Awaitable[Remote]]


@pytest.fixture
async def connect(migrated_url: str) -> AsyncIterator[Connect]:
    """Builds worlds on a migrated database of both kinds, each behind a proxy."""
    async with AsyncExitStack() as running_too:

        async def connect(*, integrations: int = 1, records: int = 300, **settings: Any) -> Remote:
            environment = standing_environment(integrations=integrations, records=records)
            base_url = await running_too.enter_async_context(running(environment))
            proxy = await running_too.enter_async_context(proxying(base_url))
            kombo = {"base_url": proxy.base_url, "timeout": timedelta(seconds=SILENCE)}
            kombo |= {"page_size": PAGE_SIZE, **settings.pop("kombo", {})}
            return Remote(environment, Mirror(migrated_url), {"kombo": kombo, **settings}, proxy=proxy)

        yield connect


# -- trouble that passes -------------------------------------------------------------------------------------


@ON_SQLITE
async def test_a_walk_gets_through_every_passing_fault(connect: Connect) -> None:
    world = await connect(records=600, kombo={"page_size": 1})
    entries = [world.network.add(Drop(), times=2, where=ANY_LIST)]
    world.network.add(Pass(), times=1, where=ANY_LIST)
    # Each page after the first meets a fault of its own, twice.
    for fault, _ in FAULTS.values():
        entries.append(world.network.add(fault, times=2, where=NEXT_PAGES))
        world.network.add(Pass(), times=1, where=NEXT_PAGES)
    with capture_logs() as logs:
        await world.sync(models=[EMPLOYEES])
    assert [entry.fired for entry in entries] == [2] * len(entries)
    assert len(retries(logs)) >= 2 * len(entries)
    world.assert_equal([EMPLOYEES])
    # The watermark is Kombo's time, whatever an error page has for a date.
    assert world.stream().watermark == SOURCE_TIME


@ON_SQLITE
@pytest.mark.parametrize(
    "slowness",
    [Latency(0.02), Drip(first=600), Drip(first=10, pause=0.005)],
    ids=["late", "drip", "slow drip"],
)
async def test_a_slow_network_is_not_a_broken_one(connect: Connect, slowness: Behaviour) -> None:
    world = await connect(kombo={"timeout": timedelta(seconds=PATIENCE)})
    slow = world.network.add(slowness)
    with capture_logs() as logs:
        await world.sync(models=[EMPLOYEES])
    assert retries(logs) == []
    assert slow.fired == len(world.environment.requests)
    world.assert_equal([EMPLOYEES])


@ON_SQLITE
async def test_an_answer_that_drips_for_ever_is_given_up_and_asked_for_again(connect: Connect) -> None:
    world = await connect(kombo={"timeout": timedelta(seconds=0.2)})
    world.network.add(Drip(first=10**9, pause=0.01), times=1, where=NEXT_PAGES)
    with capture_logs() as logs:
        await world.sync(models=[EMPLOYEES])
    assert any("the answer was not complete after 2 s" in each for each in retries(logs))
    world.assert_equal([EMPLOYEES])


async def test_what_is_asked_before_the_lists_may_fail_for_good(connect: Connect) -> None:
    world = await connect()
    world.network.add(Reset(IN_HEAD), where=b"/check-api-key")
    world.network.add(error_page(b"503 Service Unavailable"), where=b"/integrations/")
    await world.sync(models=FEW)
    world.assert_equal(FEW)


# -- trouble that lasts --------------------------------------------------------------------------------------


def retries(logs: Iterable[MutableMapping[str, Any]]) -> list[str]:
    """Why the program has asked for lists again."""
    return [each["reason"] for each in logs if each["event"] == "request_retried" and each["model"]]


def is_one_sentence(text: str | None) -> bool:
    """Whether a person can read it in one line, and nothing of a peer's page is in it."""
    return text is not None and text.isprintable() and text.endswith(".") and "<" not in text


@LASTING
@ON_SQLITE
async def test_a_lasting_fault_in_the_middle_of_a_walk_fails_the_run_and_keeps_its_place(
    connect: Connect, fault: Behaviour, words: str
) -> None:
    world = await connect()
    world.network.add(fault, where=NEXT_PAGES)
    with capture_logs() as logs:
        (result,) = await world.run(models=[EMPLOYEES])
    assert (result.outcome, result.pages) == (Outcome.FAILED, 1)
    assert words in (result.error or "")
    assert is_one_sentence(result.error)
    assert len(retries(logs)) == (0 if fault is PLAIN_HTTP else MOST_TRIES - 1)

    stream = world.stream()
    assert (stream.state, stream.failures, stream.watermark) == ("failed", 1, None)
    assert stream.last_error == result.error
    assert stream.due_at is not None
    # What never came was not taken for an empty page, or for the last one.
    assert stream.walk is not None
    assert stream.walk.cursor is not None
    assert (stream.walk.pages, stream.walk.rows) == (1, PAGE_SIZE)
    assert len(world.rows(EMPLOYEES, stream.integration_id)) == PAGE_SIZE

    world.network.clear()
    world.environment.requests.clear()
    await world.sync(models=[EMPLOYEES])
    assert world.environment.asked_for(EMPLOYEES)[0].params["cursor"] == stream.walk.cursor
    world.assert_equal([EMPLOYEES])
    assert world.stream().watermark == SOURCE_TIME


@pytest.mark.parametrize(
    ("migrated_url", "fault"),
    [
        pytest.param("sqlite", Stall(IN_HEAD), id="sqlite-silence"),
        pytest.param("sqlite", PLAIN_HTTP, id="sqlite-400 plain HTTP"),
        pytest.param("postgresql", Reset(IN_HEAD), id="postgresql-reset"),
        pytest.param("postgresql", error_page(b"503 Service Unavailable"), id="postgresql-503"),
    ],
    indirect=["migrated_url"],
)
async def test_a_lasting_fault_fails_the_run_and_keeps_the_watermark(
    connect: Connect, fault: Behaviour
) -> None:
    world = await connect()
    await world.sync(models=[EMPLOYEES])
    before = world.rows(EMPLOYEES, world.stream().integration_id)

    world.change_the_source()
    world.network.add(fault, where=ANY_LIST)
    with capture_logs() as logs:
        (result,) = await world.run(models=[EMPLOYEES])
    assert result.outcome is Outcome.FAILED
    assert len(retries(logs)) == (0 if fault is PLAIN_HTTP else MOST_TRIES - 1)
    stream = world.stream()
    assert (stream.state, stream.watermark) == ("failed", SOURCE_TIME)
    assert world.rows(EMPLOYEES, stream.integration_id) == before

    world.network.clear()
    await world.sync(models=[EMPLOYEES])
    world.assert_equal([EMPLOYEES])
    assert world.stream().watermark == world.clock.now()


async def test_when_nothing_gets_through_every_stream_fails_and_says_why(connect: Connect) -> None:
    world = await connect(records=300, sync={"concurrency": 4})
    down = world.network.add(Drop())
    results = await world.run(models=FEW)
    assert len(results) == len(FEW)
    assert {each.outcome for each in results} == {Outcome.FAILED}
    host = f"127.0.0.1:{world.network.port}"
    assert all(is_one_sentence(each.error) and host in (each.error or "") for each in results)
    # Key, integration, and each stream with its list: every question was put so often and no oftener.
    assert down.fired <= (2 + 2 * len(results)) * MOST_TRIES

    world.network.clear()
    await world.sync(models=FEW)
    world.assert_equal(FEW)


@ON_SQLITE
async def test_a_server_that_accepts_no_connection_fails_the_run(connect: Connect) -> None:
    world = await connect()
    await world.sync(models=[EMPLOYEES])
    world.change_the_source()
    with never_accepting(200) as port:
        there = {**world.settings["kombo"], "base_url": f"http://127.0.0.1:{port}/v1"}
        (result,) = await world.run(models=[EMPLOYEES], kombo=there)
    assert result.outcome is Outcome.FAILED
    assert result.error == f"No answer from 127.0.0.1:{port}: it was silent for too long."
    assert world.stream().watermark == SOURCE_TIME

    await world.sync(models=[EMPLOYEES])
    world.assert_equal([EMPLOYEES])


@ON_SQLITE
async def test_a_server_that_cannot_be_connected_to_is_told_once_and_ends_the_pass(connect: Connect) -> None:
    world = await connect()
    await world.sync(models=FEW)
    before = world.streams()
    world.change_the_source()
    with never_accepting(0) as port:
        there = {**world.settings["kombo"], "base_url": f"http://127.0.0.1:{port}/v1"}
        with pytest.raises(Unreachable, match="it took too long to connect; check the network") as slow:
            await world.run(models=FEW, kombo=there)
    # Now nobody listens there at all: that shows at once, so it is tried again.
    with capture_logs() as logs, pytest.raises(Unreachable) as refused:
        await world.run(models=FEW, kombo=there)
    for error in (slow.value, refused.value):
        assert is_one_sentence(str(error))
        assert f"127.0.0.1:{port}" in str(error)
    assert [each["event"] for each in logs] == ["request_retried"] * 2 + ["kombo_unreachable"]
    assert world.streams() == before

    await world.sync(models=[EMPLOYEES])
    world.assert_equal([EMPLOYEES])


@pytest.mark.parametrize(
    ("speaks", "words"), [(False, "it took too long to connect"), (True, "SSL")], ids=["silent", "no TLS"]
)
@ON_SQLITE
async def test_a_tls_handshake_that_comes_to_nothing_ends_the_pass(
    connect: Connect, speaks: bool, words: str
) -> None:
    world = await connect()
    await world.sync(models=[EMPLOYEES])
    port = world.network.source[1] if speaks else world.network.port
    world.network.add(BlackHole())
    there = {**world.settings["kombo"], "base_url": f"https://127.0.0.1:{port}/v1"}
    with pytest.raises(Unreachable, match=words) as error:
        await world.run(models=[EMPLOYEES], kombo=there)
    assert is_one_sentence(str(error.value))


# -- connections and permits ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Stall(), Stall(IN_HEAD), BlackHole()])
@ON_SQLITE
async def test_broken_requests_use_up_neither_connections_nor_permits(
    connect: Connect, fault: Behaviour
) -> None:
    world = await connect(sync={"concurrency": 1})
    app = world.app()
    connections = app.settings.sync.concurrency + 2
    async with asyncio.timeout(PATIENCE), app, alone(app).open() as (engine, _):
        ask = partial(engine.client.check_key, purpose=Purpose.INCREMENTAL)
        # While the limit is unknown, one request waits for the other.
        for is_known in (False, True):
            broken = world.network.add(fault)
            asked = [ask() for _ in range(connections if is_known else 1)]
            answers = await asyncio.gather(*asked, return_exceptions=True)
            assert {type(each) for each in answers} == {Transient}
            if is_known:
                assert broken.fired > 2 * connections
            await a_permit_comes_free(app)
            world.network.clear()
            assert await ask() == world.environment.id


@ON_SQLITE
async def test_a_request_that_is_cancelled_in_silence_leaves_its_permit_to_the_next(connect: Connect) -> None:
    world = await connect(kombo={"timeout": timedelta(seconds=PATIENCE)})
    stalled = world.network.add(Stall(), times=1)
    app = world.app()
    async with asyncio.timeout(PATIENCE), app, alone(app).open() as (engine, _):
        silent = asyncio.create_task(engine.client.check_key(purpose=Purpose.INCREMENTAL))
        await stalled.met.wait()
        assert next_permit(app) is None
        silent.cancel()
        await asyncio.gather(silent, return_exceptions=True)
        await a_permit_comes_free(app)
        assert await engine.client.check_key(purpose=Purpose.INCREMENTAL) == world.environment.id


async def a_permit_comes_free(app: App) -> None:
    """The budget is told of what has ended shortly after; no time that it waits for passes."""
    while True:
        if next_permit(app) is not None:
            return
        await asyncio.sleep(0)


def next_permit(app: App) -> Permit | None:
    """What the next request would get at once."""
    with app.database.read() as connection:
        budget = read_budget(connection, DEFAULT_ENVIRONMENT, key_fingerprint(app.settings.api_key()))
        now = app.database.now(connection).timestamp()
    assert budget is not None
    _, answer = rules.take(budget, now, Purpose.INCREMENTAL, Reserve())
    return answer if isinstance(answer, Permit) else None


# -- everything at once --------------------------------------------------------------------------------------


def mixture(rng: Random, share: float) -> Callable[[], Behaviour]:
    """Any of the faults for this share of the requests."""
    faults = [*(fault for fault, _ in FAULTS.values()), PLAIN_HTTP, Latency(0.01), Drip(first=300)]
    return lambda: rng.choice(faults) if rng.random() < share else Pass()


async def test_after_a_mixture_of_faults_the_mirror_equals_a_source_that_went_on_changing(
    connect: Connect,
) -> None:
    world = await connect(integrations=2, records=200, kombo={"page_size": 10})
    rng = Random(1)
    world.network.otherwise = mixture(rng, 0.1)

    def goes_on(_: object) -> None:
        world.clock.advance(timedelta(seconds=1))
        random_change(rng.choice(list(world.environment.companies.values())), rng)

    world.environment.between_pages = goes_on
    results = await world.run(models=["hris_*"])
    assert {each.outcome for each in results} <= {Outcome.COMPLETE, Outcome.FAILED}
    world.environment.between_pages = None
    world.network.clear()
    # The first pass finishes the walks that are there, the second asks what changed meanwhile.
    await world.sync(models=["hris_*"])
    await world.sync(models=["hris_*"])
    world.assert_equal({each.key.model for each in results})


async def test_the_service_comes_through_a_mixture_of_faults(
    migrated_sqlite_url: str, tmp_path: Path
) -> None:
    environment, mirror, rng = make_environment(records=300), Mirror(migrated_sqlite_url), Random(3)
    (company,) = environment.companies.values()
    async with asyncio.timeout(PATIENCE), running(environment) as base_url, proxying(base_url) as proxy:
        proxy.otherwise = mixture(rng, 0.1)
        service = ServedSource(environment, proxy.base_url, tmp_path).start(
            mirror.database_url,
            SYNCER_SYNC__EVERY="1s",
            SYNCER_KOMBO__TIMEOUT="1s",
            SYNCER_KOMBO__PAGE_SIZE=str(PAGE_SIZE),
        )
        try:
            # The source changes until a good many requests have got through, and some have not.
            while len(environment.requests) < 40 or not service.events("request_retried"):
                company.update(EMPLOYEES, rng.choice(company.ids(EMPLOYEES)), last_name=f"N{rng.random()}")
                await asyncio.sleep(0.05)
                assert service.process.poll() is None, service.lines
            proxy.clear()
            await asyncio.to_thread(until, partial(is_equal_or_due, mirror, environment), "equality")
        finally:
            code = await asyncio.to_thread(service.stop)
        assert code == 0


def is_equal_or_due(mirror: Mirror, environment: Environment) -> bool:
    """Whether the mirror equals the source; where it does not, streams that failed are due, as if asked for.

    By themselves they would be tried again in half a minute.
    """
    if mirror.equals_source(environment, with_copies=True):
        return True
    failed = [key for key, stream in mirror.streams().items() if stream.state == "failed"]
    with mirror.open() as (database, connection):
        now = database.now(connection)
        StreamStore().mark_due(connection, failed, now=now, purpose=Purpose.INCREMENTAL)
    return False
