"""Views over the bookkeeping, as migrations make them, with the meanings of their columns."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from sqlalchemy import BigInteger, Column, Table

from syncer.store.schema.state_tables import integrations, streams

FRESHNESS = "mirror_freshness"
INTEGRATIONS = "mirror_integrations"

_LAG = {
    "sqlite": "CAST(round((julianday('now') - julianday(s.complete_at)) * 86400) AS INTEGER)",
    "postgresql": "CAST(EXTRACT(EPOCH FROM clock_timestamp() - s.complete_at) AS BIGINT)",
}
_STATE = "CASE WHEN i.removed_at IS NULL THEN i.state ELSE 'removed' END"


class ShownColumn(Struct, frozen=True):
    """Column of a view.

    source: column of the table behind it. meaning: where it is not that column's. expressions: by dialect,
    where it is computed.
    """

    name: str
    source: str | None = None
    meaning: str | None = None
    expressions: dict[str, str] | None = None


class StateView(Struct, frozen=True):
    """View of one table's rows; alias: of the table in its statement."""

    name: str
    meaning: str
    table: Table
    alias: str
    shown: tuple[ShownColumn, ...]
    where: str = ""

    def columns(self) -> list[Column[Any]]:
        """List the columns with their meanings as comments."""
        found: list[Column[Any]] = []
        for each in self.shown:
            behind = Column(each.name, BigInteger) if each.source is None else self.table.c[each.source]
            found.append(
                Column(
                    each.name,
                    behind.type,
                    nullable=behind.nullable,
                    primary_key=behind.primary_key,
                    comment=each.meaning or behind.comment,
                )
            )
        return found

    def statement(self, dialect: str) -> str:
        """Write the statement that creates it."""
        shown = []
        for each in self.shown:
            value = each.expressions[dialect] if each.expressions else f"{self.alias}.{each.source}"
            shown.append(value if value == f"{self.alias}.{each.name}" else f"{value} AS {each.name}")
        selected = ",\n       ".join(shown)
        return (
            f"CREATE VIEW {self.name} AS\nSELECT {selected}\nFROM {self.table.name} {self.alias}{self.where}"
        )


STATE_VIEWS = (
    StateView(
        FRESHNESS,
        "One row per stream that is mirrored: how complete and how fresh it is",
        streams,
        "s",
        (
            ShownColumn("integration_id", "integration_id"),
            ShownColumn("model", "model", "The model: name of its mirror table"),
            ShownColumn("state", "state"),
            ShownColumn(
                "complete_as_of",
                "watermark",
                "By Kombo's clock: what changed until then is in the mirror;"
                " null until a first walk has ended",
            ),
            ShownColumn("last_full_walk_at", "last_full_walk_at"),
            ShownColumn("last_run_at", "last_run_at"),
            ShownColumn("last_outcome", "last_outcome"),
            ShownColumn("last_error", "last_error"),
            ShownColumn("rows_live", "rows_live"),
            ShownColumn("rows_deleted", "rows_deleted"),
            ShownColumn(
                "lag_seconds",
                None,
                "Seconds since the last complete walk began, by the database's clock;"
                " null until there is one",
                _LAG,
            ),
            ShownColumn("environment", "environment"),
        ),
        where="\nWHERE s.mirrored",
    ),
    StateView(
        INTEGRATIONS,
        "One row per integration, also of those that are mirrored no more and whose rows are still there",
        integrations,
        "i",
        (
            ShownColumn("integration_id", "id", "Id of the integration at Kombo"),
            ShownColumn("environment", "environment"),
            ShownColumn("tool", "tool"),
            ShownColumn("organisation", "organisation"),
            ShownColumn("origin_id", "origin_id"),
            ShownColumn(
                "state",
                "state",
                "State: ready, waiting, gone, or removed (not mirrored any more); null while unknown",
                {"sqlite": _STATE, "postgresql": _STATE},
            ),
        ),
    ),
)
