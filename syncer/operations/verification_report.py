"""Report of what the service's verifications have found last, as plain values and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from syncer.domain.durations import describe_age
from syncer.domain.stream_key import StreamKey
from syncer.domain.verification.difference import Verdict
from syncer.operations.status_report import json_time
from syncer.store.state.verifications import (
    LastVerification,
    VerificationNumbers,
    last_verifications,
    verification_numbers,
)

#: Integrations from which on the verifications of all are read, and not of those that are looked at.
MANY = 100


def add_verifications(
    connection: Connection, streams: Sequence[dict[str, Any]], environments: Sequence[dict[str, Any]]
) -> None:
    """Add to streams and environments of a report what was found of them last; None: nothing yet."""
    names = [each["name"] for each in environments]
    numbers = verification_numbers(connection, names)
    integrations = {each["integration"] for each in streams}
    last: Mapping[StreamKey, LastVerification] = {}
    if numbers and integrations:
        last = last_verifications(connection, names, integrations if len(integrations) < MANY else None)
    for each in streams:
        each["verification"] = _last(last.get(StreamKey(each["integration"], each["model"])))
    for each in environments:
        each["verification"] = _numbers(numbers.get(each["name"]))


def _last(found: LastVerification | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "verdict": found.verdict.value,
        "reason": found.reason,
        "ended_at": json_time(found.ended_at),
        "records": found.records,
        "differing": found.differing,
        "newer": found.newer,
        "unsettled": found.unsettled,
    }


def _numbers(numbers: VerificationNumbers | None) -> dict[str, Any] | None:
    if numbers is None:
        return None
    return {
        "streams": {each.value: numbers.verdicts[each] for each in Verdict if numbers.verdicts[each]},
        "differing": numbers.differing,
        "oldest_at": json_time(numbers.oldest_at),
        "is_well": all(each.is_well for each in numbers.verdicts),
    }


def describe_verification(verification: Mapping[str, Any], now: datetime) -> str:
    """Describe the last verifications of an environment's streams in a line."""
    verdicts = ", ".join(f"{number:,} {verdict}" for verdict, number in verification["streams"].items())
    oldest = datetime.fromisoformat(verification["oldest_at"])
    return f"verified: {verdicts}; the oldest {describe_age((now - oldest).total_seconds())}"
