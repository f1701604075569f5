"""The great claim as a state machine: whatever happens, in whatever order, the mirror keeps its promises and
comes to equal its source. Hypothesis makes up the histories and shortens one that breaks a promise.

A rule is one thing that happens. After each of them all of ``invariants.ALWAYS`` must hold.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial, wraps
from typing import Any

import httpx
import structlog
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete

from syncer.config.settings import Settings
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.simulator.company.company import Erasure
from syncer.simulator.server import faults
from syncer.simulator.server.api import simulator_app
from syncer.simulator.server.faults import Answer, Match
from syncer.simulator.server.paging import Paging
from syncer.store.schema.mirror_tables import (
    MIRROR,
    budgets,
    integrations,
    missing,
    quarantine,
    runs,
    seen,
    streams,
)
from syncer.sync.context import Result, SyncContext
from syncer.sync.integrations import Integrations
from syncer.sync.run import run_stream
from syncer.sync.run_all import run_streams
from tests.reliability.invariants import (
    ALWAYS,
    Look,
    look,
    progress,
    the_mirror_equals_the_source,
    writes_only_what_it_has_a_lease_on,
)
from tests.reliability.source import EMPLOYEES, GROUPS, LATEST_COMMIT, MODELS, ONE, STREAMS, Source
from tests.reliability.stepping import ENDLESS, Bench, Program, Work

#: Streams by the names they have in a history, of which each has one or two: ``a`` and ``b``.
NAMED: dict[str, StreamKey] = dict(
    zip(("groups", "employees", "other groups", "skills"), STREAMS, strict=True)
)

SPANS = {
    "a minute": timedelta(minutes=1),
    "a lease": timedelta(seconds=61),
    "ten minutes": timedelta(minutes=10),
    "a day": timedelta(days=1),
    "8 days": timedelta(days=8),
    "15 days": timedelta(days=15),
    "40 days": timedelta(days=40),
}
SKEWS = {"none": timedelta(0), "ahead": timedelta(hours=5), "behind": timedelta(hours=-5)}

FAULTS: dict[str, Answer] = {
    "error 500": faults.server_error(),
    "502 by something with another clock": faults.bad_gateway(skew=timedelta(hours=7)),
    "not JSON": faults.not_json(),
    "half of it": faults.truncated(),
    "results null": faults.reshaped({"next": None, "results": None}),
    "no results": faults.reshaped({"next": None}),
    "cursor expired": faults.expired_cursor(),
    "rate limited": faults.rate_limited(7),
    "too many at once": faults.concurrency_limited(),
    "connection lost": faults.Dropped(httpx.ReadError("lost")),
    "not ready": faults.not_ready(),
}
ERASURES = {
    "blanked": Erasure(),
    "blanked, and told of": Erasure(moves_changed_at=True),
    "removed": Erasure(mode="remove"),
}
PAGINGS = {
    "by id": Paging(),
    "by change": Paging(order="changed_at"),
    "by id, short pages": Paging(short_pages=True),
    "positions by id": Paging(style="offset"),
    "positions by change": Paging(order="changed_at", style="offset"),
}

#: What a history leaves behind, children first.
_TABLES = (
    *(link for model in MODELS for link in MIRROR if link.startswith(f"{model}_")),
    *MODELS,
)
_STATE = (streams, runs, budgets, quarantine, seen, missing, integrations)

#: A day far from today: nothing may depend on the machine's clock.
START = datetime(2031, 3, 9, 12, 0, tzinfo=UTC)

#: Before anything here: a change at this time moves no clock of a record.
LONG_AGO = START - timedelta(days=365)

#: Rules in a history of the tests, besides the rest at its end.
STEPS = 7

streams_of_it = st.sampled_from(["a", "b"])
stream_names = st.sampled_from(list(NAMED))
numbers = st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True)
late = st.sampled_from(["in time", "late"])
page_sizes = st.sampled_from([1, 2, 3, 250])
small_pages = st.sampled_from([1, 2, 3])
statements = st.one_of(st.none(), st.integers(0, 12))
programs = st.sampled_from(["first", "second"])
some_streams = st.lists(streams_of_it, max_size=1)
modes = st.sampled_from([Mode.SYNC, Mode.SYNC, Mode.RESTART, Mode.BACKFILL])
#: Not integers(), which are mostly small: work ends after ten steps or after eighty.
steps = st.sampled_from(range(1, 50))


def step(
    where: Callable[[Histories], bool] = lambda _: True, **arguments: st.SearchStrategy[Any]
) -> Callable[[Callable[..., None]], Any]:
    """A rule: a second passes, then it happens, then all promises must still hold.

    where: whether it can happen now at all.
    """

    def decorate(happens: Callable[..., None]) -> Any:
        @wraps(happens)
        def run(self: Histories, **values: Any) -> None:
            self.is_well = False
            self.pass_time(timedelta(seconds=1))
            happens(self, **values)
            self.check()
            self.is_well = True

        with_arguments: Any = rule
        return precondition(where)(with_arguments(**arguments)(run))

    return decorate


class Histories(RuleBasedStateMachine):
    """One source of two integrations, one database, two programs."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self.is_well = False
        self.lives = 0
        self.dead: set[str] = set()
        self.notices_deaths, self.reads_ahead = True, False
        self.programs: dict[str, Program] = {}
        self.fresh: Program | None = None
        self.looked_after = -1
        self.found = Look()

    @initialize(
        a=stream_names,
        b=st.sampled_from(["nothing", "nothing", "nothing", *NAMED]),
        clock=st.sampled_from(list(SKEWS)),
        paging=st.sampled_from(list(PAGINGS)),
        erasure=st.sampled_from(list(ERASURES)),
        deaths_are_noticed=st.booleans(),
        reading_ahead=st.booleans(),
        begins=st.sampled_from(["complete", "empty"]),
    )
    def source_is(
        self,
        a: str,
        b: str,
        clock: str,
        paging: str,
        erasure: str,
        deaths_are_noticed: bool,
        reading_ahead: bool,
        begins: str,
    ) -> None:
        self.keys = {"a": NAMED[a], "b": NAMED.get(b, NAMED[a])}
        self.all = list(dict.fromkeys(self.keys.values()))
        self.bench.begin(SKEWS[clock])
        self.source = Source(self.bench.clock, self.all, paging=PAGINGS[paging], erasure=ERASURES[erasure])
        self.bench.served = httpx.ASGITransport(app=simulator_app(self.source.environment))
        self.notices_deaths, self.reads_ahead = deaths_are_noticed, reading_ahead
        app = self.bench.apps[0]
        with app.database.begin() as connection:
            for name in _TABLES:
                connection.execute(delete(MIRROR[name]))
            for table in _STATE:
                connection.execute(delete(table))
            for integration_id in self.source.environment.integrations:
                app.integrations.add(connection, integration_id, origin="config", models=MODELS)
            app.streams.add(connection, self.all)
        for name in ("first", "second"):
            self.start(name)
        if begins == "complete":
            self._begin("first", Mode.SYNC, [], 250)
            self._go("first", None)
        self.check()
        self.is_well = True

    # The source

    @step(of=streams_of_it, which=numbers, when=late)
    def change(self, of: str, which: list[int], when: str) -> None:
        """Records change at the same moment."""
        self._to_records("change", of, which, when)

    @step(
        where=lambda self: (ONE, EMPLOYEES) in self.all,
        which=st.integers(0, 3),
        what=st.sampled_from(["group 0", "group 1", "group 2", "manager", "nothing"]),
    )
    def change_around_employee(self, which: int, what: str) -> None:
        """Something that an employee carries changes, or only its clock does."""
        firm = self.source.firm(StreamKey(ONE, EMPLOYEES))
        employee = firm.record(EMPLOYEES, which)
        if not employee.live:
            return
        if what == "nothing":
            firm.update(EMPLOYEES, employee.id)
        elif what == "manager":
            firm.update(EMPLOYEES, employee.id, manager_id=firm.record(EMPLOYEES, which + 1).id)
        else:
            group = firm.record(GROUPS, int(what[-1]))
            if group.id in employee.links.get("groups", {}):
                firm.unlink(EMPLOYEES, employee.id, "groups", group.id)
            elif group.live:
                firm.link(EMPLOYEES, employee.id, "groups", group.id)

    @step(of=streams_of_it, when=late)
    def add(self, of: str, when: str) -> None:
        key = self.keys[of]
        firm = self.source.firm(key)
        if len(firm.known(key.model)) < 8:
            at = self._at(when)
            firm.make(key.model, int((at or firm.clock.now()).timestamp() * 1000))

    @step(of=streams_of_it, which=numbers, when=late)
    def delete(self, of: str, which: list[int], when: str) -> None:
        self._to_records("delete", of, which, when)

    @step(of=streams_of_it, which=numbers)
    def vanish(self, of: str, which: list[int]) -> None:
        """Records leave the list without a word."""
        self._to_records("vanish", of, which)

    @step(
        where=lambda self: any(self._gone(key) for key in self.all),
        of=streams_of_it,
        which=numbers,
        how=st.sampled_from(["silently", "changed"]),
    )
    def come_back(self, of: str, which: list[int], how: str) -> None:
        """Of the deleted, erased and vanished records some are there again."""
        key = self.keys[of]
        if not self._gone(key):
            (key,) = (each for each in self.all if each != key)
        gone = self._gone(key)
        for id in {gone[number % len(gone)] for number in which}:
            self.source.firm(key).restore(key.model, id, at=LONG_AGO if how == "silently" else None)

    @step(
        of=streams_of_it,
        to=st.sampled_from(["off", "off, and all deleted", "expired", "not set up", "inactive", "on"]),
    )
    def switch_scope(self, of: str, to: str) -> None:
        key = self.keys[of]
        integration = self.source.integration(key)
        match to:
            case "on":
                self._switch_on(key)
            case "expired":
                integration.data_expired_at = self.source.clock.now()
            case "not set up":
                integration.setup_status = "INCOMPLETE"
            case "inactive":
                integration.status = "INVALID"
            case _:
                integration.disabled = {key.model}
                if to != "off":
                    self.source.firm(key).switch_off(key.model)

    @step(span=st.sampled_from(list(SPANS)))
    def pass_by(self, span: str) -> None:
        self.pass_time(SPANS[span])

    @step(
        program=programs,
        fault=st.sampled_from(list(FAULTS)),
        of=st.sampled_from(["*", "a", "b"]),
        page=st.sampled_from([None, 1, 2]),
        times=st.sampled_from([1, 2, 20]),
    )
    def sync_in_trouble(self, program: str, fault: str, of: str, page: int | None, times: int) -> None:
        """Some answers are bad while a program syncs, and maybe later, too."""
        match = Match(page=page) if of == "*" else Match(*self.keys[of], page=page)
        if fault == "cursor expired":
            match = Match(match.integration, match.model, page=2)
        self.source.environment.faults.add(match, FAULTS[fault], times)
        self._begin(program, Mode.SYNC, [] if of == "*" else [of], 2)
        self._go(program, None)

    # The programs

    @step(program=programs, of=some_streams, page_size=page_sizes)
    def sync(self, program: str, of: list[str], page_size: int) -> None:
        """A program does the named streams (all where none is named) to the end."""
        self._begin(program, Mode.SYNC, of, page_size)
        self._go(program, None)

    @step(program=programs, of=some_streams, page_size=page_sizes)
    def reconcile(self, program: str, of: list[str], page_size: int) -> None:
        self._begin(program, Mode.RESTART, of, page_size)
        self._go(program, None)

    @step(where=lambda self: bool(self.found.held), program=programs)
    def approve(self, program: str) -> None:
        self._begin(program, Mode.APPROVE, [], 250)
        self._go(program, None)

    @step(program=programs, mode=modes, of=some_streams, page_size=small_pages, steps=steps)
    def begin(self, program: str, mode: Mode, of: list[str], page_size: int, steps: int) -> None:
        """A program does so many steps of its work."""
        self._begin(program, mode, of, page_size)
        self._go(program, steps)

    @step(
        program=programs, mode=modes, of=some_streams, page_size=small_pages, steps=steps, within=statements
    )
    def die_at_work(
        self, program: str, mode: Mode, of: list[str], page_size: int, steps: int, within: int | None
    ) -> None:
        """A program is killed after so many steps, or within the next one after so many statements."""
        self._begin(program, mode, of, page_size)
        self._go(program, steps)
        self._kill(program, within)

    @step(
        program=programs,
        mode=modes,
        of=streams_of_it,
        page_size=small_pages,
        steps=steps,
        what=st.sampled_from(["change", "delete", "vanish"]),
        which=numbers,
    )
    def read_while_it_changes(
        self, program: str, mode: Mode, of: str, page_size: int, steps: int, what: str, which: list[int]
    ) -> None:
        """A program reads a list whose records change, go or vanish after so many steps."""
        self._begin(program, mode, [of], page_size)
        self._go(program, steps)
        self.pass_time(timedelta(seconds=2))
        self._to_records(what, of, which)
        self.pass_time(timedelta(seconds=2))
        self._go(program, None)

    @step(program=programs, mode=modes, of=streams_of_it, page_size=small_pages, steps=steps, which=numbers)
    def stall_and_be_overtaken(
        self, program: str, mode: Mode, of: str, page_size: int, steps: int, which: list[int]
    ) -> None:
        """A program stalls for longer than its lease: records change, the other syncs, then it goes on."""
        self._begin(program, mode, [of], page_size)
        self._go(program, steps)
        self._to_records("change", of, which)
        self.pass_time(SPANS["a lease"])
        (other,) = (name for name in self.programs if name != program)
        self._begin(other, Mode.SYNC, [of], 250)
        self._go(other, None)
        self._go(program, None)

    @step(where=lambda self: bool(self._busy), program=programs, steps=steps)
    def go_on(self, program: str, steps: int) -> None:
        """Whoever has work in hand, the named one first, does so many steps of it."""
        self._go(self._busy_one(program), steps)

    @step(where=lambda self: bool(self._busy), program=programs)
    def finish(self, program: str) -> None:
        self._go(self._busy_one(program), None)

    @step(where=lambda self: bool(self._busy), program=programs)
    def stop(self, program: str) -> None:
        """The program is told to stop, and ends what it has in hand."""
        name = self._busy_one(program)
        self.programs[name].stopping = True
        self._go(name, None)
        self.programs[name].close()
        self.start(name)

    @step(where=lambda self: bool(self._busy), program=programs, within=statements)
    def die(self, program: str, within: int | None) -> None:
        self._kill(self._busy_one(program), within)

    @step(program=programs, of=st.lists(streams_of_it, max_size=3), page_size=page_sizes)
    def webhooks_come(self, program: str, of: list[str], page_size: int) -> None:
        """In any order, twice or not at all: they make streams due; a program does what is due."""
        app = self.bench.apps[0]
        with app.database.begin() as connection:
            for name in of:
                now = app.database.now(connection)
                app.streams.mark_due(connection, [self.keys[name]], now=now, purpose=Purpose.WEBHOOK)
        self._go(program, None)
        self.programs[program].begin(_what_is_due, page_size=page_size)
        self.fresh = self.programs[program]
        self._go(program, None)

    def come_to_rest(self) -> None:
        """All is well again and every program does what it can: now the mirror must equal the source."""
        self.pass_time(timedelta(seconds=1))
        self.source.environment.faults.clear()
        for key in self.all:
            self._switch_on(key)
        for name in self.programs:
            self._go(name, None)
        self.pass_time(timedelta(minutes=20))
        self._pass(Mode.SYNC, self.all)
        self.check()
        unseen = {key for key, _ in self.source.silent}
        if self.source.environment.paging.style == "offset":
            unseen = set(self.all)
        if unseen:
            self._pass(Mode.RESTART, sorted(unseen))
        self.check(the_mirror_equals_the_source)
        vanished = {key for key in self.all if self._vanished(key)}
        if vanished:
            # What comes back just as it was is alive again.
            self.pass_time(timedelta(seconds=1))
            for key in vanished:
                for id in self._vanished(key):
                    self.source.firm(key).restore(key.model, id, at=LONG_AGO)
            self.source.note()
            self._pass(Mode.RESTART, sorted(vanished | {key for key, _ in self.source.silent}))
            self.check(the_mirror_equals_the_source)

    def teardown(self) -> None:
        try:
            if self.is_well:
                self.come_to_rest()
        finally:
            for each in self.programs.values():
                each.die()

    # How it is done

    def start(self, name: str) -> None:
        """A new program in the place of this name."""
        self.lives += 1
        app = self.bench.apps[0 if name == "first" else 1]
        owner = f"{name}, life {self.lives}"
        self.programs[name] = Program(
            self.bench,
            app,
            owner,
            is_dead_owner=lambda other: self.notices_deaths and other in self.dead,
            reads_ahead=self.reads_ahead,
        )

    def pass_time(self, span: timedelta) -> None:
        self.bench.pass_time(span)
        self.source.note(by_the_clock=True)

    def check(self, *more: Callable[[Any, Source], None]) -> None:
        """Look at source and mirror; raise AssertionError where a promise is broken."""
        self.source.note()
        if self.looked_after != self.bench.statements:
            with self.bench.apps[0].database.read() as connection:
                self.found = look(connection)
            self.looked_after = self.bench.statements
        for invariant in (*ALWAYS, *more):
            invariant(self.found, self.source)

    def _to_records(self, what: str, of: str, which: list[int], when: str = "in time") -> None:
        """Something happens at the same moment to those of these records that are alive."""
        key, at = self.keys[of], self._at(when)
        firm = self.source.firm(key)
        for record in {
            each.id: each for each in (firm.record(key.model, number) for number in which)
        }.values():
            if not record.live:
                continue
            match what:
                case "delete":
                    firm.delete(key.model, record.id, at=at)
                case "vanish":
                    firm.vanish(key.model, record.id)
                case _:
                    name = "job_title" if key.model == EMPLOYEES else "name"
                    firm.update(key.model, record.id, at=at, **{name: f"{self.bench.elapsed}"})
        self.source.note()

    def _begin(self, name: str, mode: Mode, of: Sequence[str], page_size: int) -> None:
        keys = [self.keys[each] for each in of] or self.all
        # Whatever it has in hand comes first.
        self._go(name, None)
        self.programs[name].begin(_pass_over(keys, mode), page_size=page_size)
        self.fresh = self.programs[name]

    def _go(self, name: str, steps: int | None) -> None:
        program = self.programs[name]
        if self.fresh is program:
            program.go(steps)
        else:
            self._go_watched(program, steps)
        self.fresh = None
        self.source.note(by_the_clock=True)
        program.result()

    def _go_watched(self, program: Program, steps: int | None) -> None:
        """The same for a program that was at rest with work in hand: does it keep off what others took?"""
        app = self.bench.apps[0]
        for _ in range(ENDLESS if steps is None else steps):
            if not program.is_busy:
                return
            with app.database.read() as connection:
                before = progress(connection)
            program.go(1)
            with app.database.read() as connection:
                writes_only_what_it_has_a_lease_on(program.owner, before, progress(connection))
        assert steps is not None, "the program comes to no end"

    def _kill(self, name: str, within: int | None) -> None:
        self.programs[name].die(within)
        self.dead.add(self.programs[name].owner)
        self.start(name)

    @property
    def _busy(self) -> list[str]:
        return [name for name, program in self.programs.items() if program.is_busy]

    def _busy_one(self, name: str) -> str:
        return name if name in self._busy else self._busy[0]

    def _vanished(self, key: StreamKey) -> list[str]:
        records = self.source.firm(key).tables.of(key.model)
        return [id for id in self._gone(key) if records[id].gone and records[id].deleted_at is None]

    def _gone(self, key: StreamKey) -> list[str]:
        firm = self.source.firm(key)
        return [id for id in firm.known(key.model) if not firm.tables.of(key.model)[id].live]

    def _pass(self, mode: Mode, keys: Sequence[StreamKey]) -> None:
        """One pass, and what it holds let pass; all must be well after it."""
        outcomes = self._outcomes(mode, keys)
        held = [key for key, outcome in outcomes.items() if outcome is Outcome.HELD]
        if held:
            outcomes |= self._outcomes(Mode.APPROVE, held)
        assert set(outcomes.values()) == {Outcome.COMPLETE}, outcomes

    def _outcomes(self, mode: Mode, keys: Sequence[StreamKey]) -> dict[StreamKey, Outcome]:
        self.programs["first"].begin(_pass_over(keys, mode), page_size=250)
        self.fresh = self.programs["first"]
        self._go("first", None)
        return {each.key: each.outcome for each in self.programs["first"].result()}

    def _switch_on(self, key: StreamKey) -> None:
        integration = self.source.integration(key)
        integration.disabled, integration.data_expired_at = set(), None
        integration.status, integration.setup_status = "ACTIVE", "COMPLETED"

    def _at(self, when: str) -> Any:
        return None if when == "in time" else self.source.clock.now() - LATEST_COMMIT


def _pass_over(keys: Sequence[StreamKey], mode: Mode) -> Work:
    async def work(engine: SyncContext, asking: Integrations) -> Sequence[Result]:
        return await run_streams(engine, asking, keys, mode, 2)

    return work


async def _what_is_due(engine: SyncContext, asking: Integrations) -> Sequence[Result]:
    """As the workers of the service do."""
    due = await engine.database.ask(
        lambda connection: engine.streams.due(
            connection, engine.database.now(connection), engine.is_dead, len(NAMED)
        )
    )
    return [await run_stream(engine, asking, key, mode=Mode.SYNC) for key in due]


@contextmanager
def bench_on(database_url: str) -> Iterator[Bench]:
    """A bench on a migrated database that it has for itself."""
    tables: dict[str, Any] = {
        "kombo": {"api_key": "ks_dev_simulator", "base_url": "http://kombo.test/v1"},
        "database": {"url": database_url},
        "sync": {"concurrency": 2},
        "deletions": {"max_share": 0.3, "max_rows": 2},
    }
    configured = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        with Bench(Settings(**tables), START) as bench:
            yield bench
    finally:
        structlog.configure(**configured)


def run_histories(
    bench: Bench, number: int, *, steps: int = STEPS, seed_of_all: int | None = None, **changes: Any
) -> None:
    """So many random histories; raises, with the shortest script found, where one breaks a promise.

    steps: rules in each; seed_of_all: the same gives the same histories; None: as hypothesis is set up.
    changes: to its settings.
    """
    histories: Any = partial(Histories, bench)
    if seed_of_all is not None:
        histories = seed(seed_of_all)(histories)
    run_state_machine_as_test(
        histories,
        settings=settings(
            max_examples=number,
            stateful_step_count=steps,
            deadline=None,
            # Histories are long, and one is not tried again from an earlier run of the tests.
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            database=None,
            **changes,
        ),
    )
