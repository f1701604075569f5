"""Webhooks as a receiver gets them: signed bytes, with the faults that were asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncer.domain.webhooks.signature import SIGNATURE_HEADER, is_signed
from syncer.simulator.company.company import Company
from syncer.simulator.server.environment import Environment
from syncer.simulator.webhooks.faults import NO_FAULTS, WebhookFaults
from syncer.simulator.webhooks.outbox import Outbox
from syncer.simulator.webhooks.sender import Sender, Sent
from tests.support.waiting import until_async

SECRET = "whsec_test"


@dataclass
class Receiver:
    """A receiver that checks signatures. answers: statuses to give, one after the other, before 200."""

    answers: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)
    is_hanging: bool = False
    reports: list[Sent] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        body = await request.body()
        if self.is_hanging:
            await asyncio.Event().wait()
        if not is_signed(body, request.headers.get(SIGNATURE_HEADER), [SECRET]):
            self.refused.append(body)
            return Response(status_code=401)
        status = self.answers.pop(0) if self.answers else 200
        self.bodies.append(body)
        return Response(status_code=status)

    @property
    def types(self) -> list[str]:
        return [json.loads(body)["type"] for body in self.bodies]

    @property
    def ids(self) -> list[str]:
        return [json.loads(body)["id"] for body in self.bodies]


@asynccontextmanager
async def sending(
    environment: Environment, receiver: Receiver, *, faults: WebhookFaults = NO_FAULTS, retries: int = 0
) -> AsyncIterator[Outbox]:
    outbox = Outbox(environment)
    app = Starlette(routes=[Route("/hook", receiver.answer, methods=["POST"])])
    sender = Sender(
        outbox,
        "http://mirror/hook",
        SECRET,
        latency=0.01,
        faults=faults,
        rng=Random(1),
        retries=retries,
        report=receiver.reports.append,
        transport=httpx.ASGITransport(app),
    )
    task = asyncio.create_task(sender.run())
    try:
        yield outbox
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def rename(company: Company, number: int) -> None:
    company.update("hris_groups", company.ids("hris_groups")[0], name=f"ü {number}")


async def test_a_change_arrives_signed_and_changes_in_a_moment_are_one_event(
    environment: Environment, company: Company
) -> None:
    receiver = Receiver()
    async with sending(environment, receiver):
        for number in range(50):
            rename(company, number)
        await until_async(lambda: receiver.bodies, "the event")
        rename(company, 51)
        await until_async(lambda: len(receiver.bodies) == 2, "the event of the later change")
    first = json.loads(receiver.bodies[0])
    assert (first["type"], first["data"]["changed_models"]) == ("data-changed", [{"name": "hris_teams"}])
    assert len(set(receiver.ids)) == 2
    assert [each.status for each in receiver.reports] == [200, 200]
    assert receiver.refused == []


async def test_lost_events_never_come_and_doubled_ones_come_twice(
    environment: Environment, company: Company
) -> None:
    receiver = Receiver()
    integration = environment.integrations[company.integration_id]
    faults = WebhookFaults(lose=0.4, double=0.4, reorder=0.4)
    async with sending(environment, receiver, faults=faults):
        # Of which each change is an event of its own.
        for number in range(40):
            integration.setup_status = ("COMPLETED", "INCOMPLETE")[number % 2]
        drawn = Random(1)
        expected = sum(len(faults.deliveries(drawn)) for _ in range(39))
        await until_async(lambda: len(receiver.bodies) == expected, "all that were not lost")
    assert len(set(receiver.ids)) < 39 < 39 + len(receiver.ids) - len(set(receiver.ids))
    moments = [json.loads(body)["data"]["setup_status"] for body in receiver.bodies]
    assert any(one == two for one, two in pairwise(moments)), "some are overtaken"


async def test_forged_events_are_what_a_receiver_must_refuse(
    environment: Environment, company: Company
) -> None:
    receiver = Receiver()
    integration = environment.integrations[company.integration_id]
    async with sending(environment, receiver, faults=WebhookFaults(lose=1, forge=1)):
        for number in range(20):
            integration.setup_status = ("COMPLETED", "INCOMPLETE")[number % 2]
        await until_async(lambda: len(receiver.refused) == 19, "one forgery beside each event")
    assert receiver.bodies == []
    forgeries = {each.delivery.forgery for each in receiver.reports}
    assert forgeries == {"other secret", "hexadecimal", "padded", "unsigned"}


async def test_an_event_is_sent_again_only_where_that_is_asked_for(
    environment: Environment, company: Company
) -> None:
    for retries, statuses in ((0, [503]), (1, [503, 200])):
        receiver = Receiver(answers=[503])
        async with sending(environment, receiver, retries=retries):
            rename(company, retries)
            await until_async(lambda: len(receiver.reports) == len(statuses), "all sendings")  # noqa: B023
        assert [each.status for each in receiver.reports] == statuses
        assert len(set(receiver.bodies)) == 1, "byte for byte the same"


async def test_a_receiver_that_hangs_does_not_hold_up_the_api(
    environment: Environment, company: Company, get: Callable[..., object]
) -> None:
    receiver = Receiver(is_hanging=True)
    async with sending(environment, receiver) as outbox:
        rename(company, 1)
        await until_async(lambda: not outbox.pending, "the first event is under way")
        for number in range(200):
            rename(company, number)
            outbox.collect()
        response = await get("hris_groups")  # type: ignore[misc]
        assert response.status_code == 200
    assert receiver.bodies == []
