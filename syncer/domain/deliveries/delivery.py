"""Delivery: which changes go to which receiver, and how it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit


class DeliveryState(StrEnum):
    """State of a delivery that a person or the receiver has chosen."""

    ACTIVE = "active"
    #: By a person, until a person resumes it.
    PAUSED = "paused"
    #: By the receiver, which answered that it is gone; until a person resumes it.
    STOPPED = "stopped"


class DeliveryHealth(StrEnum):
    """State of a delivery as it is reported: with what the service found, and what the configuration says."""

    #: The service has not begun it yet.
    NEW = "new"
    ACTIVE = "active"
    FAILING = "failing"
    PAUSED = "paused"
    STOPPED = "stopped"
    #: The configuration has it no more.
    REMOVED = "removed"

    @property
    def is_well(self) -> bool:
        """True where there is nothing for a person to do."""
        return self in {DeliveryHealth.NEW, DeliveryHealth.ACTIVE, DeliveryHealth.PAUSED}


@dataclass(frozen=True, slots=True)
class Delivery:
    """Delivery as it is configured; it is a consumer of its name.

    secret: as Standard Webhooks writes it, ``whsec_`` and base64. models: names; integrations: globs.
    documents: the record goes with each change.
    """

    name: str
    url: str = field(repr=False)
    secret: str = field(repr=False)
    models: frozenset[str]
    integrations: tuple[str, ...] = ("*",)
    documents: bool = False

    @property
    def host(self) -> str:
        """Host of the receiver, with its port: the rest of an address may be a secret."""
        return urlsplit(self.url).netloc
