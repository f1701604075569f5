"""Short constructors for columns, and the columns that many models share."""

from __future__ import annotations

from collections.abc import Mapping

from syncer.domain.catalogue.model import Column, ColumnType, Embed


def text(name: str, meaning: str, *, at: str = "", sensitive: bool = False) -> Column:
    return _column(name, "text", meaning, at, sensitive)


def boolean(name: str, meaning: str, *, at: str = "", sensitive: bool = False) -> Column:
    return _column(name, "boolean", meaning, at, sensitive)


def integer(name: str, meaning: str, *, at: str = "", sensitive: bool = False) -> Column:
    return _column(name, "integer", meaning, at, sensitive)


def number(name: str, meaning: str, *, at: str = "", sensitive: bool = False) -> Column:
    return _column(name, "number", meaning, at, sensitive)


def date(name: str, meaning: str, *, at: str = "", sensitive: bool = False) -> Column:
    return _column(name, "date", meaning, at, sensitive)


def time(name: str, meaning: str, *, at: str = "", sensitive: bool = False) -> Column:
    return _column(name, "time", meaning, at, sensitive)


def timestamp(name: str, meaning: str, *, at: str = "", sensitive: bool = False) -> Column:
    return _column(name, "timestamp", meaning, at, sensitive)


def json(
    name: str,
    meaning: str,
    *,
    at: str = "",
    sensitive: bool = False,
    embeds: str | Mapping[str, str] = "",
) -> Column:
    """embeds: the table that the value is a copy from, or path inside the value -> table."""
    copies = {"": embeds} if isinstance(embeds, str) else embeds
    return Column(
        name,
        "json",
        meaning,
        path=_path(at),
        sensitive=sensitive,
        embeds=tuple(Embed(table, _path(path)) for path, table in copies.items() if table),
    )


def ref(name: str, table: str, meaning: str, *, at: str = "") -> Column:
    """Describe an id in another table; the row there may be missing."""
    return Column(name, "text", meaning, references=table, path=_path(at))


def _column(name: str, type_: ColumnType, meaning: str, at: str, sensitive: bool) -> Column:
    return Column(name, type_, meaning, path=_path(at), sensitive=sensitive)


def _path(at: str) -> tuple[str, ...]:
    """Split ``employee.id`` into a path; empty stays empty."""
    return tuple(at.split(".")) if at else ()


CHANGED_AT = timestamp("changed_at", "When the entry's own members last changed, says Kombo")
CUSTOM_FIELDS = json(
    "custom_fields", "Fields that the customer has mapped: key to JSON value", sensitive=True
)
INTEGRATION_FIELDS = json(
    "integration_fields", "Single fields switched on in Kombo: key, label, value", sensitive=True
)
REMOTE_CREATED_AT = timestamp("remote_created_at", "When the record was created in the tool, where it tells")
REMOTE_DATA = json(
    "remote_data", "The tool's own answers by endpoint; null unless switched on", sensitive=True
)
REMOTE_DELETED_AT = timestamp("remote_deleted_at", "When Kombo found the entry gone; null while it lives")
REMOTE_UPDATED_AT = timestamp("remote_updated_at", "When the record last changed in the tool, where it tells")
REMOTE_URL = text("remote_url", "Address of the record in the tool's web pages")
