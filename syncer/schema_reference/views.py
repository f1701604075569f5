"""Statements that create the live views."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from syncer.store.schema.mirror_tables import CONTENT_HASH, MIRROR
from syncer.store.schema.views import live_name


class _HasName(Protocol):
    @property
    def name(self) -> str: ...


_Named = TypeVar("_Named", bound=_HasName)


def live_columns(columns: Iterable[_Named]) -> tuple[_Named, ...]:
    """Choose the columns of a mirror table that its live view shows: all but the hash, which is ours."""
    return tuple(column for column in columns if column.name != CONTENT_HASH[0])


def live_statement(table: str) -> str:
    """Write the statement that creates this view."""
    shown = ", ".join(f'"{column.name}"' for column in live_columns(MIRROR[table].columns))
    return f"CREATE VIEW {live_name(table)} AS\nSELECT {shown}\nFROM {table} WHERE remote_deleted_at IS NULL"
