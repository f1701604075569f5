"""Meanings of the views, and the statement that creates each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from sqlalchemy import BigInteger, Column

from syncer.store.schema.mirror_tables import CONTENT_HASH, MIRROR, streams
from syncer.store.schema.views import FRESHNESS, live_name


class _HasName(Protocol):
    @property
    def name(self) -> str: ...


_Named = TypeVar("_Named", bound=_HasName)

FRESHNESS_MEANING = "One row per stream that is mirrored: how complete and how fresh it is"

_LAG = {
    "sqlite": "CAST(round((julianday('now') - julianday(s.complete_at)) * 86400) AS INTEGER)",
    "postgresql": "CAST(EXTRACT(EPOCH FROM clock_timestamp() - s.complete_at) AS BIGINT)",
}
#: Column of the view, column of the stream's row behind it, meaning where it is not that column's.
_FRESHNESS_COLUMNS: tuple[tuple[str, str | None, str | None], ...] = (
    ("integration_id", "integration_id", None),
    ("model", "model", "The model: name of its mirror table"),
    ("state", "state", None),
    (
        "complete_as_of",
        "watermark",
        "By Kombo's clock: what changed until then is in the mirror; null until a first walk has ended",
    ),
    ("last_full_walk_at", "last_full_walk_at", None),
    ("last_run_at", "last_run_at", None),
    ("last_outcome", "last_outcome", None),
    ("last_error", "last_error", None),
    ("rows_live", "rows_live", None),
    ("rows_deleted", "rows_deleted", None),
    (
        "lag_seconds",
        None,
        "Seconds since the last complete walk began, by the database's clock; null until there is one",
    ),
)


def live_columns(columns: Iterable[_Named]) -> tuple[_Named, ...]:
    """Choose the columns of a mirror table that its live view shows: all but the hash, which is ours."""
    return tuple(column for column in columns if column.name != CONTENT_HASH[0])


def live_statement(table: str) -> str:
    """Write the statement that creates this view."""
    shown = ", ".join(f'"{column.name}"' for column in live_columns(MIRROR[table].columns))
    return f"CREATE VIEW {live_name(table)} AS\nSELECT {shown}\nFROM {table} WHERE remote_deleted_at IS NULL"


def freshness_columns() -> list[Column[Any]]:
    """List the columns of ``mirror_freshness`` with their meanings as comments."""
    found: list[Column[Any]] = []
    for name, source, meaning in _FRESHNESS_COLUMNS:
        behind = Column(name, BigInteger) if source is None else streams.c[source]
        found.append(
            Column(
                name,
                behind.type,
                nullable=behind.nullable,
                primary_key=behind.primary_key,
                comment=meaning or behind.comment,
            )
        )
    return found


def freshness_statement(dialect: str) -> str:
    """Write the statement that creates ``mirror_freshness``."""
    shown = ",\n       ".join(
        f"{_LAG[dialect]} AS {name}"
        if source is None
        else f"s.{source}"
        if source == name
        else f"s.{source} AS {name}"
        for name, source, _ in _FRESHNESS_COLUMNS
    )
    return f"CREATE VIEW {FRESHNESS} AS\nSELECT {shown}\nFROM {streams.name} s\nWHERE s.mirrored"
