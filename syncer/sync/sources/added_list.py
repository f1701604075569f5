"""The list of Kombo's that the configuration adds, of one integration, as a source of records."""

from __future__ import annotations

from syncer.domain.added.rows import added_exclusions, added_projection, project_added
from syncer.domain.added.spec import AddedList
from syncer.domain.records.exclude import Excluded
from syncer.domain.records.projection import Projection
from syncer.domain.records.record import Poison, Record
from syncer.domain.records.row import Row
from syncer.store.schema.destination import Destination, stream_destination
from syncer.sync.context import SyncContext
from syncer.sync.sources.kombo_list import KomboListSource


class AddedListSource(KomboListSource):
    """A ``Source`` that is read as those of models, and whose rows are kept as those of native lists."""

    spec: AddedList

    def __init__(self, context: SyncContext, spec: AddedList, integration_id: str) -> None:
        super().__init__(context, spec, integration_id)

    @property
    def destination(self) -> Destination:
        return stream_destination(self.context.streams.environment, self.key)

    @property
    def excluded(self) -> Excluded | None:
        return added_exclusions(self.spec, self.context.rules.exclusions, is_stored=True)

    @property
    def _never_enters(self) -> Excluded | None:
        return added_exclusions(self.spec, self.context.rules.exclusions)

    @property
    def projection(self) -> Projection:
        return added_projection(self.spec, self.context.rules.exclusions)

    def project(self, record: Record) -> Row | Poison:
        return project_added(self.spec, record, self._never_enters)
