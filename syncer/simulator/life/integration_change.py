"""Changes of integrations: customers connect tools, their credentials fail and work again, they leave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import NoReturn

from syncer.simulator.company.company import Company
from syncer.simulator.company.values import pick
from syncer.simulator.server.environment import Environment, example_id
from syncer.simulator.server.integration import SimIntegration

#: Integrations beside those of the start, at most.
_GUESTS = 3


class IntegrationLife:
    """Life of an environment's integrations.

    Those that it began with fail and recover, but are never deleted. records: of each new company.
    """

    def __init__(self, environment: Environment, rng: Random, *, records: int = 500) -> None:
        self._environment = environment
        self._rng = rng
        self._records = records
        self._guests: list[str] = []
        self._connected = len(environment.integrations)

    def change(self) -> tuple[str, str]:
        """Let one integration change; gives its id and a sentence about it."""
        integrations = list(self._environment.integrations.values())
        failing = [each for each in integrations if each.status == "INVALID"]
        if failing and self._rng.random() < 0.6:
            return self._recover(pick(self._rng, failing))
        whole = [each for each in integrations if each.status == "ACTIVE"]
        ways = [self._connect] if len(self._guests) < _GUESTS else []
        ways += [self._leave] if self._guests else []
        if whole and self._rng.random() < 0.5:
            return self._fail(pick(self._rng, whole))
        return pick(self._rng, ways)()

    async def live(
        self,
        every: float,
        sleep: Callable[[float], Awaitable[object]],
        on_change: Callable[[str, str], object],
    ) -> NoReturn:
        """Let one integration change every so many seconds, for ever.

        on_change gets its id and the sentence.
        """
        while True:
            await sleep(every)
            on_change(*self.change())

    def _connect(self) -> tuple[str, str]:
        id = example_id(self._connected, self._rng)
        self._connected += 1
        seed = self._rng.randrange(2**32)
        self._environment.add(Company(id, self._environment.clock, seed=seed, records=self._records))
        self._guests.append(id)
        return id, f"a customer connected {id.partition(':')[0]}"

    def _leave(self) -> tuple[str, str]:
        id = self._guests.pop(self._rng.randrange(len(self._guests)))
        self._environment.remove(id)
        return id, "the integration was deleted"

    @staticmethod
    def _fail(integration: SimIntegration) -> tuple[str, str]:
        integration.status = "INVALID"
        return integration.id, "the credentials of the tool are no longer accepted"

    @staticmethod
    def _recover(integration: SimIntegration) -> tuple[str, str]:
        integration.status = "ACTIVE"
        return integration.id, "the credentials of the tool work again"
