"""Decide the effect of an event: lists to read, something to do about its integration, or nothing. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from functools import cache
from types import MappingProxyType

from msgspec import Struct

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.names import lists_by_name
from syncer.domain.webhooks.event import Event, EventType, Ignored


class Action(StrEnum):
    """Task that an event sets about an integration, for the process that works; kept with the event.

    discover: mirror it from now on. refresh: ask Kombo about it, then read its lists. delete: ask Kombo
    whether it is gone, then do with its rows what is configured.
    """

    DISCOVER = "discover"
    REFRESH = "refresh"
    DELETE = "delete"


class Standing(StrEnum):
    """Standing of an integration in an environment of the mirror.

    removed: it was mirrored until a command removed it. elsewhere: it is in another environment.
    """

    MIRRORED = "mirrored"
    REMOVED = "removed"
    ELSEWHERE = "elsewhere"
    UNKNOWN = "unknown"


class Effect(Struct, frozen=True):
    """Effect of an event.

    lists: names of lists that have news; None: any of the integration's. action: for its integration.
    ignored: why there is no effect.
    """

    lists: frozenset[str] | None = frozenset()
    action: Action | None = None
    ignored: Ignored | None = None


_ACTIONS: Mapping[EventType, Action] = MappingProxyType(
    {
        EventType.INTEGRATION_CREATED: Action.REFRESH,
        EventType.INTEGRATION_STATE_CHANGED: Action.REFRESH,
        EventType.ISSUE_STATUS_CHANGED: Action.REFRESH,
        EventType.INTEGRATION_DELETED: Action.DELETE,
    }
)
#: Kombo has no names of models for orders.
_ORDERS = frozenset({EventType.ORDER_RECEIVED, EventType.INLINE_ORDER_RECEIVED})
_READ = frozenset({EventType.DATA_CHANGED, EventType.SYNC_FINISHED, *_ORDERS})


def effect_of(
    event: Event, standing: Standing, *, is_discovered: bool, added: Collection[str] = ()
) -> Effect:
    """Decide the effect of an event. is_discovered: the configuration wants integrations of such an id.

    added: names of the lists that the configuration adds.

    An integration that is not known is discovered by whatever is told of it first: that it was created may
    have been lost.
    """
    ignored = ignored_unseen(event)
    if ignored is not None or event.type is None:
        return Effect(ignored=ignored)
    if standing is not Standing.MIRRORED:
        is_new = standing is Standing.UNKNOWN and event.type is not EventType.INTEGRATION_DELETED
        if is_new and is_discovered:
            return Effect(action=Action.DISCOVER)
        return Effect(ignored=Ignored.NOT_MIRRORED)
    if event.type in _ACTIONS:
        return Effect(action=_ACTIONS[event.type])
    return Effect(lists=lists_of(event.type, event.models, added))


def ignored_unseen(event: Event) -> Ignored | None:
    """Find why an event has no effect, whatever is mirrored; None: that depends on it."""
    if event.type is None:
        return event.problem
    if event.type not in _READ and event.type not in _ACTIONS:
        return Ignored.NO_EFFECT
    if event.integration_id is None:
        is_of_all = event.type is EventType.ISSUE_STATUS_CHANGED
        return Ignored.NO_EFFECT if is_of_all else Ignored.NOT_MIRRORED
    return None


def lists_of(
    event_type: EventType, models: Iterable[str] | None, added: Collection[str] = ()
) -> frozenset[str] | None:
    """Find the lists that an event tells of; None: any, as it names no models, or one that nobody knows."""
    if event_type in _ORDERS:
        return _order_lists()
    if models is None:
        return None
    lists = lists_by_name()
    try:
        return frozenset(each if each in added else lists[each] for each in models)
    except KeyError:
        return None


def told_lists(
    lists: Collection[str] | None, mirrored: Collection[str], added: Collection[str] = ()
) -> frozenset[str]:
    """Choose among the mirrored lists of an integration those that have news; None: all of Kombo's.

    Kombo tells nothing of lists that it does not have itself: native ones are not read for it.
    """
    return frozenset(mirrored) & (catalogue().keys() | set(added) if lists is None else frozenset(lists))


@cache
def _order_lists() -> frozenset[str]:
    return frozenset(name for name, model in catalogue().items() if model.category == "assessment")
