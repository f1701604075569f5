"""One integration on the status page: a table of its streams."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from syncer.daemon.web.formatting import (
    Integration,
    Stream,
    colour_state,
    describe_integration,
)
from syncer.domain.durations import describe_age
from syncer.domain.streams.state import MEANINGS, StreamState

_COLUMNS = (
    '<tr><th>model</th><th>state</th><th class="number">live rows</th>'
    '<th class="number wide">deleted</th><th class="number">complete until</th></tr>'
)


def integration_section(integration: Integration, streams: Sequence[Stream]) -> str:
    """Make the section of one integration; streams with nothing to show are summed up by their state."""
    groups = {
        meaning.label or state.value: [each for each in streams if each["state"] == state and _is_empty(each)]
        for state, meaning in MEANINGS.items()
        # Why they are in trouble stands above.
        if meaning.label is not None or meaning.is_trouble
    }
    summed_up = {each["model"] for group in groups.values() for each in group}
    rows = "".join(_row(each) for each in streams if each["model"] not in summed_up)
    table = f'<table class="streams">{_COLUMNS}{rows}</table>' if rows else ""
    rest = "".join(
        f'<p class="dim">{label.capitalize()}: {escape(", ".join(each["model"] for each in group))}</p>'
        for label, group in groups.items()
        if group
    )
    description = f'<span class="dim">{escape(describe_integration(integration))}</span>'
    return f"<section><h2>{escape(integration['id'])} {description}</h2>{table}{rest}</section>"


def _is_empty(stream: Stream) -> bool:
    return not stream["is_running"] and not stream["rows_live"] + stream["rows_deleted"]


def _row(stream: Stream) -> str:
    lag = stream["lag_seconds"]
    state = colour_state(StreamState(stream["state"]))
    if stream["is_running"]:
        state += f' <span class="run">{escape(_progress(stream["walk"]))}</span>'
    return (
        f"<tr><td>{escape(stream['model'])}</td><td>{state}</td>"
        f'<td class="number">{stream["rows_live"]:,}</td>'
        f'<td class="number wide">{stream["rows_deleted"]:,}</td>'
        f'<td class="number">{"never" if lag is None else describe_age(lag)}</td></tr>'
    )


def _progress(walk: dict[str, Any] | None) -> str:
    if walk is None or not walk["pages"]:
        return "running"
    if walk["phase"] == "sweep":
        return "looking into what is missing"
    what = "reading everything" if walk["kind"] == "full" else "reading changes"
    return f"{what}: {walk['rows']:,} records"
