"""The deliveries of changes, on the status page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from syncer.domain.deliveries.delivery import DeliveryHealth
from syncer.domain.durations import describe_age
from syncer.domain.streams.state import Severity
from syncer.operations.deliveries import describe_delivery

_SEVERITIES = {
    DeliveryHealth.ACTIVE: Severity.OK,
    DeliveryHealth.FAILING: Severity.ERROR,
    DeliveryHealth.STOPPED: Severity.ERROR,
}


def delivery_section(deliveries: Sequence[Mapping[str, Any]], now: str) -> str:
    """Make a table of the deliveries, as the status reports them; nothing where there are none."""
    if not deliveries:
        return ""
    rows = "".join(_row(each, now) for each in deliveries)
    return (
        "<section><h2>Deliveries</h2><table><tr><th>delivery</th><th>state</th>"
        '<th class="number">behind by</th>'
        f'<th class="number">accepted</th></tr>{rows}</table></section>'
    )


def _row(delivery: Mapping[str, Any], now: str) -> str:
    state = DeliveryHealth(delivery["state"])
    severity = _SEVERITIES.get(state, Severity.WARNING)
    return (
        f"<tr><td>{escape(delivery['name'])}<br>"
        f'<span class="dim">{escape(delivery["receiver"] or "")}</span></td>'
        f'<td><span class="{severity}">{escape(state)}</span> {escape(describe_delivery(delivery))}</td>'
        f'<td class="number">{_number(delivery["behind"])}</td>'
        f'<td class="number">{_age(now, delivery["last_success_at"])}</td></tr>'
    )


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _age(now: str, then: str | None) -> str:
    if then is None:
        return "never"
    return describe_age((datetime.fromisoformat(now) - datetime.fromisoformat(then)).total_seconds())
