"""The consumers of the change feed, on the status page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from syncer.domain.durations import describe_age


def consumer_section(consumers: Sequence[Mapping[str, Any]], now: str) -> str:
    """Make a table of the consumers, as the status reports them; nothing where there are none."""
    if not consumers:
        return ""
    rows = "".join(
        f"<tr><td>{escape(each['name'])}{_lost(each)}</td>"
        f'<td class="number">{each["behind"]:,}</td>'
        f'<td class="number wide">{each["sequence"]}</td>'
        f'<td class="number">{_age(now, each["acknowledged_at"])}</td></tr>'
        for each in consumers
    )
    return (
        "<section><h2>Consumers of changes</h2><table>"
        '<tr><th>consumer</th><th class="number">behind by</th><th class="number wide">has read up to</th>'
        f'<th class="number">last read</th></tr>{rows}</table></section>'
    )


def _lost(consumer: Mapping[str, Any]) -> str:
    if not consumer["lost"]:
        return ""
    return f'<br><b class="warning">lost {consumer["lost"]:,}</b>'


def _age(now: str, then: str) -> str:
    return describe_age((datetime.fromisoformat(now) - datetime.fromisoformat(then)).total_seconds())
