"""A simulated Kombo that is served, with everything that a test does to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from msgspec import Struct

from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.faults import Late, Match
from syncer.simulator.server.limit import RateLimit
from syncer.simulator.server.named_faults import add_fault, check_models
from syncer.simulator.server.request_log import RequestInfo
from syncer.simulator.server.serve import running_in_thread
from syncer.simulator.webhooks.event import signed_headers
from syncer.simulator.webhooks.outbox import Outbox

#: More requests than a test sends in a minute, so that only those meet the limit that want to.
_NO_LIMIT = 1_000_000
_TIMEOUT = 10.0


class Webhook(Struct, frozen=True):
    """Webhook as Kombo posts it. status: of the receiver's answer; None: there was none."""

    type: str
    body: bytes
    headers: Mapping[str, str]
    status: int | None = None


class KomboSimulator:
    """Kombo as a test has it. url and api_key are what a client is set to.

    company and integration are the first ones; environment is the whole, for what is not said here.
    """

    def __init__(self, environment: Environment, url: str, seed: int) -> None:
        self.environment = environment
        self.url = url
        self._chance = Random(f"requests of {seed}")
        self._outbox = Outbox(environment)

    @property
    def api_key(self) -> str:
        """The API key that is taken."""
        return self.environment.api_key

    @property
    def companies(self) -> dict[str, Company]:
        """Companies by the id of their integration: records to read, add, change and delete."""
        return self.environment.companies

    @property
    def integration(self) -> str:
        """Id of the first integration."""
        return next(iter(self.environment.integrations))

    @property
    def company(self) -> Company:
        """The first company."""
        return self.companies[self.integration]

    @property
    def now(self) -> datetime:
        """Time of Kombo's clock, which follows the true one unless it is turned."""
        return self.environment.clock.now()

    def advance(self, **span: float) -> None:
        """Turn the clock forward, as in ``advance(days=15)``: windows end, deleted records are blanked."""
        self.environment.clock.advance(timedelta(**span))

    def limit(self, requests: int, *, window: float = 60.0) -> None:
        """Take so many requests in each window of so many seconds of Kombo's clock."""
        self.environment.limit = _limit(self.environment.clock, requests, window)

    def fail(
        self, models: str = "*", kind: str | int = 500, *, share: float = 1.0, times: int | None = None
    ) -> None:
        """Let requests fail: lists of these models (a glob), or all requests.

        kind: a status, or the name of a fault such as ``truncated`` or ``dropped``. share of the requests,
        from 0 to 1. times: so often, then no more. Raises ValueError with what is known.
        """
        add_fault(self.environment.faults, models, kind, share, self._chance, times)

    def slow(self, seconds: float, models: str = "*") -> None:
        """Answer lists of these models, or all requests, so many seconds late. Raises ValueError."""
        if models != "*":
            check_models(models)
        self.environment.faults.add(Match(model=models), Late(seconds), None)

    def recover(self) -> None:
        """End all faults."""
        self.environment.faults.clear()

    def requests(self, model: str | None = None) -> list[RequestInfo]:
        """List the requests that came in, oldest first; of one model's lists if one is named."""
        return self.environment.asked_for(model)

    def webhooks(self, secret: str) -> list[Webhook]:
        """Take the signed webhooks of what has changed since the last time, to be handed to a receiver."""
        self._outbox.collect()
        events = [self._outbox.take() for _ in range(len(self._outbox))]
        return [Webhook(each.type, each.body(), signed_headers(each.body(), secret)) for each in events]

    def send_webhooks(self, url: str, secret: str) -> list[Webhook]:
        """Post the webhooks of what has changed since the last time; give them with their answers."""
        return [
            Webhook(each.type, each.body, each.headers, _post(url, each)) for each in self.webhooks(secret)
        ]


@contextmanager
def simulated(*, integrations: int = 1, records: int = 300, seed: int = 0) -> Iterator[KomboSimulator]:
    """Serve so many integrations of so many records each, the same for the same seed, for a block."""
    clock = SimClock(lambda: datetime.now(UTC))
    environment = Environment.example(
        clock, seed=seed, integrations=integrations, records=records, limit=_limit(clock, _NO_LIMIT, 60.0)
    )
    with running_in_thread(environment) as url:
        yield KomboSimulator(environment, url, seed)


def _limit(clock: SimClock, requests: int, window: float) -> RateLimit:
    return RateLimit(lambda: clock.now().timestamp(), limit=requests, window=window)


def _post(url: str, webhook: Webhook) -> int | None:
    """Post a webhook; give the status of the answer, None where there was none. Through no proxy."""
    request = Request(url, webhook.body, dict(webhook.headers), method="POST")
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=_TIMEOUT) as response:
            status: int = response.status
            return status
    except HTTPError as error:
        return error.code
    except (URLError, OSError):
        return None
