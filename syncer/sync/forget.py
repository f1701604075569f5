"""Forgetting of rows that have been deleted at their source for long enough: they leave the mirror whole.

A list may go on telling of such a record; without a row it is no news any more (``is_forgotten``).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, Select, select

from syncer.domain.feed.row_change import FeedRules
from syncer.domain.records.exclusions import Exclusion
from syncer.domain.stream_key import StreamKey
from syncer.store.records.blanked_copies import blank_carriers, find_carriers
from syncer.store.records.erase import erase_model_rows, erase_native_rows
from syncer.store.records.reproject import BatchContext
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.native_table import passthrough_records
from syncer.store.state.erasures import renew_version
from syncer.store.state.projections import lock_projections

#: Rows that one transaction forgets: every page waits for it.
MOST_AT_ONCE: Final = 500


class Forgetting(Struct, frozen=True):
    """Forgetting of rows whose record was deleted longer ago than they are kept.

    feed: the lists whose changes are told. exclusions: with which the rows that carry copies are written.
    new_id: makes versions of erasures.
    """

    keep: timedelta
    feed: FeedRules
    exclusions: frozenset[Exclusion]
    new_id: Callable[[], str]

    def of_model(self, model: str, connection: Connection, now: datetime, limit: int) -> int:
        """Forget rows of a model, so many at most; give how many they were, as long as there may be more."""
        rows = MIRROR[model]
        old = select(rows.c.id).where(rows.c.remote_deleted_at <= now - self.keep).order_by(rows.c.id)
        ids = self._chosen(connection, old, limit)
        if ids:
            self._blank_copies(connection, model, ids, now)
            erase_model_rows(connection, self.feed, model, ids, now)
            renew_version(connection, self.new_id())
        return limit if len(ids) == MOST_AT_ONCE else len(ids)

    def of_native_list(self, name: str, connection: Connection, now: datetime, limit: int) -> int:
        """Forget rows of a native list, as ``of_model``."""
        rows = passthrough_records.c
        of_list = select(rows.environment, rows.integration_id, rows.record_key).where(
            rows.resource == name, rows.remote_deleted_at <= now - self.keep
        )
        if connection.execute(of_list.limit(1)).first() is None:
            return 0
        lock_projections(connection)
        found = connection.execute(of_list.limit(min(limit, MOST_AT_ONCE))).all()
        keys: dict[tuple[str, str], list[str]] = {}
        for row in found:
            keys.setdefault((row.environment, row.integration_id), []).append(row.record_key)
        for (environment, integration_id), each in sorted(keys.items()):
            key = StreamKey(integration_id, name)
            erase_native_rows(connection, self.feed, environment, key, each, now)
        renew_version(connection, self.new_id())
        return limit if len(found) == MOST_AT_ONCE else len(found)

    def _chosen(self, connection: Connection, old: Select[str], limit: int) -> list[str]:
        """Choose the next rows; none where there are none, and then no page has to wait."""
        if connection.execute(old.limit(1)).first() is None:
            return []
        # A page that was compared with them before is compared again.
        lock_projections(connection)
        return list(connection.execute(old.limit(min(limit, MOST_AT_ONCE))).scalars())

    def _blank_copies(self, connection: Connection, model: str, ids: list[str], now: datetime) -> None:
        """Blank what other rows carry of them, as far as Kombo's own blanking has not done so."""
        carriers = find_carriers(connection, model, ids)
        if carriers:
            batch = BatchContext(connection, "", now, len(ids))
            blank_carriers(batch, model, ids, carriers, self.exclusions)
