"""Decide which alerts are open, and which are to be told now. Pure.

A trouble becomes an alert once it has lasted for ``after``. It is over when it has not been seen for the
quiet time, a sixth of that, and messages are at least as far apart: so what comes and goes is one alert, and
many that begin together are one message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from syncer.domain.alerts.trouble import Alert, AlertKey, AlertKind, AlertState, Trouble

#: Share of ``after`` that is the quiet time.
QUIET_SHARE = 6
#: Time for which alerts that are over and told are remembered.
REMEMBERED = timedelta(days=7)
#: Kinds that follow from a refused key: they are not told beside it.
_FOLLOWS_FROM_KEY = frozenset({AlertKind.FAILING, AlertKind.STALE})


class Decision(Struct, frozen=True):
    """Changes of what is remembered: alerts that are new or another, and the keys of those to be forgotten.

    began, ended: alerts that do so now.
    """

    changed: tuple[Alert, ...] = ()
    forgotten: tuple[AlertKey, ...] = ()
    began: tuple[Alert, ...] = ()
    ended: tuple[Alert, ...] = ()


def quiet_time(after: timedelta) -> timedelta:
    """Compute how long a trouble has to be away until its alert is over."""
    return after / QUIET_SHARE


def decide(
    alerts: Mapping[AlertKey, Alert], troubles: Mapping[AlertKey, Trouble], now: datetime, after: timedelta
) -> Decision:
    """Decide what becomes of the alerts that are remembered, with the troubles that are there now."""
    refused = {key.environment for key in troubles if key.kind is AlertKind.KEY_REFUSED}
    changed, forgotten, began, ended = [], [], [], []
    for key in {**alerts, **troubles}:
        if key.kind in _FOLLOWS_FROM_KEY and key.environment in refused:
            # Nothing is known of it meanwhile: neither that it has begun, nor that it is over.
            continue
        before, trouble = alerts.get(key), troubles.get(key)
        if trouble is not None:
            following: Alert | None = _present(before, key, trouble, now, after)
        else:
            following = _absent(alerts[key], now, quiet_time(after))
        was_open = before is not None and before.state is AlertState.OPEN
        is_open = following is not None and following.state is AlertState.OPEN
        if following is not None and is_open and not was_open:
            began.append(following)
        if before is not None and was_open and not is_open:
            ended.append(before)
        if following is None:
            forgotten.append(key)
        elif following != before:
            changed.append(following)
    return Decision(tuple(changed), tuple(forgotten), tuple(began), tuple(ended))


def _present(before: Alert | None, key: AlertKey, trouble: Trouble, now: datetime, after: timedelta) -> Alert:
    """Give the alert of a trouble that is there."""
    since = min(trouble.since or now, now)
    if before is None:
        before = Alert(key, AlertState.PENDING, since, trouble.description)
    elif before.state is AlertState.OVER and before.told is AlertState.OPEN:
        # Nobody has heard that it was over.
        before = replace(before, state=AlertState.OPEN, over_at=None)
    elif before.state is AlertState.OVER or (
        before.state is AlertState.PENDING
        and before.absent_since is not None
        and now - before.absent_since >= quiet_time(after)
    ):
        before = replace(before, state=AlertState.PENDING, since=since, opened_at=None, over_at=None)
    alert = replace(before, description=trouble.description, absent_since=None, since=min(before.since, now))
    if alert.state is AlertState.PENDING and now - alert.since >= after:
        return replace(alert, state=AlertState.OPEN, opened_at=now)
    return alert


def _absent(before: Alert, now: datetime, quiet: timedelta) -> Alert | None:
    """Give the alert of a trouble that is not there; None: it is forgotten."""
    if before.state is AlertState.OVER:
        if before.is_untold or before.over_at is None or now - before.over_at < REMEMBERED:
            return before
        return None
    absent_since = min(before.absent_since or now, now)
    if now - absent_since < quiet or before.absent_since is None:
        return replace(before, absent_since=absent_since)
    if before.state is AlertState.PENDING or before.told is not AlertState.OPEN:
        # It was over before anybody heard of it. What was told before it began is remembered.
        ended = before.told is AlertState.OVER and before.told_at is not None
        return replace(before, state=AlertState.OVER, over_at=before.told_at) if ended else None
    return replace(before, state=AlertState.OVER, over_at=now)


def find_untold(alerts: Iterable[Alert], now: datetime, after: timedelta) -> list[Alert]:
    """Find the alerts to be told in one message now, the most urgent first; none during the quiet time.

    That begins with each message.
    """
    alerts = list(alerts)
    last = max((each.told_at for each in alerts if each.told_at and each.told_at <= now), default=None)
    if last is not None and now - last < quiet_time(after):
        return []
    order = {kind: place for place, kind in enumerate(AlertKind)}
    return sorted(
        (each for each in alerts if each.is_untold),
        key=lambda each: (each.state is AlertState.OVER, order[each.key.kind], each.key),
    )
