"""Messages of a delivery, as Standard Webhooks has them: body, id and signature. Pure.

Source: github.com/standard-webhooks/standard-webhooks, "spec/standard-webhooks.md".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from standardwebhooks.webhooks import Webhook

from syncer.domain.deliveries.delivery import Delivery
from syncer.domain.feed.feed_change import FeedChange, Lost
from syncer.domain.fingerprint import fingerprint_of


class MessageType(StrEnum):
    """Type of a message, by which a receiver tells what is in its data."""

    #: Changes, in the order of the feed.
    CHANGED = "mirror.changed"
    #: Changes that were never sent are no longer in the feed: the receiver has to read the tables again.
    LOST = "mirror.lost"
    #: Nothing but a sign of life, sent by a person.
    TEST = "mirror.test"


@dataclass(frozen=True, slots=True)
class Message:
    """Message to a receiver. id: the same in each attempt, by which a receiver knows it again."""

    id: str
    body: str = field(repr=False)


def changed_message(
    delivery: Delivery, nonce: str, changes: Sequence[FeedChange], *, after: int, until: int
) -> Message:
    """Make the message with the changes that the receiver wants of those after a number until another.

    nonce: chosen once for each batch. changes: at least one.
    """
    told = [each.value(documents=delivery.documents) for each in changes]
    data = {"delivery": delivery.name, "changes": told, "after": after, "next": until}
    # With other settings the same numbers are another batch, not to be taken for the one that was sent.
    wants = fingerprint_of([sorted(delivery.models), *delivery.integrations, delivery.documents])
    return Message(f"msg_{nonce}_{wants[:8]}", _body(MessageType.CHANGED, told[-1]["at"], data))


def lost_message(delivery: Delivery, lost: Lost, at: str) -> Message:
    """Make the message that changes are lost."""
    data = {"delivery": delivery.name, **lost.value(), "next": lost.first - 1}
    return Message(f"msg_lost_{lost.after}_{lost.first}", _body(MessageType.LOST, at, data))


def trial_message(delivery: Delivery, nonce: str, at: str) -> Message:
    """Make a message that says nothing."""
    return Message(f"msg_{nonce}", _body(MessageType.TEST, at, {"delivery": delivery.name}))


def sign(message: Message, secret: str, at: datetime) -> dict[str, str]:
    """Make the headers of a message that is sent at a time in UTC."""
    return {
        "content-type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message.id, at, message.body),
    }


def _body(kind: MessageType, at: str, data: Mapping[str, Any]) -> str:
    return msgspec.json.encode({"type": kind, "timestamp": at, "data": data}).decode()
