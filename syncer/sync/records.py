"""Records as the API gives them, into the mirror: projected, compared, written and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from syncer.domain.exclude import excluded_from
from syncer.domain.model import Model
from syncer.domain.plan import Kind
from syncer.domain.projection import projection
from syncer.domain.record import Poison, Row, project
from syncer.store.mirror import Written, write_page
from syncer.store.missing import MissingStore
from syncer.store.projections import hold
from syncer.store.quarantine import keep_in_quarantine
from syncer.store.runs import count_page
from syncer.store.state import Lease
from syncer.sync.engine import Engine


@dataclass(frozen=True, slots=True)
class Records:
    """Some records of one model, projected."""

    rows: list[Row]
    poisons: list[Poison]

    @property
    def ids(self) -> list[str]:
        """The ids among them, also of records that cannot be rows."""
        return [*(row.id for row in self.rows), *(each.id for each in self.poisons if each.id is not None)]


def read_records(engine: Engine, model: Model, texts: Sequence[bytes]) -> Records:
    """Project records (their JSON texts), without what is excluded from the mirror."""
    excluded = excluded_from(model.name, engine.rules.exclusions)
    records = [project(model, bytes(text), excluded) for text in texts]
    return Records(
        rows=[record for record in records if isinstance(record, Row)],
        poisons=[record for record in records if isinstance(record, Poison)],
    )


def take_stream(connection: Connection, engine: Engine, lease: Lease, model: Model, now: datetime) -> None:
    """Before anything is written: what this process takes for the model's projection may be so no longer,
    and a runner that has lost its lease must not write a row. Raises ProjectionReplaced, LeaseLost.
    """
    hold(
        connection,
        engine.streams.environment,
        model.name,
        projection(model, engine.rules.exclusions),
    )
    engine.streams.renew(connection, lease, now, engine.rules.lease)


def write_records(
    connection: Connection,
    engine: Engine,
    lease: Lease,
    run_id: str,
    model: Model,
    records: Records,
    *,
    now: datetime,
    walk_began_at: datetime,
    kind: Kind | None,
    pages: int = 1,
) -> Written:
    """Make the mirror's rows those of the records; gives what each of them did, and all that is held back.

    kind, pages: what the run is told beside the counts. Call ``take_stream`` before.
    """
    key, environment = (lease.integration_id, lease.model), engine.streams.environment
    written = write_page(
        connection,
        model,
        lease.integration_id,
        records.rows,
        now=now,
        walk_began_at=walk_began_at,
        keep_anonymised=engine.rules.keep_anonymised,
    )
    poisons = [*records.poisons, *written.refused]
    counts = replace(written.counts, quarantined=written.counts.quarantined + len(poisons))
    keep_in_quarantine(connection, environment, key, run_id, now, poisons, records.rows)
    MissingStore(environment, key).forget(connection, records.ids)
    count_page(connection, run_id, kind, counts, pages)
    return replace(written, counts=counts, refused=poisons)


def write_asked(
    connection: Connection, engine: Engine, lease: Lease, run_id: str, model: Model, records: Records
) -> Written:
    """The same for records that were asked for outside of a walk, the stream's counters included.

    Raises ProjectionReplaced, LeaseLost.
    """
    now = engine.database.now(connection)
    take_stream(connection, engine, lease, model, now)
    written = write_records(
        connection,
        engine,
        lease,
        run_id,
        model,
        records,
        now=now,
        walk_began_at=now,
        kind=None,
        pages=0,
    )
    engine.streams.count_rows(connection, lease, written.counts)
    return written
