"""One page of a native list as it would be stored; nothing is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.records.record import Poison
from syncer.domain.records.row import Row
from syncer.domain.streams.stream import Kind, Walk
from syncer.sync.sources.native_list import NativeListSource


@dataclass(frozen=True, slots=True)
class Preview:
    """What became of the records of one page. next: where the list goes on; None at its end."""

    integration_id: str
    rows: list[Row]
    poisons: list[Poison]
    next: str | None


async def preview(source: NativeListSource) -> Preview:
    """The first page that has records. Rows of the mirror that have none are passed over.

    Raises KomboError, DatabaseError.
    """
    walk, cursor = Walk("preview", Kind.FULL, None, source.filters), None
    for _ in count():
        page = await source.page(walk, cursor, Purpose.INCREMENTAL)
        cursor = page.next
        if page.results or cursor is None:
            break
    records = source.read(page)
    projected = [source.project(each) for each in records.usable]
    return Preview(
        source.integration_id,
        [each for each in projected if isinstance(each, Row)],
        [*records.poisons, *(each for each in projected if isinstance(each, Poison))],
        cursor,
    )
