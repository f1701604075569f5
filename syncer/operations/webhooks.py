"""Store what webhooks told of, and then find its effects: make due what it concerns.

Two transactions. The first one is short and waits for nobody, since senders wait for it. The second one
locks streams, which runs do, too, for as long as a page is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from fnmatch import fnmatchcase
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from syncer.domain.catalogue.names import unknown_models
from syncer.domain.stream_key import StreamKey
from syncer.domain.webhooks.effects import (
    Effect,
    Standing,
    effect_of,
    ignored_unseen,
    told_lists,
)
from syncer.domain.webhooks.event import Event, Ignored
from syncer.environments.environment import Environment
from syncer.store.db.due_channel import notify_due
from syncer.store.state.received_events import (
    ACCEPTED,
    APPLY_AT_ONCE,
    IGNORED,
    REPEATED,
    UnappliedEvent,
)
from syncer.store.state.unknown_models import note_unknown_models


class Applied(Struct, frozen=True):
    """Outcome of a look at the events that had no effect yet.

    has_effects: something is due now, or to be done. is_left: some wait for streams that somebody has locked.
    is_more: there are others that were not looked at.
    """

    has_effects: bool = False
    is_left: bool = False
    is_more: bool = False


async def receive_events(environment: Environment, events: Sequence[Event]) -> list[str]:
    """Store events while their senders wait; give the outcome of each as ``store_events`` does.

    Raises DatabaseError.
    """
    database, ids = environment.database, _ids(events)
    named = dict(zip(ids, events, strict=True))
    ignored = _ignored_unseen(named)
    if database.loop_connection is None or _odd(named, ignored):
        return await database.write_urgently(lambda connection: store_events(environment, connection, events))
    stored = {event_id: (event, ignored[event_id]) for event_id, event in named.items()}
    new = await environment.webhook_events.add_in_loop(
        database.loop_connection, stored, Counter(ids), database.clock_offset
    )
    return _outcomes(ids, ignored, new)


def store_events(environment: Environment, connection: Connection, events: Sequence[Event]) -> list[str]:
    """Store events; give the outcome of each: accepted, ignored or repeated.

    environment: whose secret has signed them. What is accepted has its effect by ``apply_events``. Raises
    DatabaseError.
    """
    ids = _ids(events)
    named = dict(zip(ids, events, strict=True))
    ignored = _ignored(environment, connection, named)
    moment = environment.database.moment(connection)
    stored = {event_id: (event, ignored[event_id]) for event_id, event in named.items()}
    new = environment.webhook_events.add(connection, stored, Counter(ids), moment)
    return _outcomes(ids, ignored, new)


def _ids(events: Sequence[Event]) -> list[str]:
    """Give an id to each."""
    # An event without an id cannot be told from another one: none is lost for that.
    return [each.id or f"own:{uuid4().hex}" for each in events]


def _outcomes(ids: Sequence[str], ignored: Mapping[str, Ignored | None], new: AbstractSet[str]) -> list[str]:
    """Tell what became of each: of those that came more than once now, the first one may be new."""
    left, outcomes = set(new), list[str]()
    for event_id in ids:
        if event_id in left:
            outcomes.append(ACCEPTED if ignored[event_id] is None else IGNORED)
        else:
            outcomes.append(REPEATED)
        left.discard(event_id)
    return outcomes


def _ignored(
    environment: Environment, connection: Connection, events: Mapping[str, Event]
) -> dict[str, Ignored | None]:
    """Find the events that have no effect, by id: of an odd integration's it is looked up at once."""
    found = _ignored_unseen(events)
    if odd := _odd(events, found):
        standings = environment.integrations.standings(connection, set(odd.values()))
        for event_id, integration_id in odd.items():
            if standings[integration_id] is not Standing.MIRRORED:
                found[event_id] = Ignored.NOT_MIRRORED
    return found


def _ignored_unseen(events: Mapping[str, Event]) -> dict[str, Ignored | None]:
    """Find the events that have no effect, by id, as far as that can be told without the database."""
    return {event_id: ignored_unseen(event) for event_id, event in events.items()}


def _odd(events: Mapping[str, Event], ignored: Mapping[str, Ignored | None]) -> dict[str, str]:
    """Find the ids of integrations that have not the form of one, by event: no such text is kept unseen."""
    return {
        event_id: event.integration_id
        for event_id, event in events.items()
        if ignored[event_id] is None and event.integration_id and event.shown_integration_id is None
    }


def apply_events(environment: Environment, connection: Connection, *, waits: bool) -> Applied:
    """Find the effects of events that have none yet: make their streams due, and tell other processes so.

    An event is left while a run has one of its streams locked. waits: for those of the event that came first,
    and so keeps no other stream's run waiting meanwhile. Whoever has its streams locked is alone with an
    event, so that it has its effect once. Raises DatabaseError.
    """
    store, streams = environment.webhook_events, environment.streams
    found = store.unapplied(connection)
    if not found:
        return Applied()
    all_decided = _decide(environment, connection, found)
    now = environment.database.now(connection)
    first = all_decided[0].keys if waits else frozenset()
    others = {key for each in all_decided for key in each.keys} - first
    locked = streams.lock(connection, first, waits=True) | streams.lock(connection, others, waits=False)
    free = [each for each in all_decided if each.keys <= locked]
    # Another process may have been there before the streams were ours.
    still = store.still_unapplied(connection, [each.unapplied.id for each in free])
    decided = [each for each in free if each.unapplied.id in still]
    told = dict[StreamKey, datetime]()
    for each in decided:
        for key in each.keys:
            told[key] = min(each.unapplied.arrived_at, told.get(key, each.unapplied.arrived_at))
    streams.mark_told(connection, told, now=now)
    store.settle(
        connection, {each.unapplied.id: (each.unapplied.event, each.effect) for each in decided}, now
    )
    names = {
        name
        for each in decided
        if each.keys
        for name in unknown_models(each.unapplied.event.models, store.added)
    }
    note_unknown_models(connection, environment.name, names, now)
    has_effects = bool(told) or any(each.effect.action is not None for each in decided)
    if has_effects:
        notify_due(environment.database, connection)
    return Applied(
        has_effects,
        is_left=len(free) < len(all_decided),
        is_more=bool(free) and len(found) == APPLY_AT_ONCE,
    )


class _Decided(Struct, frozen=True):
    """Event, its effect, and the streams that are due for it."""

    unapplied: UnappliedEvent
    effect: Effect
    keys: frozenset[StreamKey] = frozenset()


def _decide(
    environment: Environment, connection: Connection, found: Sequence[UnappliedEvent]
) -> list[_Decided]:
    """Decide the effects of events by what is mirrored now."""
    ids = {each.event.integration_id for each in found if each.event.integration_id is not None}
    standings = environment.integrations.standings(connection, ids)
    lists = environment.streams.lists_of(connection, ids)
    globs, decided = environment.settings.webhooks.discover, list[_Decided]()
    added = environment.webhook_events.added
    for each in found:
        integration_id = each.event.integration_id or ""
        is_discovered = any(fnmatchcase(integration_id, glob) for glob in globs)
        standing = standings.get(integration_id, Standing.UNKNOWN)
        effect = effect_of(each.event, standing, is_discovered=is_discovered, added=added)
        keys = frozenset[StreamKey]()
        if effect.ignored is None and effect.action is None:
            told = told_lists(effect.lists, lists[integration_id], added)
            keys = frozenset(StreamKey(integration_id, name) for name in told)
            effect = effect if keys else replace(effect, ignored=Ignored.NOT_MIRRORED)
        decided.append(_Decided(each, effect, keys))
    return decided
