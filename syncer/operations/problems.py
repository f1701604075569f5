"""Problems of a status report: streams of one integration that are not well for the same reason, as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from syncer.domain.durations import describe_age, describe_span
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.reasons import (
    held_reason,
    quarantine_reason,
    selecting_integration,
    selecting_models,
)
from syncer.domain.streams.state import MEANINGS, StreamState

#: Models that a command names one by one; it is for all of the integration where there are more.
MOST_NAMED = 3

_MOST_URGENT_FIRST = {state: place for place, state in enumerate(MEANINGS)}


class Problem(Struct, frozen=True):
    """Streams of one integration with the same problem.

    reason: a sentence. since: when it was first noticed, if that is known. failures: failed runs in a row, of
    the stream that has most. due_at: when the service tries the first of them again; None where its schedule
    decides. retry: the command that tries them now; None where that is no way out. Times are ISO text.
    """

    integration: str
    state: StreamState
    models: tuple[str, ...]
    reason: str
    since: str | None = None
    failures: int = 0
    due_at: str | None = None
    retry: str | None = None

    def value(self) -> dict[str, Any]:
        """Report the problem as plain values, for JSON."""
        values = asdict(self)
        return {**values, "state": self.state.value, "models": list(self.models)}


def find_problems(streams: Iterable[Mapping[str, Any]], refused: Collection[str] = ()) -> list[Problem]:
    """Find the problems of these streams of a status report, the most urgent first.

    refused: environments whose key is refused. There no run can help before the key is another one.
    """
    alike: dict[tuple[str, StreamState, str], list[tuple[Mapping[str, Any], str | None, bool]]] = defaultdict(
        list
    )
    for each in streams:
        for reason, since, is_tried in _reasons(each):
            key = (each["integration"], StreamState(each["state"]), reason)
            alike[key].append((each, since, is_tried))
    found = []
    for (integration, state, reason), group in alike.items():
        models = tuple(each["model"] for each, _, _ in group)
        is_tried = all(tried for _, _, tried in group)
        may_help = is_tried and not any(each["environment"] in refused for each, _, _ in group)
        found.append(
            Problem(
                integration,
                state,
                models,
                reason,
                since=min((since for _, since, _ in group if since), default=None),
                failures=max(each["failures"] for each, _, _ in group) if is_tried else 0,
                due_at=min(
                    (each["due_at"] for each, _, _ in group if may_help and each["due_at"]), default=None
                ),
                retry=_retry(integration, models) if may_help else None,
            )
        )
    return sorted(found, key=lambda each: (_MOST_URGENT_FIRST[each.state], each.integration, each.reason))


def _reasons(stream: Mapping[str, Any]) -> Iterable[tuple[str, str | None, bool]]:
    """Give what is wrong with a stream, since when, and whether another run may mend it."""
    state, held = StreamState(stream["state"]), stream["held"]
    if held is not None:
        key = StreamKey(stream["integration"], stream["model"])
        yield held_reason(held["rows"], stream["rows_live"], key), held["since"], False
    if stream["quarantined"]:
        yield (
            quarantine_reason(stream["quarantined"], stream["integration"]),
            stream["quarantined_since"],
            False,
        )
    if state.meaning.is_trouble and not (state is StreamState.HELD and held is not None):
        yield stream["last_error"] or "No reason was given.", None, True


def _retry(integration: str, models: tuple[str, ...]) -> str:
    named = selecting_models(models) if len(models) <= MOST_NAMED else ""
    return f"syncer sync {selecting_integration(integration)}{named}"


def describe_problem(problem: Mapping[str, Any], now: str) -> str:
    """Describe a problem: its reason, since when, how often it was met, and when it is tried again.

    problem: as plain values. now: the time of the report.
    """
    parts = [problem["reason"]]
    if problem["since"] is not None:
        parts.append(f"First noticed {describe_age(-_seconds(now, problem['since']))}.")
    if problem["failures"] > 1:
        parts.append(f"Failed {problem['failures']:,} times in a row.")
    if problem["retry"] is not None:
        parts.append(f"{_next_try(problem['due_at'], now)} `{problem['retry']}` tries now.")
    return " ".join(parts)


def _next_try(due_at: str | None, now: str) -> str:
    if due_at is None:
        return "Next try: with its schedule."
    seconds = _seconds(now, due_at)
    return f"Next try in {describe_span(seconds)}." if seconds >= 1 else "Next try: at once."


def _seconds(now: str, then: str) -> float:
    """Give the seconds from now until then."""
    return (datetime.fromisoformat(then) - datetime.fromisoformat(now)).total_seconds()
