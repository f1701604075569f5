"""The great claim as a state machine: whatever happens, in whatever order, the mirror keeps its promises and
comes to equal its source. Hypothesis makes up the histories and shortens one that breaks a promise.

A rule is one thing that happens. After each of them all of ``invariants.ALWAYS`` must hold.
"""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
)

from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Mode
from syncer.simulator.server.faults import Match
from tests.reliability.history_choices import (
    ARRIVALS,
    ERASURES,
    FAULTS,
    NAMED,
    PAGINGS,
    SKEWS,
    SPANS,
    TOLD,
    late,
    modes,
    numbers,
    page_sizes,
    programs,
    small_pages,
    some_streams,
    statements,
    steps,
    stream_names,
    streams_of_it,
)
from tests.reliability.history_state import LONG_AGO, HistoryState, step
from tests.reliability.stepped_work import what_is_due
from tests.reliability.tracked_source import EMPLOYEES, GROUPS, ONE
from tests.support.webhooks import SECRET


class Histories(HistoryState):
    """What can happen, one rule for each thing."""

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
        self.begin_history(
            [NAMED[a], NAMED.get(b, NAMED[a])],
            skew=SKEWS[clock],
            paging=PAGINGS[paging],
            erasure=ERASURES[erasure],
            deaths_are_noticed=deaths_are_noticed,
            reading_ahead=reading_ahead,
            is_complete=begins == "complete",
        )

    # The source

    @step(of=streams_of_it, which=numbers, when=late)
    def change(self, of: str, which: list[int], when: str) -> None:
        """Records change at the same moment."""
        self.to_records("change", of, which, when)

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
            at = self.moment(when)
            firm.make(key.model, int((at or firm.clock.now()).timestamp() * 1000))

    @step(of=streams_of_it, which=numbers, when=late)
    def delete(self, of: str, which: list[int], when: str) -> None:
        self.to_records("delete", of, which, when)

    @step(of=streams_of_it, which=numbers)
    def vanish(self, of: str, which: list[int]) -> None:
        """Records leave the list without a word."""
        self.to_records("vanish", of, which)

    @step(
        where=lambda self: any(self.gone(key) for key in self.all),
        of=streams_of_it,
        which=numbers,
        how=st.sampled_from(["silently", "changed"]),
    )
    def come_back(self, of: str, which: list[int], how: str) -> None:
        """Of the deleted, erased and vanished records some are there again."""
        key = self.keys[of]
        if not self.gone(key):
            (key,) = (each for each in self.all if each != key)
        gone = self.gone(key)
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
                self.switch_on(key)
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
        self.begin_work(program, Mode.SYNC, [] if of == "*" else [of], 2)
        self.go(program, None)

    # The programs

    @step(program=programs, of=some_streams, page_size=page_sizes)
    def sync(self, program: str, of: list[str], page_size: int) -> None:
        """A program does the named streams (all where none is named) to the end."""
        self.begin_work(program, Mode.SYNC, of, page_size)
        self.go(program, None)

    @step(program=programs, of=some_streams, page_size=page_sizes)
    def reconcile(self, program: str, of: list[str], page_size: int) -> None:
        self.begin_work(program, Mode.RESTART, of, page_size)
        self.go(program, None)

    @step(where=lambda self: bool(self.found.held), program=programs)
    def approve(self, program: str) -> None:
        self.begin_work(program, Mode.APPROVE, [], 250)
        self.go(program, None)

    @step(program=programs, mode=modes, of=some_streams, page_size=small_pages, steps=steps)
    def begin(self, program: str, mode: Mode, of: list[str], page_size: int, steps: int) -> None:
        """A program does so many steps of its work."""
        self.begin_work(program, mode, of, page_size)
        self.go(program, steps)

    @step(
        program=programs, mode=modes, of=some_streams, page_size=small_pages, steps=steps, within=statements
    )
    def die_at_work(
        self, program: str, mode: Mode, of: list[str], page_size: int, steps: int, within: int | None
    ) -> None:
        """A program is killed after so many steps, or within the next one after so many statements."""
        self.begin_work(program, mode, of, page_size)
        self.go(program, steps)
        self.kill(program, within)

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
        self.begin_work(program, mode, [of], page_size)
        self.go(program, steps)
        self.pass_time(timedelta(seconds=2))
        self.to_records(what, of, which)
        self.pass_time(timedelta(seconds=2))
        self.go(program, None)

    @step(program=programs, mode=modes, of=streams_of_it, page_size=small_pages, steps=steps, which=numbers)
    def stall_and_be_overtaken(
        self, program: str, mode: Mode, of: str, page_size: int, steps: int, which: list[int]
    ) -> None:
        """A program stalls for longer than its lease: records change, the other syncs, then it goes on."""
        self.begin_work(program, mode, [of], page_size)
        self.go(program, steps)
        self.to_records("change", of, which)
        self.pass_time(SPANS["a lease"])
        (other,) = (name for name in self.programs if name != program)
        self.begin_work(other, Mode.SYNC, [of], 250)
        self.go(other, None)
        self.go(program, None)

    @step(where=lambda self: bool(self.busy), program=programs, steps=steps)
    def go_on(self, program: str, steps: int) -> None:
        """Whoever has work in hand, the named one first, does so many steps of it."""
        self.go(self.busy_one(program), steps)

    @step(where=lambda self: bool(self.busy), program=programs)
    def finish(self, program: str) -> None:
        self.go(self.busy_one(program), None)

    @step(where=lambda self: bool(self.busy), program=programs)
    def stop(self, program: str) -> None:
        """The program is told to stop, and ends what it has in hand."""
        name = self.busy_one(program)
        self.programs[name].stopping = True
        self.go(name, None)
        self.programs[name].close()
        self.start(name)

    @step(where=lambda self: bool(self.busy), program=programs, within=statements)
    def die(self, program: str, within: int | None) -> None:
        self.kill(self.busy_one(program), within)

    @step(
        program=programs,
        told=st.lists(st.tuples(st.sampled_from(TOLD), streams_of_it, st.sampled_from(ARRIVALS)), max_size=3),
        page_size=page_sizes,
    )
    def webhooks_come(self, program: str, told: list[tuple[str, str, str]], page_size: int) -> None:
        """They come once, twice, late, never or forged, also for others; a program does what is due."""
        late, self.late_events = self.late_events, []
        for what, of, arrives in told:
            body = self.event(what, of, is_forged=arrives == "forged")
            if arrives == "late":
                self.late_events.append(body)
            elif arrives != "never":
                self.receive(body, "somebody-else's" if arrives == "forged" else SECRET)
            if arrives == "twice":
                self.receive(body, SECRET)
        for body in late:
            self.receive(body, SECRET)
        self.check()
        self.go(program, None)
        self.programs[program].begin(what_is_due, page_size=page_size)
        self.fresh = self.programs[program]
        self.go(program, None)
