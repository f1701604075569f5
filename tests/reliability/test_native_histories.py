"""Random histories of native lists, with faults and kills: at rest their views show what the tool lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.simulator.company.company import Erasure
from syncer.simulator.server import faults
from syncer.simulator.server.api import simulator_app
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.faults import Answer, Match
from syncer.store.schema.mirror_tables import (
    MIRROR,
    budgets,
    changes,
    feed,
    integrations,
    missing,
    quarantine,
    runs,
    seen,
    streams,
)
from syncer.store.schema.native_table import passthrough_records
from syncer.store.state.streams import StreamStore
from tests.reliability.history_choices import SPANS
from tests.reliability.stepped_program import Bench, Program
from tests.reliability.stepped_work import bench_on, pass_over
from tests.reliability.tracked_source import EMPLOYEES, ONE, Firm
from tests.support.alone import alone
from tests.support.feed_copy import FeedCopy
from tests.support.mirror import document_of
from tests.support.source import unlimited

PEOPLE: StreamKey = StreamKey(ONE, "people")
PROFILES: StreamKey = StreamKey(ONE, "profiles")
LISTS: list[dict[str, Any]] = [
    {
        "name": "people",
        "tool": "personio/personnel",
        "request": {"path": "/company/employees", "params": {"limit": 2}},
        "records": "data",
        "key": ["attributes.id.value"],
        "page": {"style": "offset", "param": "offset", "total": "metadata.total_elements"},
        "columns": {"title": {"type": "text", "path": "attributes.job_title.value"}},
    },
    {
        "name": "profiles",
        "tool": "personio/personnel",
        "request": {"path": "/company/employees/{remote_id}"},
        "for_each": {"table": "hris_employees_live", "param": "remote_id", "skip": [404]},
        "records": "[data]",
        "key": ["for_each.remote_id"],
        "columns": {"title": {"type": "text", "path": "attributes.job_title.value"}},
    },
]
#: How many are tried on each kind of database.
HISTORIES = {"sqlite": 20, "postgresql": 5}
FAULTS: dict[str, Answer] = {
    "429 of the tool": faults.native_rate_limited(),
    "503 of the tool": faults.native_answer(503, {}),
    "403 of the tool": faults.native_answer(403, {}),
    "410 of the tool": faults.native_answer(410, {}),
    "login page": faults.native_not_json(),
    "half of it": faults.native_truncated(),
    "no list": faults.native_answer(200, {"data": None}),
    "error 500": faults.server_error(),
    "connection lost": faults.Dropped(httpx.ReadError("lost")),
    "too many at once": faults.concurrency_limited(),
}

_LEFT = (
    passthrough_records,
    *(MIRROR[name] for name in MIRROR if name.startswith(f"{EMPLOYEES}_")),
    MIRROR[EMPLOYEES],
    *(streams, runs, budgets, quarantine, seen, missing, integrations, changes),
)

programs = st.sampled_from(["first", "second"])
lists = st.sampled_from([PEOPLE, PROFILES])
numbers = st.integers(0, 4)
modes = st.sampled_from([Mode.SYNC, Mode.SYNC, Mode.RESTART, Mode.BACKFILL])
happenings = st.one_of(
    st.tuples(st.sampled_from(["change", "vanish", "restore"]), numbers),
    st.tuples(st.just("add")),
    st.tuples(st.just("pass"), st.sampled_from(list(SPANS))),
    st.tuples(
        st.just("trouble"), st.sampled_from(list(FAULTS)), st.sampled_from([1, 2, 20]), st.integers(0, 3)
    ),
    st.tuples(st.just("run"), programs, modes, lists, st.none()),
    st.tuples(st.just("run"), programs, modes, lists, st.integers(1, 40)),
    st.tuples(st.just("die"), programs, st.one_of(st.none(), st.integers(0, 12))),
)


@dataclass
class History:
    """A company of a few employees, a database, two programs."""

    bench: Bench
    lives: int = 0
    dead: set[str] = field(default_factory=set)
    programs: dict[str, Program] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bench.begin(timedelta(0))
        self.environment = Environment(self.bench.clock, limit=unlimited())
        self.firm = Firm(ONE, self.bench.clock, Erasure())
        self.environment.add(self.firm)
        self.bench.served = httpx.ASGITransport(app=simulator_app(self.environment))
        app = self.bench.apps[0]
        with app.database.begin() as connection:
            for table in _LEFT:
                connection.execute(delete(table))
            newest = connection.execute(select(feed.c.newest)).scalar_one()
            self.copy = FeedCopy([StreamKey(ONE, EMPLOYEES), PEOPLE, PROFILES], newest)
            alone(app).integrations.add(connection, ONE, origin="config", models=[EMPLOYEES])
            alone(app).streams.add(connection, [StreamKey(ONE, EMPLOYEES), PEOPLE, PROFILES])
        for name in ("first", "second"):
            self.start(name)
        self.go("first", Mode.SYNC, [StreamKey(ONE, EMPLOYEES)])

    def start(self, name: str) -> None:
        self.lives += 1
        self.programs[name] = Program(
            self.bench,
            self.bench.apps[name == "second"],
            f"{name}, life {self.lives}",
            is_dead_owner=lambda other: other in self.dead,
        )

    def go(self, name: str, mode: Mode, keys: Sequence[StreamKey], steps: int | None = None) -> list[Outcome]:
        """A program ends what it has in hand; then it does so many steps of this, or all."""
        program = self.programs[name]
        program.go()
        program.begin(pass_over(keys, mode), page_size=250)
        program.go(steps)
        return [each.outcome for each in program.result() or ()]

    def happen(self, what: str, *more: Any) -> None:
        self.bench.pass_time(timedelta(seconds=1))
        match what:
            case "change" | "vanish" | "restore":
                record = self.firm.record(EMPLOYEES, more[0])
                if what == "restore" and not record.live:
                    self.firm.restore(EMPLOYEES, record.id)
                elif what == "vanish" and record.live:
                    self.firm.delete(EMPLOYEES, record.id)
                elif what == "change" and record.live:
                    self.firm.update(EMPLOYEES, record.id, job_title=f"{self.bench.elapsed}")
            case "add":
                if len(self.firm.known(EMPLOYEES)) < 8:
                    self.firm.make(EMPLOYEES, self.bench.clock.now_ms())
            case "pass":
                self.bench.pass_time(SPANS[more[0]])
            case "trouble":
                fault, times, after = more
                self.environment.faults.add(Match(call="*"), FAULTS[fault], times, after=after)
            case "run":
                name, mode, key, steps = more
                self.go(name, mode, [key], steps)
            case "die":
                name, within = more
                self.programs[name].die(within)
                self.dead.add(self.programs[name].owner)
                self.start(name)
        self.check()

    def check(self) -> None:
        """What holds at every moment: rows are counted rightly, each was created by one run, and the feed
        has told what they are."""
        its = passthrough_records.c
        with self.bench.apps[0].database.read() as connection:
            self.copy.follow(connection)
            self.copy.assert_equals(connection)
            for key in (PEOPLE, PROFILES):
                stream = StreamStore().get(connection, key)
                found = connection.execute(
                    select(its.remote_deleted_at, its.deleted_by).where(its.resource == key.model)
                ).all()
                assert all((row[0] is None) == (row[1] is None) for row in found)
                deleted = sum(row[0] is not None for row in found)
                assert (stream.rows_live, stream.rows_deleted) == (len(found) - deleted, deleted), key
                created = select(func.coalesce(func.sum(runs.c.created), 0)).where(runs.c.model == key.model)
                assert connection.scalar(created) == len(found), key

    def come_to_rest(self) -> None:
        """All is well again: now each view must show what the tool lists."""
        self.environment.faults.clear()
        for program in self.programs.values():
            program.go()
        self.bench.pass_time(timedelta(hours=2))
        assert self.go("first", Mode.SYNC, [StreamKey(ONE, EMPLOYEES)]) == [Outcome.COMPLETE]
        # The first may have an older list to finish; what is gone has to be missing in two.
        for _ in range(3):
            self.go("first", Mode.SYNC, [PEOPLE, PROFILES])
            self.check()
        self.go("first", Mode.APPROVE, [PEOPLE, PROFILES])
        assert self.go("first", Mode.SYNC, [PEOPLE, PROFILES]) == [Outcome.COMPLETE] * 2
        self.check()
        self.show_what_is_listed()
        # What comes back just as it was is alive again.
        for id in self.firm.known(EMPLOYEES):
            if not self.firm.tables.of(EMPLOYEES)[id].live:
                self.firm.restore(EMPLOYEES, id)
        self.bench.pass_time(timedelta(hours=2))
        keys = [StreamKey(ONE, EMPLOYEES), PEOPLE, PROFILES]
        assert [each for key in keys for each in self.go("first", Mode.SYNC, [key])] == [Outcome.COMPLETE] * 3
        self.check()
        self.show_what_is_listed()

    def show_what_is_listed(self) -> None:
        """Each view has the tool's records alive, as they are now, and no others."""
        records = [self.firm.tables.of(EMPLOYEES)[id] for id in self.firm.ids(EMPLOYEES)]
        listed = {str(each.fields["remote_id"]): each.fields.get("job_title") for each in records}
        with self.bench.apps[0].database.read() as connection:
            for _, name in (PEOPLE, PROFILES):
                found = connection.exec_driver_sql(
                    f"SELECT record_key, title, document FROM {name}_live"
                ).all()
                assert {row[0]: row[1] for row in found} == listed, name
                for key, title, document in found:
                    value = document_of(document)
                    assert value["attributes"]["id"]["value"] == int(key)
                    assert value["attributes"]["job_title"]["value"] == title

    def end(self) -> None:
        for each in self.programs.values():
            each.die()


@pytest.fixture
def bench(migrated_url: str) -> Iterator[Bench]:
    sync = {"concurrency": 2, "models": [EMPLOYEES]}
    with bench_on(migrated_url, sync=sync, passthrough=LISTS) as bench:
        bench.apps[0].migrate()
        yield bench


def test_whatever_happens_to_a_native_list_its_view_comes_to_show_what_the_tool_lists(bench: Bench) -> None:
    @settings(
        max_examples=HISTORIES[bench.apps[0].database.engine.dialect.name],
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.lists(happenings, max_size=12))
    def histories(happens: list[tuple[Any, ...]]) -> None:
        history = History(bench)
        try:
            for each in happens:
                history.happen(*each)
            history.come_to_rest()
        finally:
            history.end()

    histories()
