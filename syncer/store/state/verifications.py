"""Verifications by the service: whose turn it is, who is at it, and what the last one found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, or_, select, update

from syncer.domain.clocks import TOLERANCE, VIEW_AHEAD
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import StreamState
from syncer.domain.verification.difference import Apart, Difference, Verdict
from syncer.domain.verification.result import Verification
from syncer.store.db.bulk import insert_statement
from syncer.store.db.types import Timestamp
from syncer.store.schema.state_tables import streams
from syncer.store.schema.stream_key import stream_filter
from syncer.store.schema.verification_table import verifications

#: States of streams whose rows say nothing of their source for now.
_IDLE = (StreamState.NEW, StreamState.GONE, StreamState.WAITING, StreamState.UNAVAILABLE)
#: Streams that are tried in one look, where others have just taken the first.
_TRIED = 10


class LastVerification(Struct, frozen=True):
    """Last verification of a stream that has ended; counts in records."""

    key: StreamKey
    environment: str
    verdict: Verdict
    reason: str | None
    ended_at: datetime
    records: int
    differing: int
    newer: int
    unsettled: int


class DifferingStream(Struct, frozen=True):
    """Stream whose last verification, at that time, found so many records that differ."""

    key: StreamKey
    records: int
    ended_at: datetime


class VerificationNumbers(Struct, frozen=True):
    """Last verifications of an environment's streams, summed up. differing: records; oldest_at: their end."""

    verdicts: Counter[Verdict]
    differing: int
    oldest_at: datetime | None


class VerificationStore(Struct, frozen=True):
    """Verifications of one environment's streams. length: of a lease."""

    environment: str
    owner: str
    length: timedelta

    def claim(
        self,
        connection: Connection,
        models: Collection[str],
        now: datetime,
        *,
        every: timedelta,
        retry: timedelta,
    ) -> StreamKey | None:
        """Take the lease of the stream whose last verification is the oldest; None: none is due.

        models: those that can be verified. every: time between two; retry: the same after one that could not
        be carried out. A stream that differed is due again once it has been read whole, which mends it.
        """
        columns = verifications.c
        is_due = or_(
            columns.ended_at.is_(None),
            columns.ended_at < now - every,
            columns.ended_at > now + VIEW_AHEAD,
            and_(columns.verdict == Verdict.UNREAD, columns.ended_at < now - retry),
            and_(columns.verdict == Verdict.DIFFERENT, columns.ended_at < streams.c.last_full_walk_at),
        )
        found = connection.execute(
            select(streams.c.integration_id, streams.c.model)
            .select_from(streams.outerjoin(verifications, _same_stream()))
            .where(
                streams.c.environment == self.environment,
                streams.c.mirrored,
                streams.c.model.in_(sorted(models)),
                streams.c.state.not_in(_IDLE),
                streams.c.last_full_walk_at.is_not(None),
                is_due,
                self._is_free(now),
            )
            .order_by(columns.ended_at.is_not(None), columns.ended_at)
            .limit(_TRIED)
        )
        keys = [StreamKey(row.integration_id, row.model) for row in found.all()]
        return next((key for key in keys if self._take(connection, key, now)), None)

    def renew(self, connection: Connection, key: StreamKey, now: datetime) -> bool:
        """Renew the lease; False where it is another's."""
        return self._set(connection, key, lease_until=now + self.length) > 0

    def free(self, connection: Connection, key: StreamKey) -> None:
        """Give up the lease; the last result stays."""
        self._set(connection, key, lease_owner=None, lease_until=None)

    def store(self, connection: Connection, found: Verification, now: datetime) -> None:
        """Store a result, and give up the lease; nothing where it is another's."""
        findings = found.findings
        counts = {each.value: findings.differences[each] for each in Difference}
        counts |= {each.value: findings.apart[each] for each in (Apart.NEWER, Apart.STALE_COPIES)}
        self._set(
            connection,
            found.key,
            ended_at=now,
            verdict=found.verdict,
            reason=found.reason,
            source_time=None if found.source is None else found.source.ended_at,
            records=0 if found.source is None else found.source.records,
            differing=findings.differing,
            unsettled=findings.apart[Apart.UNSETTLED],
            digest=None if found.digests is None else found.digests.source,
            mirror_digest=None if found.digests is None else found.digests.mirror,
            lease_owner=None,
            lease_until=None,
            **counts,
        )

    def forget_others(self, connection: Connection) -> None:
        """Forget what was found of streams that are not mirrored any more."""
        is_mirrored = exists().where(_same_stream(), streams.c.mirrored)
        connection.execute(
            delete(verifications).where(verifications.c.environment == self.environment, ~is_mirrored)
        )

    def _take(self, connection: Connection, key: StreamKey, now: datetime) -> bool:
        """Take the lease, unless another process has just done so."""
        lease = {"began_at": now, "lease_owner": self.owner, "lease_until": now + self.length}
        row = {
            "environment": self.environment,
            "integration_id": key.integration_id,
            "model": key.model,
            **lease,
        }
        statement = insert_statement(connection, verifications).values(row)
        statement = statement.on_conflict_do_update(
            index_elements=list(verifications.primary_key.columns), set_=lease, where=self._is_free(now)
        )
        # The library keeps the number of inserted rows only where it is asked to.
        options = {"preserve_rowcount": True}
        return connection.execute(statement, execution_options=options).rowcount > 0

    def _is_free(self, now: datetime) -> ColumnElement[bool]:
        until = verifications.c.lease_until
        return or_(until.is_(None), until < now, until > now + self.length + TOLERANCE)

    def _set(self, connection: Connection, key: StreamKey, **values: object) -> int:
        statement = update(verifications).where(
            *stream_filter(verifications, self.environment, key), verifications.c.lease_owner == self.owner
        )
        return connection.execute(statement.values(**values)).rowcount


def last_verifications(
    connection: Connection, environments: Collection[str], integrations: Collection[str] | None = None
) -> dict[StreamKey, LastVerification]:
    """Read the last verifications that have ended. integrations: of these alone; None: of all."""
    columns = verifications.c
    conditions = [columns.environment.in_(sorted(environments)), columns.ended_at.is_not(None)]
    if integrations is not None:
        conditions.append(columns.integration_id.in_(sorted(integrations)))
    found = connection.execute(
        select(
            columns.integration_id,
            columns.model,
            columns.environment,
            columns.verdict,
            columns.reason,
            columns.ended_at,
            columns.records,
            columns.differing,
            columns.newer,
            columns.unsettled,
        ).where(*conditions)
    )
    rows = [
        LastVerification(
            StreamKey(row.integration_id, row.model),
            row.environment,
            Verdict(row.verdict),
            row.reason,
            row.ended_at,
            row.records,
            row.differing,
            row.newer,
            row.unsettled,
        )
        for row in found
    ]
    return {each.key: each for each in rows}


def differing_streams(connection: Connection, environment: str) -> list[DifferingStream]:
    """Read the streams of which the last verification found differences, in the order of their keys."""
    columns = verifications.c
    found = connection.execute(
        select(columns.integration_id, columns.model, columns.differing, columns.ended_at)
        .join(streams, _same_stream())
        .where(columns.environment == environment, columns.verdict == Verdict.DIFFERENT, streams.c.mirrored)
        .order_by(columns.integration_id, columns.model)
    )
    return [DifferingStream(StreamKey(row[0], row[1]), row[2], row[3]) for row in found]


def verification_numbers(
    connection: Connection, environments: Sequence[str]
) -> dict[str, VerificationNumbers]:
    """Sum up the last verifications by environment; those without any are left out."""
    columns = verifications.c
    found = connection.execute(
        select(
            columns.environment,
            columns.verdict,
            func.count(),
            func.sum(columns.differing),
            func.min(columns.ended_at, type_=Timestamp),
        )
        .where(columns.environment.in_(environments), columns.ended_at.is_not(None))
        .group_by(columns.environment, columns.verdict)
    )
    summed: dict[str, VerificationNumbers] = {}
    for environment, verdict, number, differing, oldest in found:
        before = summed.get(environment, VerificationNumbers(Counter(), 0, None))
        summed[environment] = VerificationNumbers(
            before.verdicts + Counter({Verdict(verdict): number}),
            before.differing + int(differing),
            min(filter(None, (before.oldest_at, oldest))),
        )
    return summed


def _same_stream() -> ColumnElement[bool]:
    return and_(
        *(verifications.c[name] == streams.c[name] for name in ("environment", "integration_id", "model"))
    )
