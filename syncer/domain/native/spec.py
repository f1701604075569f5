"""Define a native list that the configuration asks to mirror: what to send, how to read the answers.

It stands beside the models of the catalogue: a stream of it has the same walks and the same bookkeeping, only
its pages come through Kombo's passthrough and its rows are kept as documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from typing import ClassVar, Literal

from msgspec import Struct

from syncer.domain.catalogue.model import Child, Column, Features, Link
from syncer.domain.fingerprint import fingerprint_of
from syncer.domain.native.call import Call
from syncer.domain.native.paging.base import PagingStyle
from syncer.domain.native.paging.single import SINGLE_PAGE

Format = Literal["json", "xml", "csv"]


class ForEach(Struct, frozen=True):
    """Rows of the mirror that a native list is read for, one list each.

    table and column say which value of which row; ``{param}`` is where it stands in the call. Where it stands
    nowhere the value is the query parameter ``param``. skip: statuses of the tool by which a row has no list.
    """

    table: str
    param: str
    column: str
    skip: frozenset[int] = frozenset()

    @property
    def key_part(self) -> str:
        """Name the part of a key that is the row's value."""
        return f"for_each.{self.param}"


class NativeListSpec(Struct, frozen=True, eq=False, dict=True):
    """Definition of a native list: one list of a tool's own API, and how its answers become rows.

    name is also that of its view. integrations: globs over ids. every: an interval or a cron expression.
    records: JMESPath from the answer to the list. key: JMESPath from a record to each part of what tells it
    from the others of its integration; ``for_each.<param>`` is the row's value. columns: of the view; the
    only member of a column's path is JMESPath from the record to the value. format: how a text is read.
    """

    name: str
    call: Call
    integrations: tuple[str, ...]
    every: timedelta | str
    records: str
    key: tuple[str, ...]
    page: PagingStyle = SINGLE_PAGE
    for_each: ForEach | None = None
    columns: tuple[Column, ...] = ()
    format: Format = "json"

    #: Columns that its view shows first, by the columns of the row.
    shown_first: ClassVar[Mapping[str, str]] = {
        "integration_id": "integration_id",
        "record_key": "record_key",
        "parent": "parent",
    }
    # Members of a catalogue model that code for both kinds of lists reads.
    stage: ClassVar[int] = 1
    webhook_name: ClassVar[str | None] = None
    links: ClassVar[tuple[Link, ...]] = ()
    children: ClassVar[tuple[Child, ...]] = ()
    features: ClassVar[Features] = Features(
        updated_after=False, include_deleted=False, ids=False, remote_ids=False
    )

    @cached_property
    def fingerprint(self) -> str:
        """Hash everything that decides which records are listed under which keys."""
        call, each = self.call, self.for_each
        parts = (
            [call.api, call.method, call.path, dict(call.params), dict(call.headers), call.data],
            [dict(call.options), call.wants_base64],
            [self.records, self.key, self.format],
            self.page.definition,
            each and [each.table, each.param, each.column, sorted(each.skip)],
        )
        return fingerprint_of(parts)

    @cached_property
    def columns_fingerprint(self) -> str:
        """Hash everything that decides on the values of the columns."""
        return fingerprint_of([[column.name, column.type, column.source] for column in self.columns])

    @property
    def view_comment(self) -> str:
        """Describe the rows of its view."""
        return f"Records of a list of {self.call.api}"

    def pages(self, rows: int, page_size: int, full_pages: int | None) -> int:
        """Estimate the requests of a walk: as many as the last one, since the tool decides on its pages."""
        return max(1, full_pages or 1)

    def is_whole(self, filters: Mapping[str, str]) -> bool:
        """Tell whether a walk with these filters serves every record: they only name the definition."""
        return True

    @property
    def filters(self) -> Mapping[str, str]:
        """Filters of a walk: one of another definition listed other records, or by other keys."""
        return {"definition": self.fingerprint}

    @property
    def may_list_twice(self) -> bool:
        """Tell whether several rows of the mirror can list a record under one key."""
        return self.for_each is not None and self.for_each.key_part not in self.key

    def covers(self, integration_id: str) -> bool:
        """Tell whether it is mirrored for that integration."""
        return any(fnmatchcase(integration_id, glob) for glob in self.integrations)
