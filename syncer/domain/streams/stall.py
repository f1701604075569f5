"""Stall of the service: nothing is read to its end any more although something should be. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from syncer.domain.clocks import VIEW_AHEAD, distrust_future

#: Silence that is none yet, however short the intervals are: one request may be tried for so long.
LEAST_SILENCE = timedelta(minutes=1)


class Stall(Struct, frozen=True):
    """Stall, for which there may be any reason. list_name: the list that shows it; silent_for: its length."""

    list_name: str
    silent_for: timedelta


def silence(now: datetime, newest_complete_at: datetime | None, ages: Iterable[timedelta]) -> timedelta:
    """Measure for how long nothing has gone on.

    newest_complete_at: of the stream that was complete last, stored by the database's clock as now is told by
    it; ages: of the start of the service, and of the last page that it stored, if there was one.
    """
    believed = distrust_future(newest_complete_at, now, VIEW_AHEAD)
    known = [] if believed is None else [max(now - believed, timedelta(0))]
    return min([*known, *ages])


def find_stall(silent_for: timedelta, overdue: Mapping[str, timedelta]) -> Stall | None:
    """Tell whether the service has stalled: None where it goes on, or has nothing to do.

    overdue: lists of which a stream has been made due since it was last complete, each with twice its
    interval. One that is polled rarely does not hide that those which are polled often stand still, and any
    stream that gets through shows that the service goes on: what single ones lack shows in their lag. Whether
    workers hang, the key is refused, Kombo is away or every run fails makes no difference.
    """
    if not overdue:
        return None
    name = min(overdue, key=lambda each: (overdue[each], each))
    return Stall(name, silent_for) if silent_for > max(overdue[name], LEAST_SILENCE) else None
