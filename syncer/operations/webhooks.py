"""Store what webhooks told of, and make due what that concerns: one transaction for all that have come."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from uuid import uuid4

from sqlalchemy import Connection

from syncer.app import App
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.stream_key import StreamKey
from syncer.domain.webhooks.effects import Standing, effect_of, told_lists
from syncer.domain.webhooks.event import Event, Ignored
from syncer.store.db.due_channel import notify_due
from syncer.store.state.webhook_events import ACCEPTED, IGNORED, REPEATED


def store_events(app: App, connection: Connection, events: Sequence[Event]) -> list[str]:
    """Store events and their effects; give the outcome of each: accepted, ignored or repeated.

    Others are told of it at the commit. Raises DatabaseError.
    """
    return _Batch(app, connection).store(events)


class _Batch:
    """Events that are stored in one transaction, and what was read for them."""

    def __init__(self, app: App, connection: Connection) -> None:
        self._app = app
        self._connection = connection
        self._now = app.database.now(connection)
        self._standings: dict[str, Standing] = {}
        self._mirrored: dict[str, list[str]] = {}
        self._due: dict[StreamKey, None] = {}
        self._has_actions = False

    def store(self, events: Sequence[Event]) -> list[str]:
        outcomes = [self._store(event) for event in events]
        if self._due:
            self._app.streams.mark_due(self._connection, self._due, now=self._now, purpose=Purpose.WEBHOOK)
        if self._due or self._has_actions:
            notify_due(self._connection)
        return outcomes

    def _store(self, event: Event) -> str:
        store, connection, now = self._app.webhook_events, self._connection, self._now
        is_discovered = any(
            fnmatchcase(event.shown_integration_id or "", glob)
            for glob in self._app.settings.webhooks.discover
        )
        effect = effect_of(event, self._standing(event.integration_id), is_discovered=is_discovered)
        # One of ours is of no use to tell a repeated event, but none is lost either.
        event_id = event.id or f"own:{uuid4().hex}"
        if not store.add(connection, event_id, event, effect, now):
            return REPEATED
        if effect.ignored is not None or event.integration_id is None:
            return IGNORED
        store.note_unknown_models(connection, event, now)
        if effect.action is not None:
            self._has_actions = True
            return ACCEPTED
        told = told_lists(effect.lists, self._lists(event.integration_id))
        if not told:
            store.ignore(connection, event_id, Ignored.NOT_MIRRORED, now)
            return IGNORED
        self._due.update((StreamKey(event.integration_id, name), None) for name in sorted(told))
        return ACCEPTED

    def _standing(self, integration_id: str | None) -> Standing:
        if integration_id is None:
            return Standing.UNKNOWN
        if integration_id not in self._standings:
            self._standings[integration_id] = self._app.integrations.standing(
                self._connection, integration_id
            )
        return self._standings[integration_id]

    def _lists(self, integration_id: str) -> list[str]:
        if integration_id not in self._mirrored:
            self._mirrored[integration_id] = self._app.streams.lists_of(self._connection, integration_id)
        return self._mirrored[integration_id]
