"""Messages to the receiver of alerts: as JSON, or as Slack takes them. Pure.

They name integrations, lists and deliveries, and give numbers: nothing of a record, and no error's text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from syncer.domain.alerts.trouble import Alert, AlertKind, AlertState
from syncer.domain.fingerprint import fingerprint_of
from syncer.domain.streams.reasons import selecting_integration

#: Alerts that a message names one by one, in its text and as JSON.
MOST_SHOWN = 20
MOST_LISTED = 100


class MessageFormat(StrEnum):
    """Form in which a receiver takes messages."""

    JSON = "json"
    #: An incoming webhook of Slack's; Mattermost and others take the same.
    SLACK = "slack"


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """Message to the receiver. id: the same in each attempt, where nothing has changed meanwhile."""

    id: str
    body: str = field(repr=False)


def alert_message(alerts: Sequence[Alert], at: datetime, form: MessageFormat) -> AlertMessage:
    """Make the message of the alerts that have begun or are over. alerts: at least one."""
    began = [each for each in alerts if each.state is AlertState.OPEN]
    over = [each for each in alerts if each.state is AlertState.OVER]
    parts = [
        f"{len(each):,} {words}" for each, words in ((began, _begun(began)), (over, _ended(over))) if each
    ]
    lines = [f"syncer: {', '.join(parts)}.", *(_line(each) for each in alerts[:MOST_SHOWN])]
    if len(alerts) > MOST_SHOWN:
        lines.append(f"and {len(alerts) - MOST_SHOWN:,} more: `syncer alerts list` has all of them")
    told = [[*each.key, each.state, _time(each.opened_at), _time(each.over_at)] for each in alerts]
    details = {
        "began_count": len(began),
        "over_count": len(over),
        "began": [describe_alert(each) for each in began[:MOST_LISTED]],
        "over": [describe_alert(each) for each in over[:MOST_LISTED]],
    }
    return _message("syncer.alerts", fingerprint_of(told), lines, at, form, details)


def trial_message(at: datetime, form: MessageFormat, nonce: str) -> AlertMessage:
    """Make a message that says nothing. nonce: part of its id."""
    lines = ["syncer: this is a test. Messages of alerts arrive here."]
    return _message("syncer.test", nonce, lines, at, form, {})


def describe_alert(alert: Alert) -> dict[str, Any]:
    """Report an alert as plain values. command: what says more; times as ISO text in UTC."""
    return {
        "environment": alert.key.environment or None,
        "kind": alert.key.kind.value,
        "subject": alert.key.subject,
        "state": alert.state.value,
        "description": alert.description,
        "command": _command(alert),
        "since": _time(alert.since),
        "over_at": _time(alert.over_at),
    }


def _message(
    kind: str, identity: str, lines: Iterable[str], at: datetime, form: MessageFormat, details: dict[str, Any]
) -> AlertMessage:
    text, name = "\n".join(lines), f"alert_{identity[:32]}"
    if form is MessageFormat.SLACK:
        # https://docs.slack.dev/messaging/formatting-message-text: these three alone are special.
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        body: dict[str, Any] = {"text": escaped}
    else:
        body = {"type": kind, "id": name, "timestamp": _time(at), "text": text, **details}
    return AlertMessage(name, msgspec.json.encode(body).decode())


def _begun(alerts: Sequence[Alert]) -> str:
    return "trouble has begun" if len(alerts) == 1 else "troubles have begun"


def _ended(alerts: Sequence[Alert]) -> str:
    return "is over" if len(alerts) == 1 else "are over"


def _line(alert: Alert) -> str:
    """Describe an alert in a line of the text."""
    began, key = alert.since.strftime("%Y-%m-%d %H:%M UTC"), alert.key
    # One that has no subject of its own is of its environment.
    where = f" ({key.environment})" if key.environment not in ("", "default", key.subject) else ""
    what = f"{key.subject}{where}: {alert.description}"
    if alert.state is AlertState.OVER:
        return f"• over: {what} (since {began})"
    return f"• {what}, since {began}. `{_command(alert)}` says more."


def _command(alert: Alert) -> str:
    subject = alert.key.subject
    match alert.key.kind:
        case AlertKind.KEY_REFUSED:
            return "syncer check"
        case AlertKind.DELIVERY_STUCK:
            return "syncer deliveries list"
        case _:
            return f"syncer status {selecting_integration(subject)}"


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
