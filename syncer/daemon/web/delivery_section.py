"""The deliveries of changes, on the status page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from syncer.domain.durations import describe_age
from syncer.operations.deliveries import describe_delivery

_SEVERITIES = {"active": "ok", "failing": "error", "stopped": "error", "paused": "warning"}


def delivery_section(deliveries: Sequence[Mapping[str, Any]], now: str) -> str:
    """Make a table of the deliveries, as the status reports them; nothing where there are none."""
    if not deliveries:
        return ""
    rows = "".join(
        f'<tr><td>{escape(each["name"])}<br><span class="dim">{escape(each["receiver"] or "")}</span></td>'
        f'<td><span class="{_SEVERITIES.get(each["state"], "dim")}">{escape(each["state"])}</span> '
        f"{escape(describe_delivery(each))}</td>"
        f'<td class="number">{_number(each["behind"])}</td>'
        f'<td class="number">{_age(now, each["last_success_at"])}</td></tr>'
        for each in deliveries
    )
    return (
        "<section><h2>Deliveries</h2><table><tr><th>delivery</th><th>state</th>"
        '<th class="number">behind by</th>'
        f'<th class="number">accepted</th></tr>{rows}</table></section>'
    )


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _age(now: str, then: str | None) -> str:
    if then is None:
        return "never"
    return describe_age((datetime.fromisoformat(now) - datetime.fromisoformat(then)).total_seconds())
