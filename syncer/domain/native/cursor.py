"""Cursor of a walk through a native list."""

from __future__ import annotations

import json

from msgspec import Struct

#: A cursor, an offset, a page number, or the path and query of a link: what its paging style makes of it.
Position = str | int


class NativeCursor(Struct, frozen=True):
    """Cursor of a walk through a native list: a row of the mirror, and a position in the row's list.

    row: the row's value; None without for_each. at: None at the beginning of the row's list. digest: of the
    records of the page before, where positions are counted.
    """

    row: str | None = None
    at: Position | None = None
    digest: str | None = None

    def text(self) -> str:
        """Write the cursor as compact JSON."""
        members = {"row": self.row, "at": self.at, "digest": self.digest}
        return json.dumps(
            {name: value for name, value in members.items() if value is not None}, separators=(",", ":")
        )

    @classmethod
    def read(cls, text: str | None) -> NativeCursor:
        """Read a cursor; None is the beginning."""
        return cls() if text is None else cls(**json.loads(text))
