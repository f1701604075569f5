"""Streams that are mirrored: their rows are added, chosen and read here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from sqlalchemy import ColumnElement, Connection, func, select, update

from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import StreamState
from syncer.domain.streams.stream import Stream, StreamProgress
from syncer.store.db.bulk import insert_statement
from syncer.store.schema.state_tables import streams
from syncer.store.schema.stream_key import bound_stream_filter, stream_parameters
from syncer.store.state.due import DueStreams
from syncer.store.state.stream_columns import PROGRESS_COLUMNS, STREAM_COLUMNS, progress_of, stream_of

#: Made once: every page runs it.
_GET = select(*STREAM_COLUMNS).where(*bound_stream_filter(streams))


class MirroredStreams(DueStreams, frozen=True):
    """Rows of the streams of one environment, without their leases and walks."""

    def add(self, connection: Connection, keys: Iterable[StreamKey]) -> None:
        """Add a row for each of the streams that has none."""
        rows = [
            {
                "environment": self.environment,
                "integration_id": integration,
                "model": model,
                "state": StreamState.NEW,
            }
            for integration, model in keys
        ]
        if rows:
            connection.execute(insert_statement(connection, streams).on_conflict_do_nothing(), rows)

    def select(self, connection: Connection, keys: Collection[StreamKey]) -> None:
        """Mirror exactly these streams from now on; the rows and the progress of the others stay."""
        found = connection.execute(
            select(streams.c.integration_id, streams.c.model, streams.c.mirrored).where(
                streams.c.environment == self.environment
            )
        )
        mirrored = {StreamKey(row.integration_id, row.model): row.mirrored for row in found}
        self.add(connection, (key for key in keys if key not in mirrored))
        for is_wanted in (True, False):
            others = (key for key, is_mirrored in mirrored.items() if is_mirrored != is_wanted)
            changed = [key for key in others if (key in keys) is is_wanted]
            for these in self._some(connection, changed):
                connection.execute(update(streams).where(these).values(mirrored=is_wanted))

    def keys(self, connection: Connection) -> list[StreamKey]:
        """Read the keys of all streams that are mirrored, by integration and model."""
        found = connection.execute(
            select(streams.c.integration_id, streams.c.model)
            .where(self._mirrored)
            .order_by(streams.c.integration_id, streams.c.model)
        )
        return [StreamKey(row.integration_id, row.model) for row in found]

    def lists(self, connection: Connection) -> dict[str, frozenset[str]]:
        """Read the names of the lists that are mirrored, by integration.

        Joined by the database: there are far fewer integrations than streams, and fewer choices of lists.
        """
        found = connection.execute(
            select(streams.c.integration_id, func.aggregate_strings(streams.c.model, ","))
            .where(self._mirrored)
            .group_by(streams.c.integration_id)
        ).all()
        choices = {text: frozenset(text.split(",")) for text in {row[1] for row in found}}
        return {row[0]: choices[row[1]] for row in found}

    def find(self, connection: Connection, key: StreamKey) -> Stream | None:
        """Read one stream; None where it has no row."""
        row = connection.execute(_GET, stream_parameters(self.environment, key)).one_or_none()
        return None if row is None else stream_of(row)

    def get(self, connection: Connection, key: StreamKey) -> Stream:
        """Read one stream; its row must exist."""
        return stream_of(connection.execute(_GET, stream_parameters(self.environment, key)).one())

    def get_or_add(self, connection: Connection, key: StreamKey) -> Stream:
        """Read one stream; it gets a row where it has none."""
        stream = self.find(connection, key)
        if stream is None:
            self.add(connection, [key])
            return self.get(connection, key)
        return stream

    def all(self, connection: Connection, conditions: Iterable[ColumnElement[bool]] = ()) -> list[Stream]:
        """Read the streams that are mirrored and meet the conditions, by integration and model."""
        found = connection.execute(
            select(*STREAM_COLUMNS)
            .where(self._mirrored, *conditions)
            .order_by(streams.c.integration_id, streams.c.model)
        )
        return [stream_of(row) for row in found.all()]

    def progress(self, connection: Connection) -> dict[str, dict[str, StreamProgress]]:
        """Read the progress of the streams that are mirrored, by integration and model."""
        # Few have an unfinished walk at any one time.
        unfinished = self.all(connection, [streams.c.walk_id.is_not(None)])
        walks = {each.key: each.walk for each in unfinished}
        progress: defaultdict[str, dict[str, StreamProgress]] = defaultdict(dict)
        for row in connection.execute(select(*PROGRESS_COLUMNS).where(self._mirrored)).all():
            integration_id, model = row[0], row[1]
            walk = None if row[6] is None else walks.get(StreamKey(integration_id, model))
            progress[integration_id][model] = progress_of(row, walk)
        return progress
