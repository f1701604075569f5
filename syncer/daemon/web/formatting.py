"""Formatting of single values for the status page: plain text, or HTML where the docstring says so."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any
from urllib.parse import quote

from syncer.domain.streams.state import Meaning, StreamState

#: One stream or integration of the status report, as plain values.
Stream = dict[str, Any]
Integration = dict[str, Any]

#: Models that are named in a line.
MOST_NAMES = 4


def meaning_of(stream: Stream) -> Meaning:
    """Meaning of a stream's state."""
    return StreamState(stream["state"]).meaning


def needs_attention(stream: Stream) -> bool:
    """True where a person should look at the stream: because of its state, or of records in quarantine."""
    return meaning_of(stream).is_trouble or bool(stream["quarantined"])


def colour_state(state: StreamState) -> str:
    """HTML of a state in the colour of its severity."""
    return f'<span class="{state.meaning.severity}">{escape(state)}</span>'


def link_integration(integration_id: str) -> str:
    """HTML of a link to the page of one integration."""
    return f'<a href="/?integration={quote(integration_id, safe="")}">{escape(integration_id)}</a>'


def describe_integration(integration: Integration) -> str:
    """Plain text with tool, organisation and status, as far as they are known."""
    facts = (integration["tool"], integration["organisation"], integration["status"])
    return " · ".join(fact for fact in facts if fact)


def join_names(names: Iterable[str]) -> str:
    """Plain text with a few names, or the number of many and the first of them."""
    found = list(names)
    if len(found) <= MOST_NAMES + 1:
        return ", ".join(found)
    return f"{len(found):,} models: {', '.join(found[:MOST_NAMES])} and {len(found) - MOST_NAMES:,} more"
