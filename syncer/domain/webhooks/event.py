"""Events: the envelope of Kombo's webhooks, and what a mirror takes out of it.

Nothing else leaves the body. Candidates' addresses are in some events, those of customers' staff in most.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct


class EventType(StrEnum):
    """Types of webhooks that Kombo documents."""

    DATA_CHANGED = "data-changed"
    SYNC_FINISHED = "sync-finished"
    INTEGRATION_CREATED = "integration-created"
    INTEGRATION_DELETED = "integration-deleted"
    INTEGRATION_STATE_CHANGED = "integration-state-changed"
    ISSUE_STATUS_CHANGED = "issue-status-changed"
    CONNECTION_FLOW_FAILED = "connection-flow-failed"
    ORDER_RECEIVED = "assessment:order-received"
    INLINE_ORDER_RECEIVED = "inline-assessment:order-received"
    AI_APPLY_APPLICATION = "ai-apply-application-status-updated"
    AI_APPLY_POSTING = "ai-apply-job-posting-status-updated"
    REMOTE_EVENT_RECEIVED = "remote-event-received"


class Ignored(StrEnum):
    """Reason why an event has no effect."""

    NOT_READABLE = "not_readable"
    UNKNOWN_TYPE = "unknown_type"
    NOT_MIRRORED = "not_mirrored"
    NO_EFFECT = "no_effect"


#: What may be kept of a text of the body: ids and names as Kombo makes them, and no person's.
_EVENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_:-]{0,63}")
_INTEGRATION_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}:[A-Za-z0-9_.-]{1,64}")
#: Names of models that are taken from one event; more than Kombo has are none.
MOST_NAMES = 200


class Event(Struct, frozen=True):
    """Content of a webhook, as far as it is used.

    id: Kombo's, or a digest of one that has another form; None: it has none. type: None where it is none that
    is known, and why that is in problem. integration_id: as it came; None: none is named. models: names of
    changed models, sorted; None where the event names none, or one whose form is no name.
    """

    id: str | None = None
    type: EventType | None = None
    problem: Ignored | None = None
    integration_id: str | None = None
    models: tuple[str, ...] | None = None

    @property
    def shown_integration_id(self) -> str | None:
        """Id of the integration where it has the form of one: else it may be any text."""
        found = self.integration_id
        return found if found is not None and _INTEGRATION_ID.fullmatch(found) else None


def parse_event(body: bytes) -> Event:
    """Parse a body, whatever it is."""
    try:
        envelope = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        envelope = None
    if not isinstance(envelope, dict):
        return Event(problem=Ignored.NOT_READABLE)
    event_id, told = _event_id(envelope.get("id")), envelope.get("type")
    event_type = next((each for each in EventType if each == told), None)
    if event_type is None:
        return Event(event_id, problem=Ignored.UNKNOWN_TYPE)
    data = envelope.get("data")
    data = data if isinstance(data, dict) else {}
    return Event(
        event_id,
        event_type,
        integration_id=_integration_id(data, event_type),
        models=_models(data.get("changed_models")),
    )


def _event_id(value: object) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    if _EVENT_ID.fullmatch(value):
        return value
    return "digest:" + blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _integration_id(data: Mapping[str, Any], event_type: EventType) -> str | None:
    """Find the id of the integration, which stands in another place for some types."""
    found: object = data.get("integration_id")
    if event_type in {EventType.INTEGRATION_CREATED, EventType.INTEGRATION_DELETED}:
        found = data.get("id")
    elif event_type is EventType.ISSUE_STATUS_CHANGED:
        integration = data.get("integration")
        found = integration.get("id") if isinstance(integration, dict) else None
    return found if isinstance(found, str) and found and "\0" not in found else None


def _models(value: object) -> tuple[str, ...] | None:
    """Take the names of models; None where there are none, or where one of them cannot be told."""
    if not isinstance(value, list) or not 0 < len(value) <= MOST_NAMES:
        return None
    found = set[str]()
    for each in value:
        name = each.get("name") if isinstance(each, dict) else None
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return None
        found.add(name)
    return tuple(sorted(found))
