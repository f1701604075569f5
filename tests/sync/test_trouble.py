"""What is wrong with one stream is its outcome, and nobody else's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.operations.sync import sync
from syncer.simulator.server import faults
from syncer.simulator.server.api import simulator_app
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.faults import Dropped, Match
from syncer.simulator.server.paging import Paging
from tests.support.world import MakeWorld, Wiring, World

#: What is made of an answer is decided before any database hears of it.
pytestmark = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
EMPLOYEES = ["hris_employees"]
#: Enough where it matters only that there are several.
SOME = ["hris_employees", "hris_groups", "hris_absences", "ats_jobs"]


async def test_a_broken_integration_does_not_stop_the_other(make_world: MakeWorld) -> None:
    world = make_world(integrations=2)
    broken, sound = world.environment.integrations
    world.environment.faults.add(Match(integration=broken, model="*"), faults.server_error(), None)
    results = await world.run(Mode.BACKFILL, models=["hris_groups", "hris_employees"])
    assert {each.key.integration_id: each.outcome for each in results} == {
        broken: Outcome.FAILED,
        sound: Outcome.COMPLETE,
    }
    assert all("500" in (each.error or "") for each in results if each.key.integration_id == broken)
    streams = world.streams()
    assert streams[StreamKey(broken, "hris_groups")].state == "failed"
    assert "500" in (streams[StreamKey(broken, "hris_groups")].last_error or "")
    assert world.rows("hris_groups", sound) == world.source("hris_groups", world.environment.companies[sound])


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(faults.server_error(), id="500"),
        pytest.param(faults.bad_gateway(), id="html"),
        pytest.param(faults.not_json(), id="not json"),
        pytest.param(faults.truncated(), id="truncated"),
        pytest.param(faults.reshaped({"next": None, "results": None}), id="results null"),
        pytest.param(faults.reshaped({"next": None}), id="results missing"),
        pytest.param(faults.reshaped({"next": None, "results": {}}), id="results an object"),
        pytest.param(faults.concurrency_limited(), id="concurrency"),
        pytest.param(Dropped(httpx.ReadError("connection reset")), id="dropped"),
    ],
)
async def test_a_passing_fault_is_retried_and_never_taken_for_an_empty_page(
    make_world: MakeWorld, answer: faults.Answer
) -> None:
    world = make_world(records=600)
    world.environment.faults.add(Match(model="hris_employees", page=2), answer, 2)
    await world.sync(mode=Mode.BACKFILL, models=EMPLOYEES, kombo={"page_size": 10})
    world.assert_equal(EMPLOYEES)


async def test_a_lasting_fault_fails_the_run_after_bounded_tries(make_world: MakeWorld) -> None:
    world = make_world(records=300)
    fault = world.environment.faults.add(Match(model="hris_employees"), faults.truncated(), None)
    (result,) = await world.run(Mode.BACKFILL, models=EMPLOYEES)
    assert result.outcome is Outcome.FAILED
    assert fault.fired == 6
    (stream,) = [each for each in world.streams().values() if each.model == "hris_employees"]
    assert (stream.state, stream.failures) == ("failed", 1)
    assert stream.watermark is None
    assert stream.due_at is not None


async def test_an_integration_that_is_not_set_up_waits(make_world: MakeWorld) -> None:
    world = make_world(records=300, sync={"models": SOME})
    (integration,) = world.environment.integrations.values()
    integration.setup_status = "FINAL_SYNC_PENDING"
    results = await world.run(Mode.BACKFILL)
    assert {each.outcome for each in results} == {Outcome.WAITING}
    assert world.environment.asked_for("hris_employees") == []
    integration.setup_status = "COMPLETED"
    await world.sync(mode=Mode.BACKFILL)
    world.assert_equal(SOME)


async def test_set_up_that_only_the_list_knows_of_waits_too(make_world: MakeWorld) -> None:
    world = make_world(records=300)
    world.environment.faults.add(Match(model="hris_employees"), faults.not_ready(), None)
    (result,) = await world.run(Mode.BACKFILL, models=EMPLOYEES)
    assert result.outcome is Outcome.WAITING


async def test_a_model_that_is_not_offered_is_unavailable_and_well(make_world: MakeWorld) -> None:
    world = make_world(records=300, sync={"models": SOME})
    (integration,) = world.environment.integrations.values()
    integration.disabled.add("hris_absences")
    results = {each.key.model: each for each in await world.run(Mode.BACKFILL)}
    assert results["hris_absences"].outcome is Outcome.UNAVAILABLE
    assert results["hris_absences"].outcome.is_well
    assert world.environment.asked_for("hris_absences") == []


async def test_an_integration_that_kombo_does_not_know_is_gone_and_its_rows_stay(
    make_world: MakeWorld,
) -> None:
    world = make_world(records=300, sync={"models": SOME})
    (integration_id,) = world.environment.integrations
    await world.sync(mode=Mode.BACKFILL)
    rows = world.rows("hris_employees", integration_id)
    app = world.app(sync={"concurrency": 1, "models": SOME})
    world.environment.remove(integration_id)
    asked = len(world.environment.requests)
    async with app:
        results = await sync(app, Mode.SYNC)
    assert {each.outcome for each in results} == {Outcome.GONE}
    # One list finds out; the other streams are not asked.
    assert len([each for each in list(world.environment.requests)[asked:] if each.model]) == 1
    assert world.rows("hris_employees", integration_id) == rows


async def test_an_integration_in_waiting_is_asked_about_once_a_pass(make_world: MakeWorld) -> None:
    world = make_world(records=300, sync={"models": SOME})
    (integration,) = world.environment.integrations.values()
    integration.setup_status = "INCOMPLETE"
    for passes in (1, 2):
        results = await world.run(Mode.SYNC)
        assert {each.outcome for each in results} == {Outcome.WAITING}
        about = [each for each in world.environment.requests if "/integrations/" in each.path]
        assert len(about) == passes


class NoDate(httpx.AsyncBaseTransport):
    """A network that loses the time of every answer."""

    def __init__(self, environment: Environment) -> None:
        self.inner = httpx.ASGITransport(app=simulator_app(environment))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        del response.headers["date"]
        return response


class Undated(World):
    """A world behind that network."""

    def wiring(self) -> Wiring:
        return {**super().wiring(), "transport": NoDate(self.environment)}


async def test_without_a_date_header_there_is_no_watermark(make_world: MakeWorld) -> None:
    made = make_world(records=300)
    world = Undated(made.environment, made.mirror)
    (result,) = await world.run(Mode.BACKFILL, models=EMPLOYEES)
    assert result.outcome is Outcome.COMPLETE
    (stream,) = [each for each in world.streams().values() if each.model == "hris_employees"]
    assert stream.watermark is None
    assert stream.last_full_walk_at is not None


async def test_the_date_of_a_load_balancers_error_is_not_the_watermark(make_world: MakeWorld) -> None:
    world = make_world(records=300)
    fault = faults.Reply(
        503, b"<html>no</html>", content_type="text/html", by_kombo=False, skew=timedelta(hours=5)
    )
    world.environment.faults.add(Match(model="hris_employees", page=1), fault, 1)
    await world.sync(mode=Mode.BACKFILL, models=EMPLOYEES)
    (stream,) = [each for each in world.streams().values() if each.model == "hris_employees"]
    assert stream.watermark is not None
    assert abs(stream.watermark - world.clock.now()) < timedelta(seconds=2)


async def test_a_record_without_an_id_is_quarantined_and_the_rest_is_stored(
    make_world: MakeWorld,
) -> None:
    world = make_world(records=300)

    def without_id(data: Any) -> Any:
        del data["data"]["results"][0]["id"]
        return data

    world.environment.faults.add(Match(model="hris_groups"), faults.rewritten(without_id), 1)
    (result,) = await world.run(Mode.BACKFILL, models=["hris_groups"])
    assert (result.outcome, result.counts.quarantined) == (Outcome.INCOMPLETE, 1)
    command = f"syncer quarantine list --integration {result.key.integration_id}"
    assert result.error == f"1 record is in quarantine: `{command}` shows why."
    (stream,) = [each for each in world.streams().values() if each.model == "hris_groups"]
    assert stream.state == "incomplete"
    company = next(iter(world.environment.companies.values()))
    assert (
        len(world.rows("hris_groups", result.key.integration_id))
        == len(world.source("hris_groups", company)) - 1
    )


async def test_short_pages_do_not_end_a_walk(make_world: MakeWorld) -> None:
    world = make_world(records=600)
    world.environment.paging = Paging(short_pages=True)
    await world.sync(mode=Mode.BACKFILL, models=EMPLOYEES, kombo={"page_size": 20})
    world.assert_equal(EMPLOYEES)


async def test_an_integration_that_kombo_does_not_answer_about_is_asked_about_once_a_pass(
    make_world: MakeWorld,
) -> None:
    """Each try takes its time, and the streams of an integration wait for it one after the other."""
    world = make_world()
    await world.sync(models=["hris_groups"])
    integration = next(iter(world.environment.integrations))
    world.clock_offset = timedelta(hours=1)
    world.environment.faults.add(
        Match(path=f"*/integrations/{integration}"), faults.server_error(), times=None
    )
    before = len(world.environment.requests)
    await world.run(models=["hris_*"])
    asked = [each for each in list(world.environment.requests)[before:] if each.path.endswith(integration)]
    assert len(asked) == 6, "the tries of one request"
