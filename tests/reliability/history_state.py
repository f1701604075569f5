"""The state of a history: a source, a database, two programs, and how things happen to them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from functools import wraps
from typing import Any

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from sqlalchemy import delete, select

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.domain.webhooks.effects import lists_of
from syncer.domain.webhooks.event import parse_event
from syncer.domain.webhooks.signature import is_signed, sign
from syncer.simulator.company.company import Erasure
from syncer.simulator.server.api import simulator_app
from syncer.simulator.server.paging import Paging
from syncer.store.schema.history_tables import history_table
from syncer.store.schema.mirror_tables import (
    MIRROR,
    budgets,
    changes,
    feed,
    integrations,
    missing,
    quarantine,
    refused_parameters,
    runs,
    seen,
    streams,
    unknown_models,
    webhook_events,
)
from tests.reliability.copies import Copies
from tests.reliability.invariants import (
    ALWAYS,
    FORGED,
    Look,
    look,
    nothing_is_in_quarantine,
    progress,
    the_mirror_equals_the_source,
    writes_only_what_it_has_a_lease_on,
)
from tests.reliability.stepped_program import ENDLESS, Bench, Program
from tests.reliability.stepped_work import pass_over
from tests.reliability.tracked_source import EMPLOYEES, LATEST_COMMIT, MODELS, Source
from tests.support.alone import alone
from tests.support.feed_copy import FeedCopy
from tests.support.source import SOURCE_TIME
from tests.support.webhooks import SECRET, data_changed, event, take

#: What a history leaves behind, children first.
_TABLES = (
    *(link for model in MODELS for link in MIRROR if link.startswith(f"{model}_")),
    *MODELS,
)
_STATE = (
    *(streams, runs, budgets, quarantine, seen, missing, integrations, changes),
    *(webhook_events, unknown_models, refused_parameters),
)

#: Before anything here: a change at this time moves no clock of a record.
LONG_AGO = SOURCE_TIME - timedelta(days=365)


class HistoryState(RuleBasedStateMachine):
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
        self.late_events: list[bytes] = []
        self.events = 0
        self.found = Look()

    def begin_history(
        self,
        names: Sequence[StreamKey],
        *,
        skew: timedelta,
        paging: Paging,
        erasure: Erasure,
        deaths_are_noticed: bool,
        reading_ahead: bool,
        is_complete: bool,
    ) -> None:
        """Begin with these streams, called ``a`` and ``b``; those that are complete have been read once."""
        self.keys = dict(zip(("a", "b"), names, strict=True))
        self.all = list(dict.fromkeys(self.keys.values()))
        self.bench.begin(skew)
        self.source = Source(self.bench.clock, self.all, paging=paging, erasure=erasure)
        self.bench.served = httpx.ASGITransport(app=simulator_app(self.source.environment))
        self.notices_deaths, self.reads_ahead = deaths_are_noticed, reading_ahead
        app = self.bench.apps[0]
        with app.database.begin() as connection:
            for name in _TABLES:
                connection.execute(delete(MIRROR[name]))
                connection.execute(delete(history_table(name)))
            for table in _STATE:
                connection.execute(delete(table))
            self.copies = Copies(MODELS)
            self.copy = FeedCopy(self.all, connection.execute(select(feed.c.newest)).scalar_one())
            for integration_id in self.source.environment.integrations:
                alone(app).integrations.add(connection, integration_id, origin="config", models=MODELS)
            alone(app).streams.add(connection, self.all)
        for name in ("first", "second"):
            self.start(name)
        if is_complete:
            self.begin_work("first", Mode.SYNC, [], 250)
            self.go("first", None)
        self.check()
        self.is_well = True

    def come_to_rest(self) -> None:
        """All is well again and every program does what it can: now the mirror must equal the source."""
        self.pass_time(timedelta(seconds=1))
        self.source.environment.faults.clear()
        for key in self.all:
            self.switch_on(key)
        for name in self.programs:
            self.go(name, None)
        self.pass_time(timedelta(minutes=20))
        unseen = {key for key, _ in self.source.silent}
        if self.source.environment.paging.style == "offset":
            unseen = set(self.all)
        # A record may have left its list without a word while its last version was in quarantine.
        self._pass(Mode.SYNC, self.all, may_be_incomplete=unseen)
        self.check()
        if unseen:
            self._pass(Mode.RESTART, sorted(unseen))
        self.check(the_mirror_equals_the_source, nothing_is_in_quarantine)
        with self.bench.apps[0].database.read() as connection:
            self.copies.assert_given_again(connection)
        vanished = {key for key in self.all if self._vanished(key)}
        if vanished:
            # What comes back just as it was is alive again.
            self.pass_time(timedelta(seconds=1))
            for key in vanished:
                for id in self._vanished(key):
                    self.source.firm(key).restore(key.model, id, at=LONG_AGO)
            self.source.note()
            self._pass(Mode.RESTART, sorted(vanished | {key for key, _ in self.source.silent}))
            self.check(the_mirror_equals_the_source, nothing_is_in_quarantine)

    def teardown(self) -> None:
        try:
            if self.is_well:
                self.come_to_rest()
        finally:
            for each in self.programs.values():
                each.die()

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
                self.copy.follow(connection)
                self.copy.assert_equals(connection)
                self.copies.take(connection, self.bench.apps[0].database.now(connection))
            self.looked_after = self.bench.statements
        for invariant in (*ALWAYS, *more):
            invariant(self.found, self.source)

    def to_records(self, what: str, of: str, which: list[int], when: str = "in time") -> None:
        """Something happens at the same moment to those of these records that are alive."""
        key, at = self.keys[of], self.moment(when)
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

    def event(self, what: str, of: str, *, is_forged: bool) -> bytes:
        """Make an event about a stream of the history; its id begins with a word where nobody signs it."""
        key = self.keys[of]
        self.events += 1
        event_id = f"{FORGED if is_forged else 'event'}-{self.events}"
        names = {"its list": catalogue()[key.model].webhook_name, "another list": "hris_locations"}
        match what:
            case "somebody else":
                return data_changed("personio:nobody", "hris_teams", event_id=event_id)
            case "a sync":
                return event("sync-finished", event_id=event_id, integration_id=key.integration_id)
            case _:
                name = names.get(what) or "hris_shifts"
                return data_changed(key.integration_id, name, event_id=event_id)

    def receive(self, body: bytes, secret: str) -> None:
        """Take an event as the receiver does."""
        if not is_signed(body, sign(body, secret), [SECRET]):
            return
        app, told = self.bench.apps[0], parse_event(body)
        lists = None if told.type is None else lists_of(told.type, told.models)
        keys = [
            key
            for key in self.all
            if key.integration_id == told.integration_id and (lists is None or key.model in lists)
        ]
        self.source.tell(told.id or "", keys)
        take(alone(app), body)

    def begin_work(self, name: str, mode: Mode, of: Sequence[str], page_size: int) -> None:
        keys = [self.keys[each] for each in of] or self.all
        # Whatever it has in hand comes first.
        self.go(name, None)
        self.programs[name].begin(pass_over(keys, mode), page_size=page_size)
        self.fresh = self.programs[name]

    def go(self, name: str, steps: int | None) -> None:
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

    def kill(self, name: str, within: int | None) -> None:
        self.programs[name].die(within)
        self.dead.add(self.programs[name].owner)
        self.start(name)

    @property
    def busy(self) -> list[str]:
        return [name for name, program in self.programs.items() if program.is_busy]

    def busy_one(self, name: str) -> str:
        return name if name in self.busy else self.busy[0]

    def _vanished(self, key: StreamKey) -> list[str]:
        records = self.source.firm(key).tables.of(key.model)
        return [id for id in self.gone(key) if records[id].gone and records[id].deleted_at is None]

    def gone(self, key: StreamKey) -> list[str]:
        firm = self.source.firm(key)
        return [id for id in firm.known(key.model) if not firm.tables.of(key.model)[id].live]

    def _pass(
        self, mode: Mode, keys: Sequence[StreamKey], may_be_incomplete: Collection[StreamKey] = ()
    ) -> None:
        """One pass, and what it holds let pass; all must be well after it."""
        outcomes = self._outcomes(mode, keys)
        held = [key for key, outcome in outcomes.items() if outcome is Outcome.HELD]
        if held:
            outcomes |= self._outcomes(Mode.APPROVE, held)
        assert all(
            outcome is Outcome.COMPLETE or (outcome is Outcome.INCOMPLETE and key in may_be_incomplete)
            for key, outcome in outcomes.items()
        ), outcomes

    def _outcomes(self, mode: Mode, keys: Sequence[StreamKey]) -> dict[StreamKey, Outcome]:
        self.programs["first"].begin(pass_over(keys, mode), page_size=250)
        self.fresh = self.programs["first"]
        self.go("first", None)
        return {each.key: each.outcome for each in self.programs["first"].result()}

    def switch_on(self, key: StreamKey) -> None:
        integration = self.source.integration(key)
        integration.disabled, integration.data_expired_at = set(), None
        integration.status, integration.setup_status = "ACTIVE", "COMPLETED"

    def moment(self, when: str) -> Any:
        return None if when == "in time" else self.source.clock.now() - LATEST_COMMIT


def step(
    where: Callable[[HistoryState], bool] = lambda _: True, **arguments: st.SearchStrategy[Any]
) -> Callable[[Callable[..., None]], Any]:
    """A rule: a second passes, then it happens, then all promises must still hold.

    where: whether it can happen now at all.
    """

    def decorate(happens: Callable[..., None]) -> Any:
        @wraps(happens)
        def run(self: HistoryState, **values: Any) -> None:
            self.is_well = False
            self.pass_time(timedelta(seconds=1))
            happens(self, **values)
            self.check()
            self.is_well = True

        with_arguments: Any = rule
        return precondition(where)(with_arguments(**arguments)(run))

    return decorate
