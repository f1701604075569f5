"""Decide what follows an attempt to deliver. Pure: chance is an argument.

A receiver accepts by any status 2xx, and gives up for good by 410. Everything else is tried again, for as
long as it takes: the feed keeps what waits, and order would be lost if one batch were left out.
"""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

from msgspec import Struct

#: Pause after the first failure; doubled by each one after it, up to the longest.
FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(hours=1)
#: Share of a pause that chance decides on, so that receivers of many senders do not meet them all at once.
JITTER = 0.25

_DOUBLINGS = 20


class Answer(Struct, frozen=True):
    """Answer to one attempt, or its absence.

    status: of HTTP; None: no answer came, and reason says why, as the end of a sentence. retry_after: seconds
    for which the receiver asks to be left alone.
    """

    status: int | None
    reason: str = ""
    retry_after: float | None = None

    @property
    def is_accepted(self) -> bool:
        """True where the receiver has the message."""
        return self.status is not None and 200 <= self.status < 300


class Accepted(Struct, frozen=True):
    """The receiver has the message."""


class Retry(Struct, frozen=True):
    """The same message is sent again after the pause. error: a sentence for a person."""

    pause: timedelta
    error: str


class Split(Struct, frozen=True):
    """The message is too large for the receiver: its changes are sent in smaller ones, at once."""


class Stop(Struct, frozen=True):
    """Nothing is sent any more until a person resumes the delivery. error: a sentence for a person."""

    error: str


def next_step(
    answer: Answer, *, failures: int, changes: int, uniform: float
) -> Accepted | Retry | Split | Stop:
    """Decide what follows an answer.

    failures: in a row, before it; changes: number of them in the message; uniform: chance, from 0 to 1.
    """
    status = answer.status
    if answer.is_accepted:
        return Accepted()
    if status == HTTPStatus.GONE:
        return Stop(f"The receiver wants no more: it answered {shown_status(status)}.")
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and changes > 1:
        return Split()
    return Retry(pause_after(failures + 1, uniform, answer.retry_after), describe_answer(answer))


def pause_after(failures: int, uniform: float, retry_after: float | None = None) -> timedelta:
    """Compute the pause after failures in a row: as long as the receiver asks for, within an hour."""
    doublings: int = 2 ** min(failures - 1, _DOUBLINGS)
    pause = min(FIRST_PAUSE * doublings, LONGEST_PAUSE) * (1 - JITTER * uniform)
    return max(pause, timedelta(seconds=min(retry_after or 0.0, LONGEST_PAUSE.total_seconds())))


def describe_answer(answer: Answer) -> str:
    """Describe an answer that accepts nothing, in a sentence for a person."""
    if answer.status is None:
        return f"The receiver gave no answer: {answer.reason}."
    if 300 <= answer.status < 400:
        return (
            f"The receiver answered {shown_status(answer.status)}, and redirects are not followed: "
            "let url be the address that it leads to."
        )
    return f"The receiver answered {shown_status(answer.status)}."


def shown_status(status: int) -> str:
    """Write a status with its phrase in the standard, not the receiver's: HTTP 410 (Gone)."""
    try:
        return f"HTTP {status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return f"HTTP {status}"
