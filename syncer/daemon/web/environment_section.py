"""Section of the status page on environments, where there are several: limit, key and schedule of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from syncer.domain.durations import describe_span


def environment_section(environments: Sequence[Mapping[str, Any]]) -> str:
    """Make the table of the environments; nothing where there is one alone."""
    if len(environments) < 2:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(each["name"])}</th>'
        f'<td class="number">{each["integrations"]:,}</td>'
        f'<td class="{"error" if each["key"] else ""}">{"refused" if each["key"] else "not refused"}</td>'
        f"<td>{escape(_budget(each['budget']))}</td><td>{escape(_behind(each['behind']))}</td></tr>"
        for each in environments
    )
    heads = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("environment", "integrations", "API key", "request limit", "schedule")
    )
    return f"<section><h2>Environments</h2><table><thead><tr>{heads}</tr></thead>{rows}</table></section>"


def _budget(budget: Mapping[str, Any] | None) -> str:
    if budget is None or budget["limit"] is None:
        return "not known yet"
    return (
        f"{budget['used']:,} of {budget['limit']:,} used, {budget['reserve']:,} kept in reserve, "
        f"{budget['resets_in_seconds']:.0f} s to the next window"
    )


def _behind(how: Mapping[str, Any] | None) -> str:
    if how is None:
        return "kept"
    return f"behind: {how['streams']:,} streams, the longest by {describe_span(how['longest_seconds'])}"
