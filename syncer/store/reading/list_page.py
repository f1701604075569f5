"""Pages of a list as the gateway serves them: rows of one list and integration, ordered by id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Literal

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Select,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
)

from syncer.domain.gateway.column_filters import ColumnFilter
from syncer.domain.gateway.list_query import ListQuery
from syncer.domain.limits import LARGE_PAGE_BYTES
from syncer.domain.stream_key import StreamKey
from syncer.store.db.in_values import in_parameter, parameter_values
from syncer.store.db.json_bytes import JSON_BYTES
from syncer.store.reading.changed_records import ChangedRecords, changed_since
from syncer.store.reading.list_rows import ListRows, list_rows
from syncer.store.schema.mirror_tables import MIRROR

#: Most rows of a list that has no pages.
MOST_WITHOUT_PAGES: Final = 10_000
#: Rows that are fetched at once: where they are large not all are.
_FETCHED_AT_ONCE: Final = 64


class ListedRow(Struct, frozen=True):
    """Row of a page. document: JSON text. deleted_at: as the row says, which its document need not."""

    id: str
    document: bytes
    mirrored_at: datetime
    deleted_at: datetime | None


class RowPage(Struct, frozen=True):
    """Rows of a page; has_more: others follow."""

    rows: Sequence[ListedRow]
    has_more: bool


class RowsWanted(Struct, frozen=True):
    """Question for the rows of a page.

    environment, key: of the list. after: id behind which they are; empty for the first page. changed: of
    these alone; None: of all.
    """

    environment: str
    key: StreamKey
    query: ListQuery
    after: str = ""
    changed: ChangedRecords | None = None

    @property
    def most(self) -> int:
        """Most rows of the page."""
        return self.query.page_size or MOST_WITHOUT_PAGES

    def parameters(self) -> dict[str, Any]:
        """Give the values of the statement's parameters."""
        values: dict[str, Any] = {
            "environment": self.environment,
            "integration": self.key.integration_id,
            "after": self.after,
            "most": self.most + 1,
        }
        if self.changed is not None:
            values |= {"moment": self.changed.moment, "since": self.changed.since}
            named = self.changed.ids if self.changed.ids is not None else self.changed.carriers
            values["named"] = parameter_values(named or ())
        for name, ids in (("ids", self.query.ids), ("remote_ids", self.query.remote_ids)):
            if ids is not None:
                values[name] = parameter_values(ids)
        for number, each in enumerate(self.query.filters):
            value = each.moment if each.moment is not None else parameter_values(each.values)
            values[f"filter_{number}"] = value
        return values


class _Shape(Struct, frozen=True):
    """All that the text of a statement depends on. name: of the list. filters: without their values."""

    name: str
    sqlite: bool
    changed: Literal["any", "named", "written"]
    include_deleted: bool
    ids: bool
    remote_ids: bool
    filters: tuple[tuple[str, str, str | None, str | None], ...]


def read_row_page(connection: Connection, wanted: RowsWanted) -> RowPage:
    """Read the rows of a page; fewer than there is room for where they are large."""
    sqlite = connection.dialect.name == "sqlite"
    rows = list[ListedRow]()
    length = 0
    with connection.execute(_statement(_shape(wanted, sqlite)), wanted.parameters()) as result:
        for some in result.partitions(_FETCHED_AT_ONCE):
            for id, document, mirrored_at, deleted_at in some:
                is_full = len(rows) == wanted.most or document is None
                if is_full or (rows and length + len(document) > LARGE_PAGE_BYTES):
                    return RowPage(rows, has_more=True)
                rows.append(ListedRow(id, document, mirrored_at, deleted_at))
                length += len(document)
    return RowPage(rows, has_more=False)


def _shape(wanted: RowsWanted, sqlite: bool) -> _Shape:
    query = wanted.query
    return _Shape(
        wanted.key.model,
        sqlite,
        _choice(wanted.changed),
        query.include_deleted,
        query.ids is not None,
        query.remote_ids is not None,
        tuple(map(_filter_shape, query.filters)),
    )


def _choice(changed: ChangedRecords | None) -> Literal["any", "named", "written"]:
    """Choose how rows are found: by their ids, or by their times and the ids of the others."""
    if changed is None or changed.carriers is None:
        return "any"
    return "written" if changed.ids is None else "named"


def _filter_shape(each: ColumnFilter) -> tuple[str, str, str | None, str | None]:
    if each.link is None:
        return each.column, each.comparison, None, None
    return each.column, each.comparison, each.link.table, each.link.owner


@lru_cache(maxsize=512)
def _statement(shape: _Shape) -> Select[Any]:
    listed = list_rows(shape.name, sqlite=shape.sqlite)
    columns = listed.table.c
    chosen = (
        select(
            listed.id.label("id"),
            # As bytes: to decode them and encode them again takes as long as all the rest of a row.
            cast(columns.document, LargeBinary) if shape.sqlite else columns.document,
            columns.mirrored_at,
            columns.remote_deleted_at,
        )
        .where(
            *listed.of_integration,
            listed.id > bindparam("after"),
            *_conditions(shape, listed),
        )
        .order_by(listed.id)
        .limit(bindparam("most"))
    )
    if shape.sqlite:
        # Rows come one by one here, and the reader stops in time.
        return chosen
    rows = chosen.subquery()
    # Behind a sum of their sizes documents stay where they are: the driver would have all in memory.
    before = func.sum(func.pg_column_size(rows.c.document)).over(order_by=rows.c.id, rows=(None, -1))
    document = case((func.coalesce(before, 0) <= LARGE_PAGE_BYTES, rows.c.document))
    page = select(rows.c.id, document, rows.c.mirrored_at, rows.c.remote_deleted_at).order_by(rows.c.id)
    return page.execution_options(**{JSON_BYTES: True})


def _conditions(shape: _Shape, listed: ListRows) -> Iterator[ColumnElement[bool]]:
    columns = listed.table.c
    if not shape.include_deleted:
        yield columns.remote_deleted_at.is_(None)
    if shape.changed != "any":
        named = in_parameter(listed.id, "named", sqlite=shape.sqlite)
        yield named if shape.changed == "named" else or_(changed_since(listed), named)
    if shape.ids:
        yield in_parameter(listed.id, "ids", sqlite=shape.sqlite)
    if shape.remote_ids:
        yield in_parameter(listed.remote_id, "remote_ids", sqlite=shape.sqlite)
    for number, (name, comparison, link, owner) in enumerate(shape.filters):
        parameter = f"filter_{number}"
        if link is not None and owner is not None:
            pairs = MIRROR[link].c
            linked = select(pairs[owner]).where(in_parameter(pairs[name], parameter, sqlite=shape.sqlite))
            yield listed.id.in_(linked)
        elif comparison == "one_of":
            yield in_parameter(columns[name], parameter, sqlite=shape.sqlite)
        elif comparison == "after":
            yield columns[name] > bindparam(parameter)
        else:
            yield columns[name] < bindparam(parameter)
