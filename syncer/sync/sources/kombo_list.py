"""The list of one model of one integration, as a source of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from syncer.domain.catalogue.model import Model, narrowed
from syncer.domain.errors import AnswerTooLarge, ParametersRefused
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.records.exclude import Excluded, excluded_from, excluded_from_stored
from syncer.domain.records.projection import Projection, projection
from syncer.domain.records.record import Poison, Record, read_record, read_stored
from syncer.domain.records.row import Row, project
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.page_size import PageSize
from syncer.domain.streams.stream import Walk
from syncer.kombo.lists import Page
from syncer.process.log import Logger
from syncer.store.schema.destination import Destination, model_destination
from syncer.store.state.projections import Pinned, pin
from syncer.store.state.refused_parameters import note_refused
from syncer.sync.context import SyncContext
from syncer.sync.sources.base import Records

log = Logger()


class KomboListSource:
    """A ``Source``. What is excluded from the mirror leaves the records as they are read.

    spec loses the parameters that the list turns out not to take.
    """

    def __init__(self, context: SyncContext, spec: Model, integration_id: str) -> None:
        self.context = context
        self.spec = spec
        self.integration_id = integration_id
        self.page_size = PageSize(context.rules.page_size)

    @property
    def key(self) -> StreamKey:
        """Key of the stream."""
        return StreamKey(self.integration_id, self.spec.name)

    @property
    def destination(self) -> Destination:
        return model_destination(self.spec, self.integration_id)

    @property
    def filters(self) -> Mapping[str, str]:
        return self.context.rules.filters.get(self.spec.name, {})

    @property
    def excluded(self) -> Excluded | None:
        return excluded_from_stored(self.spec.name, self.context.rules.exclusions)

    @property
    def projection(self) -> Projection:
        """Projection of the records to rows."""
        return projection(self.spec, self.context.rules.exclusions)

    @property
    def may_list_twice(self) -> bool:
        return False

    async def page(self, walk: Walk, cursor: str | None, purpose: Purpose) -> Page:
        """Fetch the page; fewer records of it where the answer is too large."""
        while True:
            try:
                page = await self.list_page(
                    purpose,
                    page_size=self.page_size.now,
                    updated_after=walk.updated_after,
                    cursor=cursor,
                    filters=walk.filters,
                )
            except AnswerTooLarge:
                if not self.spec.features.paging or not self.page_size.shrink():
                    raise
            else:
                self.page_size.adapt(sum(map(len, page.results)))
                return page

    async def list_page(
        self,
        purpose: Purpose,
        *,
        page_size: int,
        updated_after: str | None = None,
        cursor: str | None = None,
        filters: Mapping[str, str] | None = None,
        ids: Sequence[str] | None = None,
        remote_ids: Sequence[str] | None = None,
    ) -> Page:
        """Fetch a page, without the parameters that the list turns out not to take.

        Without ``updated_after`` it may hold more than was asked for. Raises ParametersRefused where the list
        does not take the ids that it is asked for, and KomboError.
        """
        while True:
            try:
                return await self.context.client.list_page(
                    self.spec,
                    self.integration_id,
                    purpose=purpose,
                    page_size=page_size,
                    updated_after=updated_after,
                    cursor=cursor,
                    filters=filters,
                    ids=ids,
                    remote_ids=remote_ids,
                )
            except ParametersRefused as error:
                await self._leave_out(error.parameters)
                if error.parameters & {"ids", "remote_ids"}:
                    raise

    async def _leave_out(self, parameters: frozenset[str]) -> None:
        """Leave parameters out from now on, also in the runs to come."""
        database, environment = self.context.database, self.context.streams.environment
        await database.write(
            lambda connection: note_refused(
                connection, environment, self.key, parameters, database.now(connection)
            )
        )
        self.spec = narrowed(self.spec, parameters)
        log.info(
            "parameters_refused",
            integration=self.integration_id,
            model=self.spec.name,
            parameters=sorted(parameters),
        )

    def read(self, page: Page) -> Records:
        return self.records(page.results)

    def records(self, texts: Sequence[bytes]) -> Records:
        """Read records from their JSON texts; of several with one id the last counts."""
        excluded = self._never_enters
        records = [read_record(bytes(text), excluded) for text in texts]
        # Each of those without an id is one of its own.
        latest = {place if each.id is None else each.id: each for place, each in enumerate(records)}
        return Records(
            usable=[each for each in latest.values() if isinstance(each, Record)],
            poisons=[each for each in latest.values() if isinstance(each, Poison)],
        )

    def project(self, record: Record) -> Row | Poison:
        return project(self.spec, record, self._never_enters)

    def project_text(self, text: bytes) -> Row | Poison:
        """Project a row's document to its row, or to the reason why there is none."""
        record = read_stored(text, self.excluded)
        return self.project(record) if isinstance(record, Record) else record

    @property
    def _never_enters(self) -> Excluded | None:
        return excluded_from(self.spec.name, self.context.rules.exclusions)

    def pin(self, connection: Connection) -> Pinned:
        return pin(connection, self.spec.name, self.projection)
