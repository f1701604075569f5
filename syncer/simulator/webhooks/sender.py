"""Sender of webhooks: posts the events of an outbox to a receiver, one after the other.

Kombo documents neither retries nor order (docs.kombo.dev, "Webhooks"): here an event is sent once unless
retries are asked for, and in order unless faults are. However slow the receiver is, the simulated API answers
as ever: events wait in a queue that has an end.
"""

from __future__ import annotations

import asyncio
import heapq
from base64 import urlsafe_b64decode
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from random import Random
from typing import NoReturn

import httpx
from msgspec import Struct
from msgspec.structs import replace

from syncer.domain.webhooks.signature import SIGNATURE_HEADER, sign
from syncer.simulator.webhooks.event import Event, signed_headers
from syncer.simulator.webhooks.faults import NO_FAULTS, Delivery, Forgery, WebhookFaults
from syncer.simulator.webhooks.outbox import CAPACITY, Outbox

#: Seconds between a change and its event. Kombo takes about 20 where a tool tells it at once.
LATENCY = 0.1
#: Seconds until a receiver that does not answer is given up.
TIMEOUT = 10.0
#: A connection is given up before receivers do so, usually after five seconds: none is lost on a closing one.
LIMITS = httpx.Limits(keepalive_expiry=2.0)
#: Seconds before an event is sent again, doubled each time.
RETRY_AFTER = 1.0


class Sent(Struct, frozen=True):
    """One sending: the status of the answer, or what went wrong where there was none; seconds it took."""

    event: Event
    delivery: Delivery
    status: int | None
    error: str | None
    seconds: float


class _Posting(Struct, frozen=True):
    """Event that is due to be sent, for so many times already."""

    event: Event
    delivery: Delivery
    attempt: int = 0


class Sender:
    """Poster of an outbox's events.

    latency: seconds for which changes are collected into one event. retries: how often an event is sent again
    that was not answered with 2xx. report: told of every sending. dropped: events given up because too many
    waited.
    """

    def __init__(
        self,
        outbox: Outbox,
        url: str,
        secret: str,
        *,
        latency: float = LATENCY,
        faults: WebhookFaults = NO_FAULTS,
        rng: Random,
        retries: int = 0,
        report: Callable[[Sent], object] = lambda _: None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._outbox = outbox
        self._url = url
        self._secret = secret
        self._latency = latency
        self._faults = faults
        self._rng = rng
        self._retries = retries
        self._report = report
        self._transport = transport
        self._news = asyncio.Event()
        self._scheduled = asyncio.Event()
        self._due: list[tuple[float, int, _Posting]] = []
        self._numbers = count()
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Count the events that nobody was sent because too many waited."""
        return self._dropped + self._outbox.dropped

    async def run(self) -> NoReturn:
        """Send what comes, until cancelled."""
        loop = asyncio.get_running_loop()
        # Those who change the environment may do so in another thread.
        self._outbox.on_news = lambda: loop.call_soon_threadsafe(self._news.set)
        self._news.set()
        # No proxy stands between the simulator and a receiver that somebody tries.
        async with (
            httpx.AsyncClient(
                timeout=TIMEOUT, trust_env=False, limits=LIMITS, transport=self._transport
            ) as client,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(self._collect())
            tasks.create_task(self._deliver(client))
        raise AssertionError("both go on for ever")

    async def _collect(self) -> NoReturn:
        """Turn changes into events a while after the first of them, and events into sendings."""
        while True:
            await self._news.wait()
            await asyncio.sleep(self._latency)
            self._news.clear()
            self._outbox.collect()
            while self._outbox:
                event = self._outbox.take()
                for delivery in self._faults.deliveries(self._rng):
                    self._schedule(_Posting(event, delivery), delivery.after)

    def _schedule(self, posting: _Posting, after: float) -> None:
        if len(self._due) >= CAPACITY:
            heapq.heappop(self._due)
            self._dropped += 1
        at = asyncio.get_running_loop().time() + after
        heapq.heappush(self._due, (at, next(self._numbers), posting))
        self._scheduled.set()

    async def _deliver(self, client: httpx.AsyncClient) -> NoReturn:
        """Send what is due, in the order in which it is."""
        loop = asyncio.get_running_loop()
        while True:
            self._scheduled.clear()
            wait = self._due[0][0] - loop.time() if self._due else None
            if wait is None or wait > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._scheduled.wait(), wait)
                continue
            _, _, posting = heapq.heappop(self._due)
            sent = await self._post(client, posting)
            self._report(sent)
            is_taken = sent.status is not None and 200 <= sent.status < 300
            if not is_taken and posting.delivery.forgery is None and posting.attempt < self._retries:
                again = replace(posting, attempt=posting.attempt + 1)
                self._schedule(again, RETRY_AFTER * 2**posting.attempt)

    async def _post(self, client: httpx.AsyncClient, posting: _Posting) -> Sent:
        event, forgery = posting.event, posting.delivery.forgery
        if forgery is not None:
            event = replace(event, id=f"forged-{event.id}")
        body = event.body()
        headers = signed_headers(body, self._secret)
        if forgery is not None:
            headers = forged_headers(body, self._secret, forgery)
        began = asyncio.get_running_loop().time()
        status, error = None, None
        try:
            status = (await client.post(self._url, content=body, headers=headers)).status_code
        except httpx.HTTPError as trouble:
            error = str(trouble) or type(trouble).__name__
        return Sent(event, posting.delivery, status, error, asyncio.get_running_loop().time() - began)


def forged_headers(body: bytes, secret: str, forgery: Forgery) -> dict[str, str]:
    """Make headers that a receiver must refuse."""
    headers = signed_headers(body, secret)
    match forgery:
        case "other secret":
            headers[SIGNATURE_HEADER] = sign(body, f"not {secret}")
        case "hexadecimal":
            headers[SIGNATURE_HEADER] = urlsafe_b64decode(headers[SIGNATURE_HEADER] + "=").hex()
        case "padded":
            headers[SIGNATURE_HEADER] += "="
        case "unsigned":
            del headers[SIGNATURE_HEADER]
    return headers
