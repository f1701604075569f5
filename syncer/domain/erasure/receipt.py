"""Receipt of an erasure: what is kept of it, without a personal value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct


class Receipt(Struct, frozen=True):
    """Receipt of an erasure.

    model: the record's model or native list. is_alone: what is about the record was left. reason: the words
    of whoever erased it. erased: rows that left each table, by its name; changes of the feed that lost
    former values. mentioned: rows that stay and lost what they said of the record. finished_at: when no copy
    was left anywhere; None: that is under way. undone_at: since when it may be read again.
    """

    id: str
    at: datetime
    environment: str
    integration_id: str
    model: str
    is_alone: bool
    reason: str | None
    erased: Mapping[str, int]
    mentioned: Mapping[str, int]
    finished_at: datetime | None = None
    undone_at: datetime | None = None

    @property
    def state(self) -> str:
        """State in a word: under way, finished or undone."""
        if self.undone_at is not None:
            return "undone"
        return "under way" if self.finished_at is None else "finished"

    def value(self) -> dict[str, Any]:
        """Give the members of its JSON object."""
        return {
            "receipt": self.id,
            "at": _moment(self.at),
            "state": self.state,
            "environment": self.environment,
            "integration": self.integration_id,
            "model": self.model,
            "only": self.is_alone,
            "reason": self.reason,
            "erased": dict(self.erased),
            "mentioned": dict(self.mentioned),
            "finished_at": _moment(self.finished_at),
            "undone_at": _moment(self.undone_at),
        }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")
