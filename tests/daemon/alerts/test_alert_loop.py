"""Alerts of the service: told once, whoever dies, and whatever the receiver does."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from syncer.daemon import alerts, posting
from syncer.daemon.alerts import AlertLoop
from syncer.daemon.deliveries import loop
from syncer.domain.alerts.decisions import quiet_time
from syncer.domain.alerts.message import MessageFormat
from syncer.domain.alerts.settings import AlertSettings
from syncer.domain.alerts.trouble import AlertKey, AlertKind, Trouble
from syncer.domain.deliveries import attempts
from syncer.domain.stream_key import StreamKey
from syncer.http_client.receiver import Receiver as Posts
from syncer.store.db.database import Database
from syncer.store.state.alerts import read_alerts
from tests.support.receivers import SECRET, MakeReceiver, Receiver, Reply
from tests.support.running_service import running_service
from tests.support.waiting import PATIENCE
from tests.support.workers import MakeWorkersWorld

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
KEY = AlertKey("default", AlertKind.FAILING, "tool:one")
FAILS = Trouble("1 list (hris_groups) cannot be read: failed 1")


@dataclass
class Alarm:
    """Services that look for troubles in one database, whose clock the test moves."""

    database: Database
    receiver: Receiver
    form: MessageFormat = MessageFormat.JSON
    token: str = "t0ps3cret"
    owner: str = "one/process"
    is_dead: Callable[[str], bool] = lambda _: False
    troubles: dict[AlertKey, Trouble] = field(default_factory=dict)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def service(self) -> AsyncIterator[AlertLoop]:
        """A service that has just started."""
        settings = AlertSettings(self.receiver.url, self.token, self.form, HOUR)
        async with Posts(settings.url, version="1", environ={}) as posts:
            yield AlertLoop(
                self.database,
                settings,
                posts,
                lambda _: dict(self.troubles),
                owner=self.owner,
                is_dead=self.is_dead,
                uniform=lambda: 0.0,
            )

    async def look(self, *, after: timedelta = timedelta(0)) -> None:
        """Let that much time pass, and have a new service look once."""
        async with self.service() as service:
            await self.again(service, after=after)

    async def again(self, service: AlertLoop, *, after: timedelta = timedelta(0)) -> None:
        self.database.clock_offset += after
        await service.look(self.stopping)

    @property
    def told(self) -> list[tuple[list[str], list[str]]]:
        """Subjects that began and that are over, in each message."""
        names = ("began", "over")
        began, over = (
            [[one["subject"] for one in each.body[name]] for each in self.receiver.received] for name in names
        )
        return list(zip(began, over, strict=True))


@pytest.fixture
def alarm(database: Database, receiver: Receiver) -> Alarm:
    receiver.verifies = False
    return Alarm(database, receiver)


async def test_a_trouble_is_told_once_and_its_end_once_by_services_that_are_restarted(alarm: Alarm) -> None:
    await alarm.look()
    alarm.troubles[KEY] = FAILS
    with capture_logs() as logged:
        await alarm.look()
        await alarm.look(after=59 * MINUTE)
        assert alarm.told == []
        for _ in range(3):
            await alarm.look(after=20 * MINUTE)
        assert alarm.told == [(["tool:one"], [])]
        alarm.troubles.clear()
        for _ in range(4):
            await alarm.look(after=quiet_time(HOUR) / 2)
    assert alarm.told == [(["tool:one"], []), ([], ["tool:one"])]
    assert [(each["event"], each["subject"]) for each in logged] == [
        ("alert_began", "tool:one"),
        ("alert_over", "tool:one"),
    ]
    first = alarm.receiver.received[0]
    assert first.headers["authorization"] == "Bearer t0ps3cret"
    assert first.headers["idempotency-key"] == first.body["id"]


async def test_of_several_services_on_one_database_one_tells_it(alarm: Alarm) -> None:
    opens = threading.Event()
    alarm.receiver.answer(Reply(opens=opens))
    other = dataclasses.replace(alarm, owner="another/process")
    alarm.troubles[KEY] = FAILS
    await alarm.look()
    async with alarm.service() as one, other.service() as two:
        first = asyncio.create_task(alarm.again(one, after=HOUR))
        await asyncio.to_thread(alarm.receiver.wait_for, 1)
        await other.again(two)
        opens.set()
        await first
        await other.again(two, after=MINUTE)
    assert alarm.told == [(["tool:one"], [])]


async def test_what_a_process_was_telling_when_it_died_is_told_again_with_its_id(alarm: Alarm) -> None:
    opens = threading.Event()
    alarm.receiver.answer(Reply(opens=opens), 204)
    alarm.troubles[KEY] = FAILS
    await alarm.look()
    async with alarm.service() as one:
        hangs = asyncio.create_task(alarm.again(one, after=HOUR))
        await asyncio.to_thread(alarm.receiver.wait_for, 1)
        hangs.cancel()
        await asyncio.wait({hangs})
    opens.set()
    await dataclasses.replace(alarm, owner="another/process").look()
    assert len(alarm.told) == 1
    await dataclasses.replace(
        alarm, owner="another/process", is_dead=lambda owner: owner == alarm.owner
    ).look()
    first, second = alarm.receiver.received
    assert (first.body["id"], alarm.told[1]) == (second.body["id"], (["tool:one"], []))


async def test_a_receiver_that_fails_is_tried_again_after_growing_pauses_and_logged_once(
    alarm: Alarm,
) -> None:
    alarm.receiver.answer(
        500, Reply(302, {"Location": alarm.receiver.url}), Reply(429, {"Retry-After": "60"}), 204
    )
    alarm.troubles[KEY] = FAILS
    with capture_logs() as logged:
        async with alarm.service() as service:
            await alarm.again(service)
            seconds = (3600, 1, 1, 3, 1, 50, 10, 3600)
            came = []
            for each in seconds:
                await alarm.again(service, after=timedelta(seconds=each))
                came.append(len(alarm.receiver.received))
    assert came == [1, 1, 2, 2, 3, 3, 4, 4]
    assert len({each.body["id"] for each in alarm.receiver.received}) == 1
    told = [each for each in logged if each["event"].startswith("alerts_")]
    assert [(each["event"], each["log_level"]) for each in told] == [
        ("alerts_failing", "warning"),
        ("alerts_recovered", "info"),
    ]
    assert told[0]["error"] == "The receiver answered HTTP 500 (Internal Server Error)."
    assert "of=test" not in repr(logged)
    assert "t0ps3cret" not in repr(logged)


async def test_a_receiver_that_is_silent_keeps_no_service_from_stopping(
    alarm: Alarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "GRACE", 0.1)
    alarm.receiver.answer(Reply(opens=threading.Event()))
    alarm.troubles[KEY] = replace(FAILS, since=None)
    await alarm.look()
    looking = asyncio.create_task(alarm.look(after=HOUR))
    await asyncio.to_thread(alarm.receiver.wait_for, 1)
    alarm.stopping.set()
    await asyncio.wait_for(looking, PATIENCE)
    with alarm.database.read() as connection:
        [found] = read_alerts(connection).values()
    assert found.is_untold


async def test_slack_gets_a_text_and_no_authorization_without_a_token(alarm: Alarm) -> None:
    alarm = dataclasses.replace(alarm, form=MessageFormat.SLACK, token="")
    alarm.troubles[KEY] = FAILS
    await alarm.look()
    await alarm.look(after=HOUR)
    [message] = alarm.receiver.received
    assert message.body.keys() == {"text"}
    assert "tool:one: 1 list (hris_groups) cannot be read" in message.body["text"]
    assert "authorization" not in message.headers


async def test_the_service_tells_of_a_delivery_that_is_stuck_and_of_its_end(
    make_world: MakeWorkersWorld, make_receiver: MakeReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole of it: a service that works, a receiver of changes that fails, and one of alerts."""
    for module, name, value in (
        (attempts, "FIRST_PAUSE", timedelta(milliseconds=20)),
        (attempts, "LONGEST_PAUSE", timedelta(milliseconds=100)),
        (loop, "POLL_EVERY", 0.05),
        (alerts, "LEAST_PAUSE", 0.1),
    ):
        monkeypatch.setattr(module, name, value)
    changes, told = make_receiver(), make_receiver()
    told.verifies = False
    changes.answer(500)
    delivery: dict[str, Any] = {"name": "billing", "url": changes.url, "secret": SECRET}
    world = make_world(
        changes={"models": ["hris_groups"]},
        deliveries=[delivery],
        alerts={"url": told.url, "after": "1s"},
        sync={"models": ["hris_groups"]},
    )
    async with world.app() as app, running_service(app):
        # A delivery that is new begins with what changes after it.
        await world.until(lambda: world.mirror.fetch("SELECT name FROM sync_deliveries"), "the delivery")
        [(integration_id, company)] = world.environment.companies.items()
        company.update("hris_groups", next(iter(company.ids("hris_groups"))), name="Renamed")
        world.mark(StreamKey(integration_id, "hris_groups"))
        [began] = await asyncio.to_thread(told.wait_for, 1)
        changes.answer(204)
        over = (await asyncio.to_thread(told.wait_for, 2))[1]
    [alert] = began.body["began"]
    assert (alert["kind"], alert["subject"], alert["description"]) == (
        "delivery_stuck",
        "billing",
        "its receiver does not accept changes",
    )
    assert [each["subject"] for each in over.body["over"]] == ["billing"]
    assert len(told.received) == 2
