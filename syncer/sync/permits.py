"""Process-local fair queue in front of the shared rate-limit budget.

Every request of this process is throttled here. The queue is a priority queue by purpose and round-robin
within a purpose; the budget itself is a row of the database, read and changed by one poller task per process.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from syncer.domain.ratelimit import ahead, budget
from syncer.domain.ratelimit import responses as answers
from syncer.domain.ratelimit.budget import Budget, Pacing, Permit, Purpose, Rate, Reserve
from syncer.domain.ratelimit.room import has_room
from syncer.store.db.database import Database
from syncer.store.state.budget import change_budget
from syncer.sync.held_permits import HeldPermits
from syncer.sync.naps import nap
from syncer.sync.waiting_requests import Waiter, WaitingRequests

#: Seconds to wait after a 429 that names no reset.
UNNAMED_RESET = 5.0
#: Seconds after which those who wait look again: other processes may have learnt that there is room.
LOOK_AGAIN = 1.0
#: Seconds in which the next request often follows an answer: both need one transaction then.
SHORTLY = 0.02


#: Change of the budget by a response.
_Update = Callable[[Budget, float], Budget]

_T = TypeVar("_T")


class PermitQueue:
    """Fair queue for permits from the rate-limit budget that all processes of the database share.

    One poller task serves all queued requests of this process, while there are any: the more urgent purpose
    first; within one, integrations round-robin, and the models of each. One transaction takes as many permits
    as it can get and writes what responses have said meanwhile: no request waits for that, and it is written
    before the next permit is taken. Where the window has many left it takes some ahead (``ahead``), and tells
    of responses when it takes the next ones, or gives back what nobody wanted. A write waits neither for a
    worker thread nor for more than one writer of this process: pages may take all of them.

    clock: gives monotonic seconds. owner: the name of this process. on_wait: told for how many seconds the
    limit is used up, as far as is known, each time that requests have to wait for it.
    """

    def __init__(
        self,
        database: Database,
        environment: str,
        key_fingerprint: str,
        reserve: Reserve,
        sleep: Callable[[float], Awaitable[None]],
        clock: Callable[[], float],
        *,
        pacing: Pacing = "burst",
        owner: str = "",
        on_wait: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._environment = environment
        self._fingerprint = key_fingerprint
        self._reserve = reserve
        self._pacing = pacing
        self._owner = owner
        self._on_wait = on_wait
        self._sleep = sleep
        self._clock = clock
        self._held = HeldPermits()
        #: The window had room when permits were last taken.
        self.has_room = False
        self._queues: dict[Purpose, WaitingRequests] = {purpose: WaitingRequests() for purpose in Purpose}
        self._pending_updates: list[_Update] = []
        #: Most urgent purpose that has to wait; a more urgent request wakes the poller.
        self._blocked: Purpose | None = None
        self._woken = asyncio.Event()
        self._is_closing = False
        self._poller: asyncio.Task[None] | None = None
        #: The poller waits for its transaction.
        self._is_taking = False

    def use_key(self, key_fingerprint: str) -> None:
        """Take permits from the budget of another key from now on."""
        self._fingerprint = key_fingerprint
        # Nobody will use what is left of the other one.
        self._held = HeldPermits()

    async def permit(
        self, purpose: Purpose, integration_id: str | None, model_name: str | None, *, first: bool = False
    ) -> Permit:
        """Wait for a permit to send one request; first: before the others of the same purpose.

        Raises DatabaseError.
        """
        if (held := self._held.use(purpose, self._clock())) is not None:
            return held
        if purpose is Purpose.WRITE and self._is_taking and (taken := await self._take_beside()) is not None:
            return taken
        permit = asyncio.get_running_loop().create_future()
        waiter = Waiter(purpose, integration_id, model_name, permit, is_first=first)
        self._queues[purpose].add(waiter)
        if self._blocked is None or purpose < self._blocked:
            self._wake()
        try:
            return await waiter.permit
        except asyncio.CancelledError:
            if waiter.permit.done() and not waiter.permit.cancelled() and not waiter.permit.exception():
                self._grant(waiter.permit.result())
            self._queues[purpose].remove(waiter)
            self._wake()
            raise

    def answered(self, permit: Permit, rate: Rate | None) -> None:
        """Report the end of a request, with the rate-limit headers of its response if there were any."""
        self._held.let_go_if_scarce(rate, self._reserve)
        self._report(lambda before, now: answers.answered(before, now, permit, rate))

    def refused(self, permit: Permit, rate: Rate | None, reset: float | None) -> None:
        """Report a 429; reset: the seconds that it names."""
        named = UNNAMED_RESET if reset is None else reset
        self._held.let_go()
        self._report(lambda before, now: answers.refused(before, now, permit, rate, named))

    async def aclose(self) -> None:
        """Wait until all pending updates are written to the budget, or cannot be."""
        self._is_closing = True
        self._woken.set()
        if self._poller is not None:
            await asyncio.wait({self._poller})

    def _report(self, update: _Update) -> None:
        arrived = self._clock()
        self._pending_updates.append(lambda before, now: update(before, now - (self._clock() - arrived)))
        # While permits are held nobody waits for what it tells.
        if not self._held.good_for(arrived):
            self._wake()

    def _grant(self, permit: Permit) -> None:
        """Hand the permit to the first queued request that it is good for; without one it is spent."""
        for purpose in Purpose:
            while purpose <= permit.purpose and self._queues[purpose]:
                waiter = self._queues[purpose].pop()
                if not waiter.permit.done():
                    waiter.permit.set_result(permit)
                    return
        self.answered(permit, None)

    def _wake(self) -> None:
        self._woken.set()
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        """Take permits for all queued requests, and write pending updates, until there is neither."""
        try:
            while self._pending_updates or self._held.permits or any(self._queues.values()):
                if not any(self._queues.values()) and not self._is_closing:
                    await self._wait_for_next_request()
                self._give_held_back()
                written = len(self._pending_updates)
                wanted = {purpose: len(queue) for purpose, queue in self._queues.items() if queue}
                permits, wait, held = await self._take(self._pending_updates[:written], wanted)
                del self._pending_updates[:written]
                self._held = held
                for permit in permits:
                    self._grant(permit)
                self._grant_held()
                if wait is not None:
                    given = Counter(permit.purpose for permit in permits)
                    blocked = min(purpose for purpose, count in wanted.items() if count > given[purpose])
                    self._on_wait(wait)
                    await self._back_off(min(wait, LOOK_AGAIN), blocked)
        except asyncio.CancelledError:
            self._fail(None)
            raise
        except BaseException as error:
            # The queued requests get the error; pending updates are written with the next permit.
            self._fail(error)
        finally:
            self._poller = None

    async def _take(
        self, updates: list[_Update], wanted: dict[Purpose, int]
    ) -> tuple[list[Permit], float | None, HeldPermits]:
        """Take permits in one transaction; give the seconds to wait where too few, else some taken ahead."""
        may_take_ahead = bool(wanted) and not self._is_closing
        began_at = self._clock()

        def decide(
            before: Budget, now: float
        ) -> tuple[Budget, tuple[list[Permit], float | None, HeldPermits]]:
            for update in updates:
                before = update(before, now)
            after, permits, wait = budget.take_several(
                before, now, wanted, self._reserve, self._pacing, self._owner
            )
            held = HeldPermits()
            if may_take_ahead and wait is None:
                after, held.permits, good_for = ahead.take_ahead(
                    after, now, max(wanted), self._reserve, self._pacing, self._owner
                )
                held.until = began_at + good_for
            self.has_room = has_room(after, self._reserve)
            return after, (permits, wait, held)

        self._is_taking = True
        try:
            permits, wait, held = await self._change(decide, is_urgent=Purpose.WRITE in wanted)
        finally:
            self._is_taking = False
        held.taken_at = self._clock()
        return permits, wait, held

    async def _take_beside(self) -> Permit | None:
        """Take a permit for one write while the poller waits for its transaction; None: there is none."""

        def decide(before: Budget, now: float) -> tuple[Budget, Permit | float]:
            return budget.take(before, now, Purpose.WRITE, self._reserve, self._pacing, self._owner)

        taking = asyncio.ensure_future(self._change(decide, is_urgent=True))
        try:
            taken = await asyncio.shield(taking)
        except asyncio.CancelledError:
            taking.add_done_callback(self._give_back)
            raise
        return taken if isinstance(taken, Permit) else None

    def _give_back(self, taking: asyncio.Future[Permit | float]) -> None:
        """Hand a permit on that nobody waits for any more."""
        if taking.cancelled() or taking.exception() is not None:
            return
        taken = taking.result()
        if isinstance(taken, Permit):
            self._grant(taken)

    async def _change(
        self, decide: Callable[[Budget, float], tuple[Budget, _T]], *, is_urgent: bool = False
    ) -> _T:
        """Change the budget in one transaction; an urgent one goes before the others of this process."""
        run = self._database.write_urgently if is_urgent else self._database.write
        change = partial(
            change_budget,
            environment=self._environment,
            fingerprint=self._fingerprint,
            clock_offset=self._database.clock_offset,
            decide=decide,
        )
        return await run(change)

    def _grant_held(self) -> None:
        """Hand permits that were taken ahead to requests that came meanwhile."""
        for purpose, queue in self._queues.items():
            while queue and (permit := self._held.use(purpose, self._clock())) is not None:
                self._grant(permit)

    def _give_held_back(self) -> None:
        """Have permits that were taken ahead given back, before responses that do not know of them."""
        permits, self._held = self._held.permits, HeldPermits()
        if permits:
            self._pending_updates.insert(0, lambda before, _: ahead.give_back(before, permits))

    async def _wait_for_next_request(self) -> None:
        """Wait as long as permits are held, and shortly after that: others want to know of responses."""
        if held_for := self._held.good_for(self._clock()):
            self._woken.clear()
            await nap(self._sleep, held_for, self._woken)
            if not self._woken.is_set():
                return
        if self._pending_updates and not any(self._queues.values()) and not self._is_closing:
            self._woken.clear()
            await nap(self._sleep, SHORTLY, self._woken)

    async def _back_off(self, seconds: float, blocked: Purpose) -> None:
        """Sleep so long, or until there is an update or a request more urgent than the blocked ones."""
        self._woken.clear()
        most_urgent = min((purpose for purpose, queue in self._queues.items() if queue), default=None)
        if self._pending_updates or most_urgent is None or most_urgent < blocked:
            return
        self._blocked = blocked
        try:
            await nap(self._sleep, seconds, self._woken)
        finally:
            self._blocked = None

    def _fail(self, error: BaseException | None) -> None:
        """Fail all queued requests with the error, or cancel them where there is none."""
        for queue in self._queues.values():
            queue.fail(error)
