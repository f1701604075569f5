"""Progress of a walk: a list that brings nothing new for too long does not end. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from syncer.domain.errors import ListStuck

#: How many pages without a new record a list may have in a row. Some are well: records move while a list is
#: read, and a filter may leave nothing of a page.
MAX_PAGES_WITHOUT_NEW = 10


class IdFilter:
    """Set of ids in two to eight bytes for each: a Bloom filter that grows.

    It never takes an id that it has for a new one. In one case of six, at most, it takes a new id for one
    that it has, which a whole page of new ids does not suffer.
    """

    #: Bits at first, and by how much they grow: powers of two, so that growing keeps what is there.
    FIRST = 1 << 16
    GROWTH = 4
    BITS_FOR_EACH = 16
    PROBES = 3

    def __init__(self) -> None:
        self._bits = bytearray(self.FIRST // 8)
        self._count = 0

    def add(self, ids: Iterable[str]) -> int:
        """Add ids; tell how many of them are new."""
        bits, count, before = self._bits, self._count, self._count
        mask = len(bits) * 8 - 1
        room = len(bits) * 8 // self.BITS_FOR_EACH
        for id in ids:
            if count >= room:
                # An id's place in the larger filter is that in the smaller, or in one of its copies.
                bits *= self.GROWTH
                mask = len(bits) * 8 - 1
                room *= self.GROWTH
            place = hash(id)
            step = (place >> 32) | 1
            is_new = False
            for _ in range(self.PROBES):
                byte, bit = (place & mask) >> 3, 1 << (place & 7)
                if not bits[byte] & bit:
                    bits[byte] |= bit
                    is_new = True
                place += step
            count += is_new
        self._count = count
        return count - before


class _Part(Struct):
    """One part of a list: the ids met, and its pages by what they brought.

    changed: no new record, but some that had changed. unchanged: neither, since the last new record.
    """

    name: str | None
    met: IdFilter = field(default_factory=IdFilter)
    pages: int = 0
    with_new: int = 0
    changed: int = 0
    unchanged: int = 0

    @property
    def is_stuck(self) -> bool:
        """True where no new record is to be expected; what has changed may all have come once more."""
        return self.unchanged > MAX_PAGES_WITHOUT_NEW or self.changed > self.with_new + MAX_PAGES_WITHOUT_NEW


class WalkProgress:
    """Progress of one walk through a list: which records it has met, and how long it has met no new one.

    pages: those that it had read when it was interrupted. Cursors tell nothing: a list can go round in
    circles with another one on each page.
    """

    def __init__(self, list_name: str, integration_id: str, *, pages: int = 0) -> None:
        self._list_name = list_name
        self._integration_id = integration_id
        self._part = _Part(None, pages=pages, with_new=pages)

    def resume(self, ids: Iterable[str]) -> None:
        """Count these as met: pages that the walk has read before had them."""
        self._part.met.add(ids)

    def add_page(
        self, ids: Iterable[str], *, has_next: bool, part: str | None = None, has_changes: bool = False
    ) -> None:
        """Add a page by the ids of its records.

        has_next: another page follows. part: that of the list which the page is from, where it has several;
        each may list the same records. has_changes: a record of it has changed since it was stored. Raises
        ListStuck.
        """
        if part != self._part.name:
            self._part = _Part(part)
        here = self._part
        here.pages += 1
        if here.met.add(ids):
            here.with_new += 1
            here.unchanged = 0
        elif has_changes:
            here.changed += 1
        else:
            here.unchanged += 1
        if has_next and here.is_stuck:
            raise ListStuck(
                f"{self._list_name} of {self._integration_id} does not end: {here.pages - here.with_new} of "
                f"{here.pages} pages brought no new record, and yet another one is to follow.",
                integration_id=self._integration_id,
            )
