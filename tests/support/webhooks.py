"""Webhooks as Kombo sends them, to a service that runs in the test's own process or elsewhere."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import httpx

from syncer.domain.webhooks.event import parse_event
from syncer.domain.webhooks.signature import SIGNATURE_HEADER, sign
from syncer.environments.environment import Environment
from syncer.operations.webhooks import apply_events, store_events

SECRET = "whsec_only-for-the-tests"
PATH = "/webhooks/kombo"
#: Nobody who sends or is told of has such a name in what is kept.
PERSON = "margarethe.nobody@example.com"
_numbers = count(1)


def event(event_type: str, *, event_id: str | None = None, **data: Any) -> bytes:
    """Make the body of an event, with an id of its own where none is given, and a person in it."""
    person = {"organization_name": "Nobody GmbH", "creator_email": PERSON, "origin_id": None}
    envelope = {
        "id": event_id or f"event-{next(_numbers)}",
        "type": event_type,
        "data": {**data, "end_user": person},
    }
    return json.dumps(envelope).encode()


def data_changed(integration_id: str, *models: str, event_id: str | None = None) -> bytes:
    """Make the event that tells of changed models by the names that Kombo has for them."""
    return event(
        "data-changed",
        event_id=event_id,
        integration_id=integration_id,
        integration_tool=integration_id.partition(":")[0],
        integration_category="HRIS",
        changed_models=[{"name": name} for name in models],
    )


def headers(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """Give the headers of a body that is signed."""
    return {"Content-Type": "application/json", SIGNATURE_HEADER: sign(body, secret)}


async def send(client: httpx.AsyncClient, body: bytes, secret: str = SECRET) -> httpx.Response:
    """Send a signed event."""
    return await client.post(PATH, content=body, headers=headers(body, secret))


def take(environment: Environment, body: bytes) -> list[str]:
    """Store an event and find its effect, as the service does with what is signed; give its outcome."""
    told = [parse_event(body)]
    with environment.database.begin() as connection:
        outcomes = store_events(environment, connection, told)
    with environment.database.begin() as connection:
        apply_events(environment, connection, waits=True)
    return outcomes
