"""A made-up company behind one integration: its records, and everything that can happen to them.

Seeded: the same seed, the same clock and the same calls give the same bytes. All moments given to the
methods are datetimes with a zone; where none is given, the company's clock tells.
"""

from __future__ import annotations

import gc
import heapq
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal

from msgspec import Struct

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.models.columns import REMOTE_DELETED_AT
from syncer.simulator.clock import SimClock
from syncer.simulator.company.build import build
from syncer.simulator.company.extra_lists import EXTRA_LISTS
from syncer.simulator.company.factories import RELATIONS
from syncer.simulator.company.generic import generic_members
from syncer.simulator.company.ids import to_ms
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Members, Record
from syncer.simulator.company.render import row_json

#: Of so many records one is deleted from the start, recently enough not to be anonymised at once.
_ONE_DELETED_OF = 60
_BURIED_WITHIN = timedelta(days=13)


class Erasure(Struct, frozen=True):
    """Erasure of deleted records: when, and what is left of them.

    Kombo anonymises after 14 days (docs.kombo.dev, "Deletion policy"); whether the shell stays listed and
    whether its ``changed_at`` moves is not documented, so both are choices: ``blank`` nulls every member,
    ``remove`` ends the listing, moves_changed_at makes ``updated_after`` find the shell.
    """

    after: timedelta = timedelta(days=14)
    mode: Literal["blank", "remove"] = "blank"
    moves_changed_at: bool = False


class Company(Maker):
    """Records of one integration, and all that can happen to them.

    records is the number of records over all lists; embedded ones (line items and the like) come on top.
    tables holds them normalised; tests read ``rows`` and change through the methods here.
    """

    def __init__(
        self,
        integration_id: str,
        clock: SimClock,
        *,
        seed: int = 0,
        records: int = 2_000,
        erasure: Erasure | None = None,
    ) -> None:
        super().__init__(integration_id, clock, f"firm-{seed}.example", RELATIONS)
        self.erasure = erasure or Erasure()
        self._due: list[tuple[int, str, str]] = []
        rng = Random(f"{seed}/{integration_id}")
        with _without_garbage_collection():
            build(self, rng, records)
            self._bury(rng)

    # What the API would show

    def rows(self, model: str, *, include_deleted: bool = True) -> list[dict[str, Any]]:
        """Render the records of a list as the API shows them now, in the order of their ids."""
        self.settle()
        records = (self.tables.of(model)[id] for id in self.tables.by_id(model))
        return [
            json.loads(row_json(self.tables, record))
            for record in records
            if record.live or (include_deleted and not record.gone)
        ]

    def row(self, model: str, id: str) -> dict[str, Any]:
        """Render one record as the API shows it now; KeyError where it is not listed."""
        self.settle()
        found: dict[str, Any] = json.loads(row_json(self.tables, self._record(model, id)))
        return found

    def ids(self, model: str, *, include_deleted: bool = False) -> list[str]:
        """List the ids of a list in order."""
        records = (self.tables.of(model)[id] for id in self.tables.by_id(model))
        return [each.id for each in records if each.live or (include_deleted and not each.gone)]

    def count(self, *, include_deleted: bool = True) -> int:
        """Count the records of all lists."""
        return sum(len(self.ids(model, include_deleted=include_deleted)) for model in catalogue())

    # What can happen

    def add_list(self, name: str, records: int = 40) -> None:
        """Have one of the extra lists from now on, with so many records. KeyError for one that is none."""
        model = EXTRA_LISTS[name]
        rng = Random(f"{name} of {self.integration_id}")
        for _ in range(records):
            members = generic_members(model, self, rng)
            remote_id = f"{name}-{self.made(name) + 1}"
            self.put(name, members, remote_id=remote_id, at=self.clock.now_ms())

    def add(
        self,
        model: str,
        fields: Members,
        *,
        remote_id: str | None = None,
        links: dict[str, dict[str, Members]] | None = None,
        at: datetime | None = None,
    ) -> str:
        """Add a record and return its Kombo id, which follows from remote_id.

        Reference members that the API shows only inside a copy begin with ``_`` (``_reviewee_id``).
        """
        return self.put(model, dict(fields), remote_id=remote_id, links=links, at=self._ms(at)).id

    def update(self, model: str, id: str, *, at: datetime | None = None, **members: Any) -> None:
        """Change own members; an ``at`` before now is a change that was committed late."""
        self.tables.change(self._record(model, id), members, self._ms(at))

    def link(
        self, model: str, id: str, member: str, target_id: str, *, at: datetime | None = None, **extra: Any
    ) -> None:
        """Add an entry to a list of other records, such as ``groups`` of an employee."""
        self.tables.link(self._record(model, id), member, target_id, extra, self._ms(at))

    def unlink(self, model: str, id: str, member: str, target_id: str, *, at: datetime | None = None) -> None:
        """Remove an entry from a list of other records; KeyError where there is none."""
        self.tables.unlink(self._record(model, id), member, target_id, self._ms(at))

    def delete(self, model: str, id: str, *, at: datetime | None = None) -> None:
        """Mark a record deleted; its erasure falls due from then."""
        ms = self._ms(at)
        self.tables.delete(self._record(model, id), ms)
        heapq.heappush(self._due, (ms + self.erasure.after // timedelta(milliseconds=1), model, id))

    def restore(self, model: str, id: str, *, at: datetime | None = None) -> None:
        """Bring a deleted, anonymised or vanished record back under its id."""
        self.tables.restore(self.tables.of(model)[id], self._ms(at))

    def vanish(self, model: str, id: str) -> None:
        """Remove a record silently: no tombstone, no clock moves; of webhooks alone its model is told."""
        self.tables.remove(self._record(model, id))

    def thin_out(self, share: float, rng: Random) -> int:
        """Remove this share of the live records of every list silently; return their number."""
        gone = [(model, id) for model in catalogue() for id in self.ids(model) if rng.random() < share]
        for model, id in gone:
            self.vanish(model, id)
        return len(gone)

    def switch_off(self, model: str, member: str | None = None) -> None:
        """Null one member everywhere, or delete the whole list, as a scope configuration does."""
        for id in self.ids(model):
            if member is None:
                self.delete(model, id)
            else:
                self.update(model, id, **{member: None})

    def settle(self) -> None:
        """Carry out the erasures that have fallen due by the clock."""
        now = self.clock.now_ms()
        while self._due and self._due[0][0] <= now:
            due, model, id = heapq.heappop(self._due)
            record = self.tables.of(model)[id]
            deleted_at = due - self.erasure.after // timedelta(milliseconds=1)
            if record.deleted_at != deleted_at or record.gone:
                continue
            if self.erasure.moves_changed_at:
                self.tables.change(record, {}, due)
            if self.erasure.mode == "blank":
                self.tables.blank(record)
            else:
                self.tables.remove(record)

    def _bury(self, rng: Random) -> None:
        """Delete a few records of every list that can tell of deletions, lately enough to be readable."""
        models = catalogue().values()
        tables = [model.name for model in models if model.has_remote_deleted_at]
        tables += [
            child.table for model in models for child in model.children if REMOTE_DELETED_AT in child.columns
        ]
        for model in tables:
            known = self.known(model)
            for id in rng.sample(known, max(1, len(known) // _ONE_DELETED_OF)):
                self.delete(model, id, at=self.clock.now() - rng.random() * _BURIED_WITHIN)

    def _record(self, model: str, id: str) -> Record:
        record = self.tables.get(model, id)
        if record is None:
            raise KeyError(f"{model} has no record {id}")
        return record

    def _ms(self, at: datetime | None) -> int:
        return self.clock.now_ms() if at is None else to_ms(at)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Pause garbage collection: nothing built is garbage, and looking takes a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
