"""A list of a tool's own API that the configuration asks to mirror: what to send, how to read the answers.

It stands beside the models of the catalogue: a stream of it has the same walks and the same bookkeeping, only
its pages come through Kombo's passthrough and its rows are kept as documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from typing import ClassVar, Literal

from syncer.domain.catalogue.model import Child, Column, Features, Link
from syncer.domain.fingerprint import fingerprint_of
from syncer.domain.native.call import Call

Style = Literal["none", "cursor", "offset", "page", "link"]
Format = Literal["json", "xml", "csv"]


@dataclass(frozen=True, slots=True)
class Paging:
    """How one request follows another.

    param: what carries the place; by ``within`` a query parameter, or a dotted path into the data of the
    call, or the text ``{param}`` in data that is a string. next: JMESPath from the answer to the next cursor
    or address; a link without it is in the header Link. first: the first offset or page number. size: records
    of a full page, where a shorter one is the last. total: JMESPath from the answer to the number of all
    records or of all pages.
    """

    style: Style = "none"
    param: str = ""
    within: Literal["params", "data"] = "params"
    next: str | None = None
    first: int | None = None
    size: int | None = None
    total: str | None = None

    @property
    def start(self) -> int:
        """The first offset or page number."""
        if self.first is not None:
            return self.first
        return 1 if self.style == "page" else 0


@dataclass(frozen=True, slots=True)
class ForEach:
    """One list for each row of the mirror.

    table and column say which value of which row; ``{param}`` is where it stands in the call. Where it stands
    nowhere the value is the query parameter ``param``. skip: statuses of the tool by which a row has no list.
    """

    table: str
    param: str
    column: str
    skip: frozenset[int] = frozenset()

    @property
    def key_part(self) -> str:
        """What stands for the row's value among the parts of a key."""
        return f"for_each.{self.param}"


@dataclass(frozen=True, eq=False)
class NativeListSpec:
    """One list of a tool's own API, and how its answers become rows.

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
    page: Paging = Paging()
    for_each: ForEach | None = None
    columns: tuple[Column, ...] = ()
    format: Format = "json"

    # What code that is driven by models asks of one.
    webhook_name: ClassVar[str | None] = None
    links: ClassVar[tuple[Link, ...]] = ()
    children: ClassVar[tuple[Child, ...]] = ()
    features: ClassVar[Features] = Features(
        updated_after=False, include_deleted=False, ids=False, remote_ids=False
    )

    @cached_property
    def fingerprint(self) -> str:
        """Of all that decides which records are listed under which keys."""
        call, each = self.call, self.for_each
        parts = (
            [call.api, call.method, call.path, dict(call.params), dict(call.headers), call.data],
            [dict(call.options), call.wants_base64],
            [self.records, self.key, self.format],
            [getattr(self.page, member) for member in Paging.__slots__],
            each and [each.table, each.param, each.column, sorted(each.skip)],
        )
        return fingerprint_of(parts)

    @cached_property
    def columns_fingerprint(self) -> str:
        """Of all that decides on the values of the columns."""
        return fingerprint_of([[column.name, column.type, column.source] for column in self.columns])

    def is_whole(self, filters: Mapping[str, str]) -> bool:
        """Whether a walk with these filters serves every record: they only name the definition."""
        return True

    @property
    def filters(self) -> Mapping[str, str]:
        """What a walk is marked with: one of another definition listed other records, or by other keys."""
        return {"definition": self.fingerprint}

    @property
    def may_repeat(self) -> bool:
        """Whether several rows of the mirror can list a record under one key."""
        return self.for_each is not None and self.for_each.key_part not in self.key

    def covers(self, integration_id: str) -> bool:
        """Whether it is mirrored for that integration."""
        return any(fnmatchcase(integration_id, glob) for glob in self.integrations)
