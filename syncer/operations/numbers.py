"""Numbers for monitoring, read from the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from syncer.app import App
from syncer.domain.deliveries.delivery import DeliveryHealth
from syncer.operations.deliveries import report_deliveries
from syncer.operations.unknown_lists import find_unknown_models
from syncer.operations.workers import depths
from syncer.store.queue.depth import QueueDepth
from syncer.store.reading.numbers import MirrorNumbers
from syncer.store.reading.numbers import read_numbers as read_mirror
from syncer.store.schema import revisions as schema
from syncer.store.state.verifications import VerificationNumbers, verification_numbers

#: States of a delivery whose receiver does not get what it should.
_STUCK = frozenset({DeliveryHealth.FAILING, DeliveryHealth.STOPPED})


class Numbers(Struct, frozen=True):
    """Numbers of the mirror, and whether each delivery is stuck, by its name.

    queues: depths by environment, where workers take their streams from a queue. verifications: the last
    ones, summed up by environment. unknown_models: names of lists that Kombo told of and nobody here knows.
    """

    mirror: MirrorNumbers
    stuck: Mapping[str, bool]
    queues: Mapping[str, QueueDepth] = field(default_factory=dict)
    verifications: Mapping[str, VerificationNumbers] = field(default_factory=dict)
    unknown_models: Sequence[str] = ()


def read_numbers(app: App) -> Numbers | None:
    """Read the numbers; None where the schema is of an older version. Raises DatabaseError."""
    fingerprints = {name: each.key_fingerprint for name, each in app.environments.items()}
    with app.database.read() as connection:
        if not schema.is_current(connection) and schema.newer_revision(connection) is None:
            return None
        mirror = read_mirror(connection, app.database.now(connection), fingerprints)
        deliveries = report_deliveries(connection, app)
        queues = depths(connection, app, app.environments)
        verifications = verification_numbers(connection, list(app.environments))
        unknown = find_unknown_models(connection, app, app.environments)
    stuck = {each["name"]: each["state"] in _STUCK for each in deliveries}
    return Numbers(mirror, stuck, queues, verifications, unknown)
