"""The service as its users have it: a process, its signals, its log, its end."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import psycopg
import pytest
from structlog.testing import capture_logs

from syncer.daemon.service import run_service
from syncer.operations.integrations import add_integration, remove_integration
from syncer.operations.status import status
from syncer.simulator.company.company import Company
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.faults import Late, Match
from tests.support.alone import alone
from tests.support.environment import without_settings
from tests.support.mirror import Mirror
from tests.support.processes import SYNCER, ServedSource, Service
from tests.support.source import API_KEY, MODELS, make_environment
from tests.support.waiting import PATIENCE, until
from tests.support.workers import MakeWorkersWorld, WorkersWorld

Serve = Callable[[Environment], ServedSource]
HOUR = timedelta(hours=1)
#: Each signal and each kind of database once: a process takes its second to start.
EACH_SIGNAL = pytest.mark.parametrize(
    ("database_url", "number"),
    [
        pytest.param("sqlite", signal.SIGINT, id="sqlite-SIGINT"),
        pytest.param("postgresql", signal.SIGTERM, id="postgresql-SIGTERM"),
    ],
    indirect=["database_url"],
)
ON_SQLITE, ON_POSTGRESQL = (
    pytest.mark.parametrize("migrated_url", [kind], indirect=True) for kind in ("sqlite", "postgresql")
)


@pytest.fixture
def ready(migrated_url: str) -> Mirror:
    """A migrated database of both kinds, without a row."""
    return Mirror(migrated_url)


@pytest.fixture
def small(sqlite_url: str) -> Mirror:
    """An empty SQLite database, for what no database makes different."""
    return Mirror(sqlite_url)


def stopped_well(service: Service, number: int = signal.SIGTERM) -> None:
    """It ends in good order and in time, to which it would else be made."""
    assert service.stop(number) == 0
    words = [event["event"] for event in service.events()]
    assert words.count("service_stopping") == 1
    assert "service_left_unfinished" not in words
    assert words[-1] == "service_stopped"


# -- what it does --------------------------------------------------------------------------------------------


@EACH_SIGNAL
def test_it_fills_an_empty_database_follows_the_source_and_ends_well(
    serve: Serve, mirror: Mirror, number: int
) -> None:
    source = serve(make_environment(integrations=2))
    service = source.start(mirror.database_url, SYNCER_SYNC__EVERY="1s", SYNCER_LOG__LEVEL="DEBUG")
    url = service.wait_for("pages_served")["url"]
    until(lambda: len(service.events("run_ended")) >= source.streams, "all streams")
    mirror.assert_equals_source(source.environment, with_copies=True)

    # What changes at the source arrives.
    company = next(iter(source.environment.companies.values()))
    company.update("hris_groups", company.ids("hris_groups")[0], name="Anders")
    until(lambda: mirror.equals_source(source.environment, ["hris_groups"], with_copies=True), "the change")

    stopped_well(service, number)
    assert mirror.leases() == []
    assert mirror.fetch("SELECT * FROM sync_runs WHERE ended_at IS NULL") == []
    check_log(service, source, url)


def check_log(service: Service, source: ServedSource, url: str) -> None:
    """Lines of JSON with fixed words and fields, without the key."""
    # The tests' role on PostgreSQL is a superuser, and their files are open.
    events = [event for event in service.events() if event["event"] != "exposure_found"]
    words = [event["event"] for event in events]
    assert {words[0], words[1]} == {"service_started", "pages_served"}
    assert url.startswith("http://127.0.0.1:")
    assert set(words) == {
        "service_started",
        "pages_served",
        "integration_added",
        "run_started",
        "run_ended",
        "service_stopping",
        "service_stopped",
    }
    # The start of a run, and the end of one that changed nothing, are no news.
    quiet = {event["event"] for event in events if event["level"] == "debug"}
    assert quiet == {"run_started", "run_ended"}
    assert {event["level"] for event in events if event["event"] == "run_started"} == {"debug"}
    for ended in (event for event in events if event["event"] == "run_ended"):
        news = any(ended[each] for each in ("created", "updated", "deleted", "restored", "quarantined"))
        assert ended["level"] == ("info" if news else "debug")
    assert {event["level"] for event in events} == {"info", "debug"}
    assert {event["integration"] for event in events if event["event"] == "integration_added"} == set(
        source.environment.integrations
    )
    started = {event["run"]: event for event in events if event["event"] == "run_started"}
    for ended in (event for event in events if event["event"] == "run_ended"):
        begun = started.pop(ended["run"])
        assert (begun["integration"], begun["model"]) == (ended["integration"], ended["model"])
        assert begun["model"] in MODELS
        assert ended["outcome"] in {"complete", "stopped"}
        assert ended["timestamp"] >= begun["timestamp"]
    assert not started
    assert API_KEY not in "".join(service.lines)


def test_a_second_service_shares_the_work(serve: Serve, ready: Mirror) -> None:
    source = serve(make_environment(integrations=2, limit=60))
    source.environment.limit.window = 2.0
    settings = {
        "SYNCER_SYNC__EVERY": "1s",
        "SYNCER_KOMBO__PAGE_SIZE": "5",
        "SYNCER_SYNC__CONCURRENCY": "2",
        "SYNCER_LOG__LEVEL": "DEBUG",
    }
    services = [source.start(ready.database_url, **settings) for _ in range(2)]

    def both_work() -> bool:
        return all(len(service.events("run_ended")) >= source.streams for service in services)

    until(both_work, "work by both of them")
    for service in services:
        stopped_well(service)
    ready.assert_equals_source(source.environment, with_copies=True)
    # No stream was run twice at once, and the limit was never overrun.
    runs: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for integration, model, began, ended in ready.fetch(
        "SELECT integration_id, model, CAST(started_at AS TEXT), CAST(ended_at AS TEXT) FROM sync_runs "
        "ORDER BY integration_id, model, started_at"
    ):
        runs.setdefault((integration, model), []).append((began, ended))
    assert len(runs) == source.streams
    for of_one_stream in runs.values():
        assert all(before[1] <= after[0] for before, after in pairwise(of_one_stream))
    assert len(ready.fetch("SELECT DISTINCT owner FROM sync_runs")) == 2
    assert source.environment.limit.refused == 0


def test_a_killed_service_goes_on_where_it_was(serve: Serve, ready: Mirror) -> None:
    source = serve(make_environment(integrations=2))
    settings = {"SYNCER_KOMBO__PAGE_SIZE": "2", "SYNCER_SYNC__EVERY": "1h"}
    first = source.start(ready.database_url, **settings)
    # The rest of their walks is never answered, so that it is killed in the middle of both.
    silence = [
        source.environment.faults.add(Match(model="hris_employees", page=page), Late(3_600), None)
        for page in range(9, 20)
    ]
    until(lambda: silence[0].fired == 2, "the middle")
    until(lambda: len(first.events("run_ended")) == 4, "the other streams")
    # What has been read ahead is stored.
    stored = "SELECT walk_pages FROM sync_streams WHERE model = 'hris_employees'"
    until(lambda: ready.fetch(stored) == [(8,), (8,)], "the pages before it")
    first.process.kill()
    first.end()
    assert ready.leases()
    source.environment.faults.clear()
    before = len(source.environment.requests)

    second = source.start(ready.database_url, **settings)
    until(lambda: ready.is_complete(source.streams), "the rest")
    stopped_well(second)
    ready.assert_equals_source(source.environment, with_copies=True)
    # It went on from the page that was not stored: nothing was read twice, and nothing counted twice.
    later = [each.page or 0 for each in list(source.environment.requests)[before:] if each.model]
    assert min(later) == 9
    for integration, model, live in ready.fetch("SELECT integration_id, model, rows_live FROM sync_streams"):
        company = source.environment.companies[integration]
        assert live == len(company.rows(model, include_deleted=False))


# -- how it ends ---------------------------------------------------------------------------------------------


@ON_POSTGRESQL
def test_it_ends_while_it_waits_for_a_budget_that_is_used_up(serve: Serve, ready: Mirror) -> None:
    source = serve(make_environment(limit=5))
    service = source.start(ready.database_url, SYNCER_KOMBO__PAGE_SIZE="2", SYNCER_BUDGET__RESERVE="0")
    until(lambda: source.environment.limit.used == 5, "the end of the budget")
    until(lambda: ready.leases(), "a run")
    stopped_well(service)
    assert ready.leases() == []
    assert {each[0] for each in ready.fetch("SELECT outcome FROM sync_runs")} <= {"stopped", "complete"}


@ON_SQLITE
def test_it_ends_while_the_api_is_silent(serve: Serve, ready: Mirror) -> None:
    source = serve(make_environment())
    # Whatever it asks first: about the key, about an integration, for a list.
    silence = source.environment.faults.add(Match(), Late(3_600), None)
    starting = source.start(ready.database_url)
    until(lambda: silence.fired, "the first request")
    stopped_well(starting)

    source.environment.faults.clear()
    silence = source.environment.faults.add(Match(model="hris_employees"), Late(3_600), None)
    working = source.start(ready.database_url, SYNCER_LOG__LEVEL="DEBUG")
    until(lambda: silence.fired, "the list")
    until(lambda: len(working.events("run_ended")) == 2, "the other streams")
    stopped_well(working)
    assert ready.leases() == []
    # One silent model of one integration is no reason to do nothing.
    ready.assert_equals_source(source.environment, ["hris_groups", "hris_locations"], with_copies=True)


@EACH_SIGNAL
def test_it_ends_well_in_its_first_second(serve: Serve, mirror: Mirror, number: int) -> None:
    source = serve(make_environment())
    service = source.start(mirror.database_url)
    until(lambda: catches(service.process.pid, number), "its first moment")
    stopped_well(service, number)
    # The database is whole, if there is one: the next one works on it.
    after = source.start(mirror.database_url, SYNCER_LOG__LEVEL="DEBUG")
    until(lambda: len(after.events("run_ended")) == source.streams, "all streams")
    stopped_well(after)
    mirror.assert_equals_source(source.environment, with_copies=True)


def catches(pid: int, number: int) -> bool:
    """Whether the process handles the signal by now, as the system tells; SIGINT Python itself handles."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "SigCgt":
            return bool(int(value, 16) >> (signal.SIGTERM - 1) & 1) and bool(
                int(value, 16) >> (number - 1) & 1
            )
    return False


def test_it_ends_while_the_database_hangs(serve: Serve, postgres_url: str) -> None:
    source, mirror = serve(make_environment()), Mirror(postgres_url)
    service = source.start(postgres_url, SYNCER_SYNC__EVERY="1s")
    until(lambda: len(service.events("run_ended")) >= source.streams, "all streams")
    with psycopg.connect(postgres_url) as other:
        other.execute("LOCK TABLE sync_streams IN ACCESS EXCLUSIVE MODE")
        until(lambda: mirror.fetch("SELECT 1 FROM pg_locks WHERE NOT granted"), "somebody who waits")
        assert service.stop() == 0
    assert service.events()[-1]["event"] == "service_left_unfinished"


@ON_SQLITE
def test_a_log_that_nobody_reads_stops_neither_the_work_nor_the_page_nor_the_end(
    serve: Serve, ready: Mirror
) -> None:
    source = serve(make_environment())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    settings = source.settings(ready.database_url)
    settings |= {"SYNCER_SYNC__EVERY": "1s", "SYNCER_WEB__PORT": port, "SYNCER_LOG__LEVEL": "DEBUG"}
    ours, its = os.pipe()
    fcntl.fcntl(its, fcntl.F_SETPIPE_SZ, 4096)
    os.write(its, b"x" * 4096)
    process = subprocess.Popen(
        [*SYNCER, "run"], cwd=source.directory, env={**without_settings(), **settings}, stderr=its
    )
    with process:
        try:
            until(lambda: ready.is_complete(source.streams), "the first load")
            company = next(iter(source.environment.companies.values()))
            company.update("hris_groups", company.ids("hris_groups")[0], name="Anders")
            until(lambda: ready.equals_source(source.environment, ["hris_groups"]), "the change")
            assert httpx.get(
                f"http://127.0.0.1:{port}/healthz", trust_env=False, timeout=PATIENCE
            ).json() == {"status": "ok"}
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        finally:
            process.kill()
            os.close(ours)
            os.close(its)


def test_a_taken_port_is_one_clear_sentence(serve: Serve, small: Mirror) -> None:
    source = serve(make_environment())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        service = source.start(small.database_url, SYNCER_WEB__PORT=port)
        assert service.end() == 2
    assert service.lines == [
        f"Error: The status page cannot listen on 127.0.0.1:{port} (Address already in use): "
        "set web.port, or web.enabled = false.\n"
    ]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_beyond_this_machine_it_does_not_start_without_a_token(
    serve: Serve, small: Mirror, host: str
) -> None:
    source = serve(make_environment())
    service = source.start(small.database_url, SYNCER_WEB__HOST=host)
    assert service.end() == 2
    assert service.lines == [
        f"Error: The status page would be open to everybody who reaches {host}: set web.token or "
        'web.token_file, or web.host = "127.0.0.1", or web.enabled = false.\n'
    ]


def test_beyond_this_machine_the_token_opens_the_pages_and_none_the_health_check(
    serve: Serve, small: Mirror, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("a-token-of-the-tests\n")
    source = serve(make_environment())
    service = source.start(
        small.database_url, SYNCER_WEB__HOST="0.0.0.0", SYNCER_WEB__TOKEN_FILE=str(tmp_path / "token")
    )
    port = httpx.URL(service.wait_for("pages_served")["url"]).port
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
        assert client.get("/healthz", headers={"Host": "10.1.2.3"}).status_code == 200
        for path in ("/", "/status"):
            assert client.get(path).status_code == 401
            assert client.get(path, auth=("anybody", "wrong")).status_code == 401
            assert client.get(path, auth=("anybody", "a-token-of-the-tests")).status_code == 200
            bearer = {"Authorization": "Bearer a-token-of-the-tests"}
            assert client.get(path, headers=bearer).status_code == 200
            assert client.get(path, headers={**bearer, "Host": "rebound.example"}).status_code == 421
    stopped_well(service)
    assert "a-token-of-the-tests" not in "".join(service.lines)


def test_a_refused_key_does_not_end_it_and_is_told_everywhere(serve: Serve, ready: Mirror) -> None:
    source = serve(make_environment())
    settings = {"SYNCER_KOMBO__API_KEY": "ks_dev_wrong"}
    service = source.start(ready.database_url, **settings)
    url = service.wait_for("pages_served")["url"]
    refused = service.wait_for("key_refused")
    assert "HTTP 401" in refused["error"]
    until(lambda: ready.fetch("SELECT 1 FROM sync_refused_keys"), "the refusal")
    with httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE) as browser:
        alive, shown, page = (browser.get(path) for path in ("healthz", "status", ""))
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert (shown.json()["is_well"], shown.json()["key"]["error"]) == (False, refused["error"])
    assert "Kombo refuses the API key" in page.text
    told = subprocess.run(
        [*SYNCER, "status"],
        cwd=source.directory,
        env={**without_settings(), **source.settings(ready.database_url), **settings},
        capture_output=True,
        text=True,
    )
    assert told.returncode == 1
    assert told.stdout.startswith("Kombo refuses the API key, first ")
    stopped_well(service)
    assert len(service.events("key_refused")) == 1
    assert "ks_dev_wrong" not in "".join(service.lines) + shown.text + page.text + told.stdout
    assert ready.leases() == []


def test_a_database_that_is_not_there_is_one_clear_sentence(serve: Serve, tmp_path: Path) -> None:
    source = serve(make_environment())
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    service = source.start(f"postgresql://somebody:hunter2@127.0.0.1:{port}/mirror")
    assert service.end() == 3
    [line] = service.lines
    assert line.startswith("Error: The database postgresql://somebody:***@127.0.0.1:")
    assert "hunter2" not in line


# -- in this process -----------------------------------------------------------------------------------------


@pytest.fixture
def tiny(sqlite_url: str) -> WorkersWorld:
    """A world on an empty SQLite database, for what no database makes different."""
    return WorkersWorld(make_environment(), Mirror(sqlite_url))


async def test_integrations_come_and_go_while_it_runs(tiny: WorkersWorld) -> None:
    known = next(iter(tiny.environment.integrations))
    newcomer = "hibob:newcomer"
    async with tiny.app() as app, tiny.app() as command:
        with capture_logs() as logged:
            running = asyncio.create_task(
                run_service(app, report=tiny.steps.append, handle_signals=False, watch_every=0.05)
            )
            await tiny.until(lambda: len({key for key, _ in tiny.ended()}) == len(MODELS), "the first one")
            tiny.environment.add(Company(newcomer, tiny.environment.clock, seed=3, records=300))
            await add_integration(command, newcomer, ["hris_groups"])
            await tiny.until(
                lambda: tiny.mirror.equals_source(tiny.environment, ["hris_groups"], with_copies=True),
                "the rows of the newcomer",
            )
            assert set(tiny.mirror.streams()) == {
                (newcomer, "hris_groups"),
                *((known, model) for model in MODELS),
            }
            await asyncio.to_thread(remove_integration, command, newcomer)
            await tiny.until(lambda: len(tiny.mirror.streams()) == len(MODELS), "its end")
            app.stopping.set()
            await running
    # Its rows stay.
    assert tiny.mirror.documents("hris_groups", newcomer)
    told = [(each["event"], each["integration"]) for each in logged if "integration_" in each["event"]]
    assert told == [
        ("integration_added", known),
        ("integration_added", newcomer),
        ("integration_removed", newcomer),
    ]


async def test_an_integration_that_kombo_is_silent_about_does_not_hold_up_the_others(
    tiny: WorkersWorld,
) -> None:
    known, silent = next(iter(tiny.environment.integrations)), "hibob:silent"
    async with tiny.app() as earlier:
        earlier.open_database(may_create=True)
        async with alone(earlier).open() as (_, asking):
            await alone(earlier).selection.refresh_streams(asking)
    tiny.environment.add(Company(silent, tiny.environment.clock, seed=3, records=300))
    tiny.environment.faults.add(Match(path=f"/v1/integrations/{silent}"), Late(3_600), None)
    async with tiny.app() as app:
        running = asyncio.create_task(run_service(app, report=tiny.steps.append, handle_signals=False))
        await tiny.until(lambda: len({key for key, _ in tiny.ended()}) >= len(MODELS), "the known one")
        assert {key.integration_id for key, _ in tiny.ended()} == {known}
        app.stopping.set()
        await running


async def test_a_fault_of_ours_ends_it_loudly(tiny: WorkersWorld) -> None:
    async with tiny.app() as app:
        with capture_logs() as logged:
            running = asyncio.create_task(
                run_service(app, report=tiny.steps.append, handle_signals=False, watch_every=0.05)
            )
            await tiny.until(lambda: len(tiny.ended()) == len(MODELS), "the first runs")
            with tiny.mirror.open() as (_, connection):
                connection.exec_driver_sql("UPDATE sync_integrations SET checked_at = 'never'")
            with pytest.raises(ValueError, match="never"):
                await running
        [failed] = [each for each in logged if each["event"] == "service_failed"]
        assert failed["exc_info"]
        assert "service_stopped" not in [each["event"] for each in logged]


async def test_the_databases_clock_decides_what_is_due_whatever_that_of_the_host_says(
    tiny: WorkersWorld,
) -> None:
    for apart, passed, runs in ((0, 0.0, 3), (3, 0.5, 3), (-3, 0.5, 3), (0, 25.0, 6)):

        def has_run(runs: int = runs) -> bool:
            return len(tiny.ended()) >= runs

        def host_clock(apart: int = apart) -> datetime:
            return datetime.now(UTC) + apart * HOUR

        tiny.clock_offset = passed * HOUR
        async with tiny.app() as app:
            running = asyncio.create_task(
                run_service(app, report=tiny.steps.append, clock=host_clock, handle_signals=False)
            )
            await tiny.until(has_run, "the runs")
            app.stopping.set()
            await running
        assert len(tiny.ended()) == runs


@dataclass
class Hands:
    """A clock that a test moves on."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


async def test_a_key_that_is_revoked_and_replaced_is_asked_for_seldom_and_work_goes_on(
    make_world: MakeWorkersWorld, tmp_path: Path
) -> None:
    world, clock, file = make_world(sync={"every": "1s"}), Hands(), tmp_path / "key"
    file.write_text(world.environment.api_key)

    def checks() -> int:
        return sum("check-api-key" in each.path for each in list(world.environment.requests))

    async with world.app() as app:
        alone(app).read_key = file.read_text
        with capture_logs() as logged:
            running = asyncio.create_task(
                run_service(
                    app, report=world.steps.append, clock=clock, handle_signals=False, watch_every=0.02
                )
            )
            await world.until(lambda: len(world.ended()) >= len(MODELS), "the first runs")
            world.environment.api_key = "ks_dev_next"
            await world.until(lambda: status(app)["key"], "the refusal")
            asked = checks()
            # As long as the key is the same: one request, and no more.
            clock.ahead += timedelta(minutes=16)
            await world.until(lambda: checks() == asked + 1, "the second look")
            assert status(app)["key"] is not None
            world.mark(*world.mirror.streams())
            file.write_text("ks_dev_next")
            done = len(world.ended())
            await world.until(lambda: len(world.ended()) >= done + len(MODELS), "the next runs")
            assert status(app)["key"] is None
            assert checks() == asked + 2
            app.stopping.set()
            await running
    assert [each["event"] for each in logged if each["event"].startswith("key_")] == [
        "key_refused",
        "key_accepted",
    ]
    # Each key has a budget of its own.
    assert world.mirror.fetch("SELECT count(*) FROM sync_budgets") == [(2,)]
    world.mirror.assert_equals_source(world.environment, MODELS)
