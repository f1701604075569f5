"""One change of the feed, and its JSON, which is the same wherever the feed is read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct


class FeedChange(Struct, frozen=True):
    """Change of one record, as the feed tells it.

    members: names of the members that changed; None for a record that was created. before: JSON text of their
    former values; None where these are not kept. document: JSON text of the record as the mirror holds it
    now, and deleted: whether it is marked deleted now; None where it holds none, or where documents were not
    asked for.
    """

    sequence: int
    at: datetime
    environment: str
    integration_id: str
    model: str
    record_id: str
    operation: str
    members: tuple[str, ...] | None
    before: str | None = None
    document: str | None = None
    deleted: bool | None = None

    def value(self, *, documents: bool = False) -> dict[str, Any]:
        """Give the members of its JSON object; documents: with document and deleted, null where unknown."""
        value: dict[str, Any] = {
            "sequence": self.sequence,
            "at": self.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "environment": self.environment,
            "integration_id": self.integration_id,
            "model": self.model,
            "record_id": self.record_id,
            "operation": self.operation,
            "members": self.members,
            "before": _raw(self.before),
        }
        if documents:
            value["deleted"] = self.deleted
            value["document"] = _raw(self.document)
        return value

    def json(self, *, documents: bool = False) -> bytes:
        """Encode it as JSON without line breaks."""
        return msgspec.json.encode(self.value(documents=documents))


class Lost(Struct, frozen=True):
    """Changes that a reader will never see: those behind `after` and before `first`, the first left."""

    after: int
    first: int

    def value(self) -> dict[str, int]:
        """Give the members of its JSON object."""
        return {"after": self.after, "first": self.first}


def _raw(text: str | None) -> msgspec.Raw | None:
    # As it is: to decode and encode it again would change numbers.
    return None if text is None else msgspec.Raw(text.encode())
