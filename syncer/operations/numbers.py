"""Numbers for monitoring, read from the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncer.app import App
from syncer.domain.deliveries.delivery import DeliveryHealth
from syncer.operations.deliveries import report_deliveries
from syncer.store.reading.numbers import MirrorNumbers
from syncer.store.reading.numbers import read_numbers as read_mirror
from syncer.store.schema import migrate as schema
from syncer.sync.permits import fingerprint

#: States of a delivery whose receiver does not get what it should.
_STUCK = frozenset({DeliveryHealth.FAILING, DeliveryHealth.STOPPED})


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers of the mirror, and whether each delivery is stuck, by its name."""

    mirror: MirrorNumbers
    stuck: Mapping[str, bool]


def read_numbers(app: App) -> Numbers | None:
    """Read the numbers; None where the schema is not this version's. Raises DatabaseError."""
    environment, key = app.streams.environment, app.api_key
    with app.database.read() as connection:
        if not schema.is_current(connection):
            return None
        mirror = read_mirror(
            connection, app.database.now(connection), {environment: fingerprint(key) if key else None}
        )
        deliveries = report_deliveries(connection, app)
    return Numbers(mirror, {each["name"]: each["state"] in _STUCK for each in deliveries})
