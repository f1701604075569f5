"""Programs that go one step at a time: the real App, in one thread, in simulated time.

A step is a transaction, a request on its way to Kombo, or its answer on the way back. Between two steps of a
program anything may happen: the source changes, time passes, another program works on the same database, the
program dies. Nothing waits and nothing depends on the machine's speed: a history is the same each time.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from msgspec.structs import replace
from sqlalchemy import event

from syncer.app import App
from syncer.config.settings import Settings
from syncer.simulator.clock import SimClock
from syncer.sync.context import SyncContext
from syncer.sync.integrations import Integrations
from tests.support.alone import alone

_T = TypeVar("_T")
Work = Callable[[SyncContext, Integrations], Coroutine[Any, Any, Any]]

#: What each step takes: two never fall on one moment of the database's clock.
STEP = timedelta(milliseconds=5)
#: More steps than any work here takes.
ENDLESS = 20_000

_stepping: contextvars.ContextVar[Program | None] = contextvars.ContextVar("_stepping", default=None)


class Killed(BaseException):
    """The process is dead: what would have come next does not."""


class StepLoop(asyncio.SelectorEventLoop):
    """Runs transactions in its own thread, those of a program only when that takes its next step."""

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., _T], *args: Any
    ) -> asyncio.Future[_T]:
        program, future = _stepping.get(), self.create_future()
        step = Step("transaction", future, lambda: func(*args))
        if program is None:
            step.take()
        elif program.is_dead:
            future.set_exception(Killed())
        else:
            program.steps.append(step)
        return future

    def settle(self) -> None:
        """Run until everybody waits for something that this loop does not bring about by itself."""
        if self._ready:
            self.run_forever()

    # Only the loop itself knows when it has nothing left to do.
    _ready: Any

    def _run_once(self) -> None:
        super()._run_once()  # type: ignore[misc]
        if not self._ready:
            self.stop()


@dataclass(slots=True)
class Step:
    """Something that a program waits to be done. kind: transaction, request or answer."""

    kind: str
    future: asyncio.Future[Any]
    work: Callable[[], Any] = lambda: None

    def take(self) -> None:
        try:
            result = self.work()
        except Exception as error:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class Bench:
    """One database, the time, and the programs that work there. The first two Apps are opened once: what they
    keep in memory are connections and compiled statements, nothing of any run.
    """

    def __init__(self, settings: Settings, start: datetime) -> None:
        self.loop = StepLoop()
        self.start = start
        self.clock = SimClock.frozen(start)
        self.elapsed = timedelta(0)
        self.served: httpx.AsyncBaseTransport = httpx.ASGITransport(app=_nothing)
        #: Statements sent so far.
        self.statements = 0
        #: Statements that the step under way may still send to the database; None: any number.
        self.statements_left: int | None = None
        self.apps = [
            App(
                settings,
                transport=_Wire(self),
                sleep=_sleep,
                monotonic=lambda: self.elapsed.total_seconds(),
                uniform=lambda: 0.5,
            )
            for _ in range(2)
        ]
        for app in self.apps:
            event.listen(app.database.engine, "before_cursor_execute", self._statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for app in self.apps:
            app.database.close()
        self.loop.close()

    def begin(self, skew: timedelta) -> None:
        """Back to the beginning of time; skew: by how much the source's clock is ahead of the database's."""
        self.elapsed = timedelta(0)
        self.clock = SimClock.frozen(self.start + skew)
        for app in self.apps:
            app.database.clock_offset = self.start - datetime.now(UTC)

    def pass_time(self, span: timedelta) -> None:
        """Time passes, for the source, the database and the programs alike."""
        self.elapsed += span
        self.clock.advance(span)
        for app in self.apps:
            app.database.clock_offset += span

    def _statement(self, *_: Any) -> None:
        self.statements += 1
        if self.statements_left is not None:
            if self.statements_left == 0:
                raise Killed
            self.statements_left -= 1


@dataclass
class Program:
    """One process from its start to its end, with at most one piece of work at a time.

    owner: its name in leases; is_dead_owner tells which others count as dead. reads_ahead: of several steps
    that it waits for the latest is taken first, as where the network is faster than the database.
    """

    bench: Bench
    app: App
    owner: str
    is_dead_owner: Callable[[str], bool]
    reads_ahead: bool = False
    steps: list[Step] = field(default_factory=list)
    sleeping: list[tuple[timedelta, asyncio.Future[None]]] = field(default_factory=list)
    is_dead: bool = False
    stopping: bool = False
    task: asyncio.Task[Any] | None = None

    def __post_init__(self) -> None:
        self._stack = AsyncExitStack()
        engine, _ = self.bench.loop.run_until_complete(
            self._stack.enter_async_context(alone(self.app).open())
        )
        self.engine = replace(
            engine, owner=self.owner, is_dead=self.is_dead_owner, stopping=lambda: self.stopping
        )
        self.integrations = Integrations(self.engine)

    @property
    def is_busy(self) -> bool:
        return self.task is not None and not self.task.done()

    def begin(self, work: Work, *, page_size: int) -> None:
        """Begin some work; it takes no step yet."""
        engine = replace(self.engine, rules=replace(self.engine.rules, page_size=page_size))
        context = contextvars.copy_context()
        context.run(_stepping.set, self)
        self.task = self.bench.loop.create_task(work(engine, self.integrations), context=context)
        self.bench.loop.settle()

    def go(self, steps: int | None = None) -> None:
        """Take so many steps, or all to the end of the work. Where only waiting is left, time passes."""
        for _ in range(ENDLESS if steps is None else steps):
            self._wake()
            if not self.is_busy:
                return
            if self.steps:
                self._next().take()
                self.bench.pass_time(STEP)
            else:
                assert self.sleeping, "the program waits for nothing"
                self.bench.pass_time(max(STEP, min(at for at, _ in self.sleeping) - self.bench.elapsed))
            self.bench.loop.settle()
        assert steps is not None, "the program comes to no end"

    def result(self) -> Any:
        """What the work gave, or raises what it raised; None while it goes on."""
        return None if self.task is None or not self.task.done() else self.task.result()

    def die(self, after_statements: int | None = None) -> None:
        """Die between two steps or, with a number, within the next one, if that is a transaction."""
        self._wake()
        if after_statements is not None and self.steps:
            step = self._next()
            self.bench.statements_left = after_statements
            try:
                step.work()
            except (Killed, Exception):
                pass
            finally:
                self.bench.statements_left = None
                step.future.cancel()
        self.is_dead = True
        for each in self.steps:
            each.future.cancel()
        if self.task is not None:
            self.task.cancel()
            self.bench.loop.settle()
            assert self.task.done()
            # What a dead process thought at its end is nobody's business.
            self.task.cancelled() or self.task.exception()
        self.close()

    def close(self) -> None:
        """End orderly: the budget is told the last answers, which takes steps, too."""
        closing = self.bench.loop.create_task(self._stack.aclose())
        self.bench.loop.settle()
        for _ in range(ENDLESS):
            self._wake()
            if closing.done():
                break
            assert self.steps, "the program does not end"
            self._next().take()
            self.bench.loop.settle()
        closing.result()

    async def wait_for(self, kind: str) -> None:
        """Wait for leave to take a step."""
        if self.is_dead:
            raise Killed
        future = self.bench.loop.create_future()
        self.steps.append(Step(kind, future))
        await future

    async def sleep(self, seconds: float) -> None:
        future = self.bench.loop.create_future()
        self.sleeping.append((self.bench.elapsed + timedelta(seconds=seconds), future))
        await future

    def _next(self) -> Step:
        return self.steps.pop(-1 if self.reads_ahead else 0)

    def _wake(self) -> None:
        """End the sleeps whose time has come, and drop what nobody waits for any more."""
        self.steps = [each for each in self.steps if not each.future.done()]
        for at, future in self.sleeping:
            if at <= self.bench.elapsed and not future.done():
                future.set_result(None)
        self.sleeping = [each for each in self.sleeping if not each[1].done()]
        self.bench.loop.settle()


class _Wire(httpx.AsyncBaseTransport):
    """The network: a request is a step, and so is its answer."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        program = _stepping.get()
        assert program is not None
        await program.wait_for("request")
        response = await self._bench.served.handle_async_request(request)
        await program.wait_for("answer")
        return response


async def _sleep(seconds: float) -> None:
    program = _stepping.get()
    assert program is not None
    await program.sleep(seconds)


async def _nothing(*_: Any) -> None:
    raise AssertionError("nobody serves")
