"""Store what webhooks told of, and make due what that concerns: one transaction for all that have come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from uuid import uuid4

from sqlalchemy import Connection

from syncer.domain.stream_key import StreamKey
from syncer.domain.webhooks.effects import Effect, Standing, effect_of, told_lists, unknown_models
from syncer.domain.webhooks.event import Event, Ignored
from syncer.environments.environment import Environment
from syncer.store.db.due_channel import notify_due
from syncer.store.state.webhook_events import ACCEPTED, IGNORED, REPEATED


def store_events(environment: Environment, connection: Connection, events: Sequence[Event]) -> list[str]:
    """Store events and their effects; give the outcome of each: accepted, ignored or repeated.

    environment: whose secret has signed them. Other processes are told of it at the commit. Raises
    DatabaseError.
    """
    now, store = environment.database.now(connection), environment.webhook_events
    # An event without an id cannot be told from another one: none is lost for that.
    named = [(each.id or f"own:{uuid4().hex}", each) for each in events]
    known = store.known(connection, [event_id for event_id, _ in named])
    repeats = Counter[str]()
    effects: dict[str, tuple[Event, Effect]] = {}
    context, outcomes = _Context(environment, connection), list[str]()
    for event_id, event in named:
        if event_id in known:
            repeats[event_id] += 1
            outcomes.append(REPEATED)
            continue
        known.add(event_id)
        effect = context.effect_of(event)
        effects[event_id] = event, effect
        outcomes.append(ACCEPTED if effect.ignored is None else IGNORED)
    store.add(connection, effects, now)
    store.count_repeats(connection, repeats)
    store.note_unknown_models(connection, context.unknown_models, now)
    if context.due:
        environment.streams.mark_told(connection, context.due, now=now)
    if context.due or any(effect.action is not None for _, effect in effects.values()):
        notify_due(connection)
    return outcomes


class _Context:
    """Facts that the effects of a transaction's events depend on, read once. due: the streams concerned."""

    def __init__(self, environment: Environment, connection: Connection) -> None:
        self._environment = environment
        self._connection = connection
        self._standings: dict[str, Standing] = {}
        self._mirrored: dict[str, list[str]] = {}
        self.due: dict[StreamKey, None] = {}
        self.unknown_models: set[str] = set()

    def effect_of(self, event: Event) -> Effect:
        """Find the effect of an event, and note the streams that are due for it."""
        shown = event.shown_integration_id or ""
        is_discovered = any(fnmatchcase(shown, glob) for glob in self._environment.settings.webhooks.discover)
        effect = effect_of(event, self._standing(event.integration_id), is_discovered=is_discovered)
        if effect.ignored is not None or effect.action is not None or event.integration_id is None:
            return effect
        told = told_lists(effect.lists, self._lists(event.integration_id))
        if not told:
            return replace(effect, ignored=Ignored.NOT_MIRRORED)
        self.due.update((StreamKey(event.integration_id, name), None) for name in sorted(told))
        self.unknown_models.update(unknown_models(event.models))
        return effect

    def _standing(self, integration_id: str | None) -> Standing:
        if integration_id is None:
            return Standing.UNKNOWN
        if integration_id not in self._standings:
            self._standings[integration_id] = self._environment.integrations.standing(
                self._connection, integration_id
            )
        return self._standings[integration_id]

    def _lists(self, integration_id: str) -> list[str]:
        if integration_id not in self._mirrored:
            self._mirrored[integration_id] = self._environment.streams.lists_of(
                self._connection, integration_id
            )
        return self._mirrored[integration_id]
