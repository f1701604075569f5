"""A source so small that a history over it can be read, and what is known of it at every moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.stream_key import StreamKey
from syncer.simulator.clock import SimClock
from syncer.simulator.company import staff, structure
from syncer.simulator.company.company import Company, Erasure
from syncer.simulator.company.compare import comparable
from syncer.simulator.company.factories import RELATIONS
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Record
from syncer.simulator.company.render import row_json
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.integration import SimIntegration
from syncer.simulator.server.paging import Paging
from syncer.simulator.server.request_log import RequestInfo
from tests.support.source import unlimited

GROUPS, EMPLOYEES, SKILLS = "hris_groups", "hris_employees", "hris_skills"
ONE, OTHER = "personio:one", "hibob:other"
#: What is mirrored. Skills are a list that refuses ``updated_after`` and ``page_size``, which is found out.
STREAMS: tuple[StreamKey, ...] = (
    StreamKey(ONE, GROUPS),
    StreamKey(ONE, EMPLOYEES),
    StreamKey(OTHER, GROUPS),
    StreamKey(OTHER, SKILLS),
)
MODELS = tuple(dict.fromkeys(model for _, model in STREAMS))

#: The latest that a change becomes visible after its ``changed_at``: within the overlap of incremental walks.
LATEST_COMMIT = timedelta(minutes=4)

_MAKE: dict[str, tuple[Callable[[Maker, Random, int], Record], int]] = {
    GROUPS: (structure.group, 4),
    EMPLOYEES: (staff.employee, 4),
    SKILLS: (structure.skill, 3),
}


class Firm(Company):
    """A company of a handful of records."""

    def __init__(self, integration_id: str, clock: SimClock, erasure: Erasure) -> None:
        # Not the company's own beginning: it has two thousand records.
        Maker.__init__(self, integration_id, clock, "firm.example", RELATIONS)
        self.erasure = erasure
        self._due = []
        self.rng = Random(integration_id)
        at = clock.now_ms() - 3_600_000
        structure.scales(self, at)
        structure.legal_entity(self, self.rng, at)
        structure.location(self, self.rng, at)
        for integration, model in STREAMS:
            if integration == integration_id:
                for _ in range(_MAKE[model][1]):
                    self.make(model, at)
        for number, employee in enumerate(self.known(EMPLOYEES)):
            self.tables.link(
                self.tables.of(EMPLOYEES)[employee], "groups", self.known(GROUPS)[number % 2], {}, at
            )

    def make(self, model: str, at: int) -> str:
        """Adds one record; gives its id."""
        return _MAKE[model][0](self, self.rng, at).id

    def record(self, model: str, number: int) -> Record:
        """The record of that number; they are counted around."""
        known = self.known(model)
        return self.tables.of(model)[known[number % len(known)]]


class _Brief(SimIntegration):
    """An integration that speaks only of the models that are mirrored here."""

    def describe(self) -> dict[str, Any]:
        return {
            **_described(self.id),
            "status": self.status,
            "setup_status": self.setup_status,
            "data_expired_at": self.data_expired_at and self.data_expired_at.isoformat(),
            "read_models": [self._read_model(catalogue()[model]) for model in MODELS],
        }


@lru_cache
def _described(integration_id: str) -> dict[str, Any]:
    clock = SimClock.frozen(datetime.fromisoformat("2031-03-09T12:00:00Z"))
    return SimIntegration(Firm(integration_id, clock, Erasure())).describe()


@lru_cache(4096)
def reduced(model: str, text: bytes) -> dict[str, Any]:
    """The record as the mirror can be held to it."""
    return comparable(model, json.loads(text))


class Source:
    """The two integrations, and what a mirror may be expected to know of them.

    committed: when each listed record was last changed in a way that ``updated_after`` tells of. silent:
    records that changed, went or came back without that: only full walks can see it. told_absent: records
    that were not there when Kombo was asked for them by their ids. ever_deleted: those that were listed as
    deleted. told: by the id of an event what had been committed, and when, of the lists that it told of.
    """

    def __init__(
        self, clock: SimClock, keys: Sequence[StreamKey], *, paging: Paging, erasure: Erasure
    ) -> None:
        self.clock = clock
        self.keys = keys
        self.environment = Environment(clock, limit=unlimited(), paging=paging)
        self.environment.refused_parameters = {(SKILLS, "updated_after"), (SKILLS, "page_size")}
        for integration_id in dict.fromkeys(integration for integration, _ in STREAMS):
            firm = Firm(integration_id, clock, erasure)
            self.environment.integrations[integration_id] = _Brief(firm, created_at=clock.now())
        self.environment.between_pages = self._listen
        self.committed: dict[tuple[StreamKey, str], datetime] = {}
        self.silent: set[tuple[StreamKey, str]] = set()
        self.told_absent: set[tuple[StreamKey, str]] = set()
        self.ever_deleted: set[tuple[StreamKey, str]] = set()
        self.told: dict[str, dict[tuple[StreamKey, str], datetime]] = {}
        self._listed: dict[StreamKey, dict[str, tuple[bytes, dict[str, Any]]]] = {key: {} for key in keys}
        self._noted_at = clock.now()
        self.note()
        # There is no walk yet that could have missed them.
        self.silent.clear()

    def tell(self, event_id: str, keys: Sequence[StreamKey]) -> None:
        """Remember what an event of that id told of when it first came."""
        self.note()
        now = {each: at for each, at in self.committed.items() if each[0] in keys}
        self.told.setdefault(event_id, now)

    def firm(self, key: StreamKey) -> Firm:
        firm = self.environment.integrations[key.integration_id].company
        assert isinstance(firm, Firm)
        return firm

    def integration(self, key: StreamKey) -> SimIntegration:
        return self.environment.integrations[key.integration_id]

    def listed(self, key: StreamKey) -> dict[str, dict[str, Any]]:
        """The records of the list as of the last note, deleted ones where it tells of them, by id."""
        return {id: record for id, (_, record) in self._listed[key].items()}

    def note(self, *, by_the_clock: bool = False) -> None:
        """Look at what has changed since the last note; to be called before and after every change.

        by_the_clock: nothing was changed but by the passing of time, at moments that the records tell.
        """
        now = self.clock.now()
        for key in self.keys:
            firm, model = self.firm(key), key.model
            firm.settle()
            before, after = self._listed[key], {}
            deleted_too = catalogue()[model].features.include_deleted
            for id, record in firm.tables.of(model).items():
                if record.gone or (record.deleted_at is not None and not deleted_too):
                    continue
                text = row_json(firm.tables, record)
                known = before.get(id)
                if known is not None and known[0] is text:
                    after[id] = known
                    continue
                after[id] = (text, reduced(model, text))
                if record.deleted_at is not None:
                    self.ever_deleted.add((key, id))
                if known is None or known[1] != after[id][1]:
                    self._changed(key, record, now, by_the_clock)
            for id in before.keys() - after.keys():
                self.committed.pop((key, id), None)
                record = firm.tables.of(model)[id]
                if record.deleted_at is None or record.blank:
                    self.silent.add((key, id))
            self._listed[key] = after
        self._noted_at = now

    def _changed(self, key: StreamKey, record: Record, now: datetime, by_the_clock: bool) -> None:
        told_at = datetime.fromtimestamp(record.matched_at / 1000, now.tzinfo)
        commit = told_at if by_the_clock and told_at > self._noted_at else now
        self.committed[key, record.id] = commit
        if told_at >= commit - LATEST_COMMIT:
            self.silent.discard((key, record.id))
        else:
            self.silent.add((key, record.id))

    def _listen(self, asked: RequestInfo) -> None:
        """What an answer to a question for single records gives to believe."""
        if asked.model is not None and "ids" in asked.params:
            key = StreamKey(asked.integration_id or "", asked.model)
            listed = self._now_listed(key)
            self.told_absent |= {(key, id) for id in asked.params["ids"].split(",") if id not in listed}

    def _now_listed(self, key: StreamKey) -> set[str]:
        return set(
            self.firm(key).ids(key.model, include_deleted=catalogue()[key.model].features.include_deleted)
        )
