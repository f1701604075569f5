"""Query of a list request: its parameters read and checked, or why only Kombo can answer it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

from msgspec import Struct

from syncer.domain.catalogue.model import Model
from syncer.domain.gateway.column_filters import ColumnFilter, column_filter
from syncer.domain.gateway.kombo_words import (
    DEFAULT_PAGE_SIZE,
    read_boolean,
    read_moment,
    read_page_size,
)
from syncer.domain.records.exclude import Excluded

#: Parameters by which the pages of one walk may differ.
_OF_A_PAGE: Final = frozenset({"cursor", "page_size"})


class OnlyKombo(Exception):
    """Only Kombo can answer the request; the message is the reason, without a value of the request."""


class ListQuery(Struct, frozen=True):
    """Parameters of a list request.

    page_size: None where the list comes in one piece. cursor: still opaque here. ids, remote_ids: None where
    any will do. filters: the model's own. fingerprint: of all that a walk has to repeat with every page.
    """

    fingerprint: str
    page_size: int | None = DEFAULT_PAGE_SIZE
    cursor: str | None = None
    updated_after: datetime | None = None
    include_deleted: bool = False
    ids: tuple[str, ...] | None = None
    remote_ids: tuple[str, ...] | None = None
    filters: tuple[ColumnFilter, ...] = ()


def read_list_query(
    model: Model, integration_id: str, query: Sequence[tuple[str, str]], excluded: Excluded | None = None
) -> ListQuery:
    """Read the query of a list request in the order in which Kombo checks it.

    excluded: what the mirror does not hold of the model's records as it is. Raises InvalidInput in Kombo's
    words; OnlyKombo for what the mirror has no column for, or that nobody knows.
    """
    given = dict(query)
    _check_known(model, query, given)
    features = model.features
    filters: list[ColumnFilter] = []
    for each in model.filters:
        if each.name in given:
            found = column_filter(model, each)
            if found is None or (excluded is not None and excluded.hides(found.source)):
                raise OnlyKombo(f"the mirror has no column that answers the filter {each.name} exactly")
            filters.append(found.with_value(given[each.name]))
    if (
        read_boolean("ignore_unsupported_filters", given.get("ignore_unsupported_filters", "false"))
        and filters
    ):
        raise OnlyKombo("only Kombo knows which filters the tool does not support")
    values: dict[str, Any] = {}
    if features.paging:
        values["page_size"] = read_page_size("page_size", given.get("page_size", str(DEFAULT_PAGE_SIZE)))
    else:
        values["page_size"] = None
    values["cursor"] = given.get("cursor")
    if "updated_after" in given:
        values["updated_after"] = read_moment("updated_after", given["updated_after"])
    values["include_deleted"] = read_boolean("include_deleted", given.get("include_deleted", "false"))
    for name in ("ids", "remote_ids"):
        if name in given:
            values[name] = tuple(dict.fromkeys(given[name].split(",")))
    if "remote_ids" in given and excluded is not None and excluded.hides(("remote_id",)):
        raise OnlyKombo("the mirror does not hold the remote ids")
    return ListQuery(_fingerprint(model, integration_id, given), filters=tuple(filters), **values)


def known_parameters(model: Model) -> frozenset[str]:
    """List the parameters that a list takes."""
    features = model.features
    return frozenset(each.name for each in model.filters).union(
        ("cursor", "page_size") if features.paging else (),
        ("updated_after",) if features.updated_after else (),
        ("include_deleted", "ignore_unsupported_filters") if features.include_deleted else (),
        ("ids",) if features.ids else (),
        ("remote_ids",) if features.remote_ids else (),
    )


def _check_known(model: Model, query: Sequence[tuple[str, str]], given: Collection[str]) -> None:
    known = known_parameters(model)
    for name, value in query:
        if name not in known:
            raise OnlyKombo("it has a parameter that is not known here")
        if "\0" in value:
            raise OnlyKombo("a value holds a character that no database takes")
    if len(given) < len(query):
        raise OnlyKombo("a parameter is given more than once")


def _fingerprint(model: Model, integration_id: str, given: dict[str, str]) -> str:
    """Hash what has to stay the same from page to page, without giving a value away."""
    same = sorted((name, value) for name, value in given.items() if name not in _OF_A_PAGE)
    return blake2b(repr((model.name, integration_id, same)).encode(), digest_size=9).hexdigest()
