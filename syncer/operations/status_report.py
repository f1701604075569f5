"""The status of the mirror as plain values, ready for JSON: what `status --json` and the pages show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from syncer.domain.durations import describe_age
from syncer.domain.ratelimit.budget import Budget, Pacing, Purpose, Reserve
from syncer.domain.ratelimit.waiters import count_waiting
from syncer.domain.streams.stream import Kind, Stream, Walk
from syncer.operations.problems import find_problems
from syncer.store.reading.changes import FeedState
from syncer.store.reading.overview import Overview, StreamSummary
from syncer.store.state.consumers import Consumer
from syncer.store.state.held import Held
from syncer.store.state.refused_keys import Refusal


def is_well(found: Overview) -> bool:
    """True where every stream is complete, or of a model that is not offered, and no key is refused."""
    return not found.key_refusals and all(state.meaning.is_well for state in found.states)


class Sharing(Struct, frozen=True):
    """Sharing of an environment's request limit: what is kept in reserve, and the pace of reads."""

    reserve: Reserve
    pacing: Pacing


def report_status(found: Overview, sharing: Mapping[str, Sharing]) -> dict[str, Any]:
    """Report streams, freshness, budget and quarantine; times as ISO text in UTC, ages in seconds.

    sharing: by environment. ``streams`` are those that the overview lists; the integrations and totals sum up
    all of them. ``environments`` has what is of one environment each; ``key`` is the first that is refused,
    and ``budget`` that of the only environment, if there is one alone.
    """
    environment_of = {each.id: each.environment for each in found.integrations}
    streams = [_stream(found, each, environment_of.get(each.integration_id)) for each in found.streams]
    summaries = found.summaries.values()
    environments = [
        {
            "name": name,
            "integrations": sum(1 for each in found.integrations if each.environment == name),
            "budget": _budget(found.now, found.budgets.get(name), each),
            "key": _key(name, found.key_refusals.get(name)),
        }
        for name, each in sharing.items()
    ]
    return {
        "now": json_time(found.now),
        "is_well": is_well(found),
        "problems": [each.value() for each in find_problems(streams, found.key_refusals)],
        "integrations": [
            {
                "id": each.id,
                "environment": each.environment,
                "tool": each.tool,
                "category": each.category,
                "organisation": each.organisation,
                "status": each.status,
                "setup_status": each.setup_status,
                "state": each.state,
                "checked_at": json_time(each.checked_at),
                **_summary(found.now, found.summaries.get(each.id, StreamSummary())),
            }
            for each in found.integrations
        ],
        "streams": streams,
        "totals": {
            "rows_live": sum(each.rows_live for each in summaries),
            "rows_deleted": sum(each.rows_deleted for each in summaries),
            "streams": dict(found.states),
            "running": sum(each.running for each in summaries),
        },
        "lists_all": found.lists_all,
        "environments": environments,
        "budget": environments[0]["budget"] if len(environments) == 1 else None,
        "key": next((each["key"] for each in environments if each["key"] is not None), None),
        "changes": {"newest": found.feed.newest, "first_left": found.feed.first_left},
        "consumers": [report_consumer(found.feed, each) for each in found.consumers],
    }


def _summary(now: datetime, summary: StreamSummary) -> dict[str, Any]:
    return {
        "streams": dict(summary.states),
        "rows_live": summary.rows_live,
        "rows_deleted": summary.rows_deleted,
        "running": summary.running,
        "oldest_complete_at": json_time(summary.oldest_complete_at),
        "lag_seconds": _age(now, summary.oldest_complete_at),
    }


def _stream(found: Overview, stream: Stream, environment: str | None) -> dict[str, Any]:
    quarantined, quarantined_since = found.quarantine.get(stream.key, (0, None))
    return {
        "integration": stream.integration_id,
        "environment": environment,
        "model": stream.model,
        "state": stream.state,
        "is_running": stream.key in found.running,
        "walk": _walk(stream.walk, stream.full_pages),
        "rows_live": stream.rows_live,
        "rows_deleted": stream.rows_deleted,
        "complete_as_of": json_time(stream.watermark),
        "complete_at": json_time(stream.complete_at),
        "lag_seconds": _age(found.now, stream.complete_at),
        "last_full_walk_at": json_time(stream.last_full_walk_at),
        "last_run_at": json_time(stream.last_run_at),
        "last_outcome": stream.last_outcome,
        "last_error": stream.last_error,
        "failures": stream.failures,
        "due_at": json_time(stream.due_at),
        "held": _held(found.held.get(stream.key)),
        "quarantined": quarantined,
        "quarantined_since": json_time(quarantined_since),
    }


def _budget(moment: datetime, budget: Budget | None, sharing: Sharing) -> dict[str, Any] | None:
    if budget is None:
        return None
    now = moment.timestamp()
    ends_at = datetime.fromtimestamp(budget.ends_at, UTC) if budget.ends_at else None
    left = max(0.0, (budget.ends_at or 0.0) - now)
    waiting = count_waiting(budget.waiting, now)
    return {
        "limit": budget.limit,
        # A window that has ended is empty, though nobody has begun the next one yet.
        "used": budget.effective_used if left else 0,
        "reserve": None if budget.limit is None else sharing.reserve.of(budget.limit),
        "pacing": sharing.pacing,
        "waiting": {purpose.name.lower(): waiting[purpose] for purpose in Purpose},
        "resets_at": json_time(ends_at if left else None),
        "resets_in_seconds": round(left, 1),
        "window_seconds": budget.length,
        "answers_429": budget.refusals,
    }


def _key(environment: str, refusal: Refusal | None) -> dict[str, Any] | None:
    """Report that Kombo refuses the API key."""
    if refusal is None:
        return None
    return {
        "environment": environment,
        "refused_since": json_time(refusal.since),
        "error": refusal.error,
    }


def describe_refused_key(status: Mapping[str, Any], key: Mapping[str, Any] | None = None) -> str:
    """Describe the refusal of a key in sentences, for people.

    status: a report with one. key: which is meant; the first that is refused unless given.
    """
    key, now = key or status["key"], datetime.fromisoformat(status["now"])
    since = datetime.fromisoformat(key["refused_since"])
    of = f" of the environment {key['environment']}" if len(status["environments"]) > 1 else ""
    return (
        f"Kombo refuses the API key{of}, first {describe_age((now - since).total_seconds())} "
        f"({since:%Y-%m-%d %H:%M} UTC). {key['error']} A running service asks again every 15 minutes, or "
        "once its file or the configuration has another key, and goes on by itself."
    )


def waiting_requests(budget: Mapping[str, Any]) -> str:
    """Count the requests that wait for a permit, in words; budget: that of a status report."""
    waiting = (f"{count:,} {purpose}" for purpose, count in budget["waiting"].items() if count)
    return ", ".join(waiting) or "none"


def report_consumer(feed: FeedState, consumer: Consumer) -> dict[str, Any]:
    """Report how far a consumer has read the feed.

    behind: changes that are left for it. lost: those that were dropped before it read them, until it goes on.
    """
    return {
        "name": consumer.name,
        "sequence": consumer.sequence,
        "behind": feed.behind(consumer.sequence),
        "lost": feed.lost_count(consumer.sequence),
        "acknowledged_at": json_time(consumer.updated_at),
    }


def describe_webhooks(status: Mapping[str, Any]) -> str | None:
    """Describe the webhooks of the last day in a line, for people; None where none ever came."""
    found = status["webhooks"]
    if found["last_at"] is None:
        return None
    age = (datetime.fromisoformat(status["now"]) - datetime.fromisoformat(found["last_at"])).total_seconds()
    counts = [f"{count:,} {outcome}" for outcome, count in found["last_day"].items()]
    told = [", ".join(counts) or "none", f"in 24 hours, the last {describe_age(age)}"]
    return f"webhooks: {' '.join(told)}"


def _held(held: Held | None) -> dict[str, Any] | None:
    """Report the deletions that wait for a person's approval."""
    if held is None:
        return None
    return {"rows": held.rows, "since": json_time(held.since)}


def _walk(walk: Walk | None, full_pages: int | None) -> dict[str, Any] | None:
    """Report the progress of the unfinished walk.

    expected_pages: as many as the last complete full walk had, of another one; None where that is not known.
    """
    if walk is None:
        return None
    return {
        "kind": walk.kind.value,
        "phase": walk.phase.value,
        "began_at": json_time(walk.began_at),
        "pages": walk.pages,
        "rows": walk.rows,
        "expected_pages": full_pages if walk.kind is Kind.FULL else None,
    }


def json_time(moment: datetime | None) -> str | None:
    """Format a time for JSON: ISO text in UTC with milliseconds."""
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _age(now: datetime, moment: datetime | None) -> int | None:
    return None if moment is None else round((now - moment).total_seconds())
