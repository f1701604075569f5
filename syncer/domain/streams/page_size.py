"""Adaptive size of a list's pages: large records come a few at a time. Pure."""

from __future__ import annotations

from syncer.domain.limits import LARGE_PAGE_BYTES

#: How much smaller the page is that is asked for in place of one that was too large.
STEP = 4


class PageSize:
    """Records to ask for in the next page of one walk after another. most: what the configuration says.

    Cursors do not carry it: with the same one a page of another size can be asked for.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.now = most

    def shrink(self) -> bool:
        """Ask for less, since an answer was too large; false where it was for a single record."""
        if self.now == 1:
            return False
        self.now = max(1, self.now // STEP)
        return True

    def adapt(self, page_bytes: int) -> None:
        """Adapt to a page of so many bytes, which came as asked for."""
        if page_bytes > LARGE_PAGE_BYTES:
            self.now = max(1, self.now * LARGE_PAGE_BYTES // page_bytes)
        elif page_bytes * 2 <= LARGE_PAGE_BYTES:
            self.now = min(self._most, self.now * 2)
