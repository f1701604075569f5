"""The overview as plain values, ready for JSON: the one form that `status --json` and the pages share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from syncer.app import App
from syncer.domain.ratelimit.budget import Pacing, Purpose, Reserve
from syncer.domain.ratelimit.waiters import count_waiting
from syncer.domain.streams.stream import Walk
from syncer.store.reading.overview import Overview, overview
from syncer.store.schema import migrate as schema
from syncer.store.state.missing import Held
from syncer.sync.permits import fingerprint


def status(app: App) -> dict[str, Any]:
    """Report the overview as plain values, ready for JSON. Raises DatabaseError."""
    found = report_status(read_overview(app), app.settings.budget.reserve, app.settings.budget.pacing)
    with app.database.read() as connection:
        return {**found, "behind": app.capacity.report_backlog(connection)}


def read_overview(app: App) -> Overview:
    """Read what the mirror holds and how fresh it is. Raises DatabaseError."""
    schema.check(app.database)
    key = app.settings.kombo.api_key.get_secret_value()
    with app.database.read() as connection:
        return overview(
            connection,
            app.streams.environment,
            fingerprint(key) if key else None,
            app.database.now(connection),
        )


def is_well(found: Overview) -> bool:
    """True where every stream is complete, or of a model that its integration does not offer."""
    return all(stream.state.meaning.is_well for stream in found.streams)


def report_status(found: Overview, reserve: Reserve, pacing: Pacing) -> dict[str, Any]:
    """Streams, freshness, budget and quarantine; times as ISO text in UTC, ages in seconds."""
    return {
        "now": _time(found.now),
        "is_well": is_well(found),
        "integrations": [
            {
                "id": each.id,
                "tool": each.tool,
                "category": each.category,
                "organisation": each.organisation,
                "status": each.status,
                "setup_status": each.setup_status,
                "state": each.state,
            }
            for each in found.integrations
        ],
        "streams": [
            {
                "integration": each.integration_id,
                "model": each.model,
                "state": each.state,
                "is_running": each.key in found.running,
                "walk": _walk(each.walk),
                "rows_live": each.rows_live,
                "rows_deleted": each.rows_deleted,
                "complete_as_of": _time(each.watermark),
                "lag_seconds": _age(found.now, each.complete_at),
                "last_full_walk_at": _time(each.last_full_walk_at),
                "last_run_at": _time(each.last_run_at),
                "last_outcome": each.last_outcome,
                "last_error": each.last_error,
                "due_at": _time(each.due_at),
                "held": _held(found.held.get(each.key)),
                "quarantined": found.quarantine.get(each.key, (0, None))[0],
                "quarantined_since": _time(found.quarantine.get(each.key, (0, None))[1]),
            }
            for each in found.streams
        ],
        "totals": {
            "rows_live": sum(each.rows_live for each in found.streams),
            "rows_deleted": sum(each.rows_deleted for each in found.streams),
            "streams": dict(found.states),
            "running": len(found.running),
        },
        "budget": _budget(found, reserve, pacing),
    }


def _budget(overview: Overview, reserve: Reserve, pacing: Pacing) -> dict[str, Any] | None:
    budget = overview.budget
    if budget is None:
        return None
    now = overview.now.timestamp()
    left = max(0.0, (budget.ends_at or 0.0) - now)
    waiting = count_waiting(budget.waiting, now)
    return {
        "limit": budget.limit,
        # A window that has ended is empty, though nobody has begun the next one yet.
        "used": budget.effective_used if left else 0,
        "reserve": None if budget.limit is None else reserve.of(budget.limit),
        "pacing": pacing,
        "waiting": {purpose.name.lower(): waiting[purpose] for purpose in Purpose},
        "resets_at": _time(datetime.fromtimestamp(budget.ends_at, UTC)) if left and budget.ends_at else None,
        "resets_in_seconds": round(left, 1),
        "window_seconds": budget.length,
        "answers_429": budget.refusals,
    }


def waiting_requests(budget: dict[str, Any]) -> str:
    """The requests that wait for a permit, in words."""
    waiting = (f"{count:,} {purpose}" for purpose, count in budget["waiting"].items() if count)
    return ", ".join(waiting) or "none"


def _held(held: Held | None) -> dict[str, Any] | None:
    """What waits for a person to approve."""
    if held is None:
        return None
    return {"rows": held.rows, "since": _time(held.since), "examples": list(held.examples)}


def _walk(walk: Walk | None) -> dict[str, Any] | None:
    """How far the unfinished walk has come."""
    if walk is None:
        return None
    return {
        "kind": walk.kind.value,
        "phase": walk.phase.value,
        "began_at": _time(walk.began_at),
        "pages": walk.pages,
        "rows": walk.rows,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _age(now: datetime, moment: datetime | None) -> int | None:
    return None if moment is None else round((now - moment).total_seconds())
