"""Base of the paging styles of native lists. Pure.

A list that does not move on is an error, and never an endless walk: ``follow`` is the way to the next cursor.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar

from msgspec import Struct

from syncer.domain.native.call import Call
from syncer.domain.native.cursor import NativeCursor, Position


class NativePage(Struct, frozen=True):
    """Page of a native list as it came.

    call: that it answers. data: the body as a value. records: JSON texts. headers and url: the tool's.
    """

    call: Call
    data: Any
    records: Sequence[bytes]
    headers: Mapping[str, str | list[str]]
    url: str


@dataclass(frozen=True, slots=True)
class PagingStyle(ABC):
    """Paging style of a native list: how one request follows another.

    The fields of a subclass are its configuration keys (``keys.py``); its name and its docstring's first line
    are what the documentation says of it.
    """

    #: ``style`` in the configuration.
    style: ClassVar[str]

    def fault(self, call: Call, row_param: str | None) -> str | None:
        """Return why the call has no room for a position, if so. row_param: ``for_each.param``."""
        return None

    @property
    def position_path(self) -> str | None:
        """Return the JMESPath from the answer to the next position; None where it is not in the body."""
        return None

    def first_position(self) -> Position | None:
        """Return the position of the first page; None where it is asked for without one."""
        return None

    def marks(self, call: Call, position: Position | None) -> Mapping[str, str]:
        """Return marks in the call's data with their values, where these tell the position."""
        return {}

    @abstractmethod
    def apply(self, call: Call, position: Position | None) -> Call:
        """Put the position into a call whose marks are filled."""

    @abstractmethod
    def next_cursor(self, here: NativeCursor, page: NativePage) -> NativeCursor | None:
        """Return the cursor of the next page; None where this is the last. Raises ValueError."""

    @property
    def definition(self) -> dict[str, Any]:
        """Return what decides which pages are read; without defaults, so that a new key changes nothing."""
        values = ((each, getattr(self, each.name)) for each in fields(self))
        return {
            "style": self.style,
            **{
                each.name: value for each, value in values if each.default is MISSING or value != each.default
            },
        }


def follow(here: NativeCursor, position: Position | None, source: str) -> NativeCursor | None:
    """Move on to the position that the source told; None ends the list.

    Raises ValueError where it is the same position again.
    """
    if position is None:
        return None
    if position == here.at:
        raise ValueError(f"next: {source} leads to the same page again")
    return NativeCursor(here.row, position)
