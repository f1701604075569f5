"""A list as a source of pages and records, whichever kind it is of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct
from sqlalchemy import Connection

from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.records.exclude import Excluded
from syncer.domain.records.record import Poison, Record
from syncer.domain.records.row import Row
from syncer.domain.streams.list_spec import ListSpec
from syncer.domain.streams.stream import Walk
from syncer.kombo.lists import Page
from syncer.store.schema.destination import Destination
from syncer.store.state.projections import Pinned


class Records(Struct, frozen=True):
    """Some records of one stream as they came, and what among them cannot be a row."""

    usable: list[Record]
    poisons: list[Poison]

    @property
    def ids(self) -> list[str]:
        """The ids among them, also of records that cannot be rows."""
        return [
            *(each.id for each in self.usable),
            *(each.id for each in self.poisons if each.id is not None),
        ]

    def __add__(self, other: Records) -> Records:
        return Records(self.usable + other.usable, self.poisons + other.poisons)

    def __len__(self) -> int:
        return len(self.usable) + len(self.poisons)


class Source(Protocol):
    """The list behind one stream. There are two kinds: ``KomboListSource`` and ``NativeListSource``."""

    @property
    def spec(self) -> ListSpec:
        """Description of the list."""

    @property
    def destination(self) -> Destination:
        """Destination of the records."""

    @property
    def filters(self) -> Mapping[str, str]:
        """Filters of the list; with others its progress is void."""

    @property
    def excluded(self) -> Excluded | None:
        """Members whose values are taken out of documents of stored rows; None: there are none."""

    @property
    def may_list_twice(self) -> bool:
        """True where the list may serve one record at several places."""

    async def page(self, walk: Walk, cursor: str | None, purpose: Purpose) -> Page:
        """Fetch the page of the walk at the cursor; None: its first. Raises KomboError."""

    def read(self, page: Page) -> Records:
        """Read the page's records."""

    def project(self, record: Record) -> Row | Poison:
        """Project a record to its row, or to the reason why there is none."""

    def pin(self, connection: Connection) -> Pinned:
        """Keep the projection of the records, and what is erased, the same until the transaction ends.

        Raises ProjectionReplaced.
        """
