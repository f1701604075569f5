"""Messages of a delivery, as whoever follows Standard Webhooks reads them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from standardwebhooks.webhooks import Webhook

from syncer.domain.deliveries.delivery import Delivery
from syncer.domain.deliveries.message import Message, changed_message, lost_message, sign, trial_message
from syncer.domain.feed.feed_change import FeedChange, Lost
from tests.support.receivers import SECRET

DELIVERY = Delivery(
    "billing", "https://app.example.com/hooks?token=t0ps3cret", SECRET, frozenset({"hris_employees"})
)
AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
CHANGE = FeedChange(
    7, AT, "default", "tool:one", "hris_employees", "a", "updated", ("salary",), document='{"salary":10.10}'
)


def verified(message: Message) -> Any:
    """Verify as a receiver does, whose clock is right."""
    return Webhook(SECRET).verify(message.body, sign(message, SECRET, datetime.now(UTC)))


def test_a_message_of_changes_is_signed_and_says_where_it_begins_and_ends() -> None:
    message = changed_message(DELIVERY, "n1", [CHANGE], after=5, until=9)
    assert verified(message) == {
        "type": "mirror.changed",
        "timestamp": "2026-03-01T12:00:00.123456Z",
        "data": {
            "delivery": "billing",
            "changes": [json.loads(CHANGE.json())],
            "after": 5,
            "next": 9,
        },
    }
    assert "document" not in message.body


def test_documents_go_along_as_they_are_where_they_are_asked_for() -> None:
    message = changed_message(replace(DELIVERY, documents=True), "n1", [CHANGE], after=6, until=7)
    assert '"document":{"salary":10.10}' in message.body


def test_the_same_batch_is_the_same_message_and_another_one_has_another_id() -> None:
    def of(delivery: Delivery = DELIVERY, nonce: str = "n1") -> Message:
        return changed_message(delivery, nonce, [CHANGE], after=5, until=9)

    assert of() == of()
    others = [
        of(nonce="n2"),
        of(replace(DELIVERY, models=frozenset({"hris_employees", "hris_groups"}))),
        of(replace(DELIVERY, integrations=("tool:*",))),
        of(replace(DELIVERY, documents=True)),
    ]
    assert len({of().id, *(each.id for each in others)}) == 5


def test_what_is_lost_and_a_test_are_messages_of_their_own() -> None:
    lost = lost_message(DELIVERY, Lost(after=5, first=9), "2026-03-01T12:00:00Z")
    assert verified(lost)["type"] == "mirror.lost"
    assert verified(lost)["data"] == {"delivery": "billing", "after": 5, "first": 9, "next": 8}
    assert verified(trial_message(DELIVERY, "n1", "2026-03-01T12:00:00Z")) == {
        "type": "mirror.test",
        "timestamp": "2026-03-01T12:00:00Z",
        "data": {"delivery": "billing"},
    }


def test_neither_secret_nor_address_shows_where_a_delivery_is_shown() -> None:
    assert "t0ps3cret" not in repr(DELIVERY)
    assert SECRET not in repr(DELIVERY)
    assert DELIVERY.host == "app.example.com"
