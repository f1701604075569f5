"""Sections of the documents that tell the longer story of an error or a state."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from syncer.domain.errors import (
    AnswerTooLarge,
    DatabaseMissing,
    DatabaseOfOthers,
    DatabaseReplaced,
    DatabaseUnavailable,
    Doubtful,
    KeyRefused,
    RightsMissing,
    SchemaMismatch,
    ServerUnfit,
    SyncerError,
    TableUnavailable,
    Unreachable,
)
from syncer.domain.streams.state import StreamState

#: Kind of error -> section; kinds below it have the same one.
OF_ERRORS: Mapping[type[SyncerError], str] = MappingProxyType(
    {
        AnswerTooLarge: "docs/reliability.md#answers-of-any-size",
        DatabaseMissing: "docs/operations.md#set-up",
        DatabaseOfOthers: "docs/database.md#a-schema-of-its-own",
        DatabaseReplaced: "docs/operations.md#backup-and-restore",
        DatabaseUnavailable: "docs/database.md#when-something-is-in-the-way",
        Doubtful: "docs/passthrough.md#how-a-call-ends",
        KeyRefused: "docs/operations.md#a-key-that-is-refused",
        RightsMissing: "docs/database.md#roles",
        SchemaMismatch: "docs/operations.md#upgrade-and-roll-back",
        ServerUnfit: "docs/database.md#what-postgresql-must-offer",
        TableUnavailable: "docs/database.md#when-something-is-in-the-way",
        Unreachable: "docs/operations.md#proxies",
    }
)
#: State of a stream that is not well -> section.
OF_STATES: Mapping[StreamState, str] = MappingProxyType(
    {
        StreamState.HELD: "docs/architecture.md#what-a-full-walk-does-not-see",
        **dict.fromkeys(
            (StreamState.FAILED, StreamState.GONE, StreamState.WAITING, StreamState.INCOMPLETE),
            "docs/operations.md#states",
        ),
    }
)


def section_on(error: SyncerError) -> str | None:
    """Find the section on an error of this kind, or of the nearest kind above it that has one."""
    return next((OF_ERRORS[kind] for kind in type(error).__mro__ if kind in OF_ERRORS), None)


def sections_on(states: set[StreamState]) -> list[str]:
    """Find the sections on these states, each once, in the order of the states' urgency."""
    return list(dict.fromkeys(section for state, section in OF_STATES.items() if state in states))
