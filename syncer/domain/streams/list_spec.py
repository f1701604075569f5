"""The list that a stream reads, whichever kind it is of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from syncer.domain.catalogue.model import Child, Features, Link
from syncer.domain.native.spec import ForEach


class ListSpec(Protocol):
    """Description of a list. Models of the catalogue and native lists of the configuration have it."""

    @property
    def name(self) -> str:
        """Name of the list, of its streams, and of the table or view with its rows."""

    @property
    def features(self) -> Features:
        """Common query parameters that the list takes."""

    @property
    def webhook_name(self) -> str | None:
        """Name in ``read_models`` and webhooks; None: Kombo does not name it."""

    @property
    def links(self) -> tuple[Link, ...]:
        """Link tables that are written with its rows."""

    @property
    def children(self) -> tuple[Child, ...]:
        """Child tables that are written with its rows."""

    @property
    def for_each(self) -> ForEach | None:
        """Rows of another list that each have a list of their own; None: it is one list."""

    @property
    def stage(self) -> int:
        """Place in a pass: lists of a later stage may ask for each row of those of an earlier one."""

    def is_whole(self, filters: Mapping[str, str]) -> bool:
        """True where a walk with these filters serves every record."""

    def pages(self, rows: int, page_size: int, full_pages: int | None) -> int:
        """Estimate the requests that it takes to read so many rows; an empty list takes one.

        full_pages: those of the last full walk, if there was one.
        """
