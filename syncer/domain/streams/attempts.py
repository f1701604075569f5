"""Outcome of a run, and when the stream is tried next. Pure."""

from __future__ import annotations

from datetime import timedelta

from syncer.domain.errors import (
    IntegrationGone,
    KomboError,
    ModelUnavailable,
    NotReady,
    ParentsUnread,
    Unreachable,
)
from syncer.domain.streams.state import Outcome, StreamState

#: Exponential backoff of a stream whose runs fail.
RETRY_FIRST = timedelta(seconds=30)
RETRY_LONGEST = timedelta(hours=1)
#: The same where only the mirror's own table was in the way.
RETRY_TABLE_FIRST = timedelta(seconds=5)
RETRY_TABLE_LONGEST = timedelta(minutes=1)


def outcome_of(error: KomboError) -> Outcome:
    """Map an error to the outcome of its run. KeyRefused is not among them: it stops everything."""
    if isinstance(error, NotReady):
        return Outcome.WAITING
    if isinstance(error, ModelUnavailable):
        return Outcome.UNAVAILABLE
    if isinstance(error, IntegrationGone):
        return Outcome.GONE
    return Outcome.FAILED


def concerns_integration(error: KomboError) -> bool:
    """True for an error that all lists of the integration would meet."""
    return isinstance(error, NotReady | IntegrationGone) and not isinstance(error, ParentsUnread)


def next_attempt(outcome: Outcome, failures: int) -> timedelta | None:
    """Give the pause until the service tries a stream again on its own; None: its schedule decides.

    failures: runs in a row that failed, this one included.
    """
    if outcome is Outcome.FAILED:
        return min(RETRY_FIRST * (1 << min(failures - 1, 10)), RETRY_LONGEST)
    if outcome is Outcome.STOPPED:
        return timedelta(0)
    if outcome in {Outcome.BUSY, Outcome.SKIPPED}:
        return None
    return StreamState(outcome).meaning.recheck


def retry_after(error: KomboError) -> timedelta | None:
    """Give the pause after an error that passes sooner than its outcome says; None: it does not."""
    return RETRY_FIRST if isinstance(error, ParentsUnread | Unreachable) else None


def retry_table_after(failures: int) -> timedelta:
    """Give the pause after a run whose table could not be used; failures: runs in a row before it."""
    return min(RETRY_TABLE_FIRST * (1 << min(failures, 10)), RETRY_TABLE_LONGEST)


def outcome_with(outcome: Outcome, *, held: int, quarantined: int) -> Outcome:
    """Adjust the outcome to held rows and records in quarantine.

    A run that did all it could is no success while there are some.
    """
    if outcome is not Outcome.COMPLETE:
        return outcome
    if held:
        return Outcome.HELD
    return Outcome.INCOMPLETE if quarantined else Outcome.COMPLETE


def state_after(outcome: Outcome) -> StreamState:
    """Give the state of a stream after a run."""
    return StreamState.INCOMPLETE if outcome is Outcome.STOPPED else StreamState(outcome)
