"""Log of runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec.structs import asdict
from sqlalchemy import Connection, Text, bindparam, case, delete, func, insert, select, update

from syncer.domain.errors import LeaseLost
from syncer.domain.records.change import Counts
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Kind
from syncer.store.schema.state_tables import runs

#: Retention of ended runs.
KEEP_RUNS = timedelta(days=30)
_RESTORED = "The database has been replaced by an older one under this run."
_COUNTED = ("created", "updated", "unchanged", "deleted", "restored", "quarantined")

#: Made once: every page runs it.
_COUNT = (
    update(runs)
    .where(runs.c.id == bindparam("run_id"), runs.c.pages >= bindparam("stored"))
    .values(
        kind=func.coalesce(bindparam("new_kind", type_=Text), runs.c.kind),
        **{name: runs.c[name] + bindparam(f"more_{name}") for name in ("pages", *_COUNTED)},
    )
)


def begin_run(
    connection: Connection, run_id: str, environment: str, key: StreamKey, owner: str, now: datetime
) -> None:
    """Note that a run has begun."""
    begin_runs(connection, environment, {run_id: key}, owner, now)


def begin_runs(
    connection: Connection, environment: str, keys: Mapping[str, StreamKey], owner: str, now: datetime
) -> None:
    """Note that runs have begun; keys: of their streams, by their ids."""
    connection.execute(
        insert(runs),
        [
            {
                "id": run_id,
                "environment": environment,
                "integration_id": key.integration_id,
                "model": key.model,
                "owner": owner,
                "started_at": now,
            }
            for run_id, key in keys.items()
        ],
    )


def count_page(
    connection: Connection,
    run_id: str,
    kind: Kind | None,
    counts: Counts,
    pages: int = 1,
    *,
    stored: int = 0,
) -> None:
    """Add the effects of a page, or of records that were looked up, to the run, in their transaction.

    kind None leaves the kind as it is. stored: how many pages the run has stored before. Raises LeaseLost
    where the database knows of fewer: a backup has been restored under the run, whatever its lease says.
    """
    numbers = asdict(counts)
    more = {f"more_{name}": numbers[name] for name in _COUNTED}
    parameters = {"run_id": run_id, "stored": stored, "new_kind": kind, "more_pages": pages, **more}
    if not connection.execute(_COUNT, parameters).rowcount:
        raise LeaseLost(_RESTORED)


def end_run(
    connection: Connection,
    run_id: str,
    outcome: Outcome,
    error: str | None,
    now: datetime,
    *,
    stored: int = 0,
    told_at: datetime | None = None,
) -> None:
    """Note how a run ended. Raises LeaseLost as ``count_page`` does.

    told_at: the arrival of the first webhook whose news it has read.
    """
    ended = connection.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.pages >= stored)
        .values(ended_at=now, outcome=outcome, error=error, told_at=told_at)
    )
    if not ended.rowcount:
        raise LeaseLost(_RESTORED)


def told_requests(connection: Connection, environment: str, since: datetime) -> int:
    """Count the requests of runs that webhooks have caused and that ended since then."""
    pages = case((runs.c.pages > 1, runs.c.pages), else_=1)
    found = connection.execute(
        select(func.sum(pages)).where(
            runs.c.ended_at > since, runs.c.told_at.is_not(None), runs.c.environment == environment
        )
    ).scalar_one()
    return int(found or 0)


def forget_old_runs(connection: Connection, now: datetime) -> int:
    """Delete runs that ended, or whose process died, before the retention; give how many."""
    before = now - KEEP_RUNS
    died = runs.c.ended_at.is_(None) & (runs.c.started_at < before)
    # By a clock that was wrong: they would stay, and be the latest, for as long as it was ahead.
    misdated = runs.c.started_at > now + KEEP_RUNS
    return connection.execute(delete(runs).where((runs.c.ended_at < before) | died | misdated)).rowcount
