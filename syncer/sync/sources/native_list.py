"""Native list of one integration, as a source of records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from syncer.domain.errors import ParentsUnread
from syncer.domain.native.cursor import NativeCursor
from syncer.domain.native.request import call_at
from syncer.domain.native.response import Listing, read_listing
from syncer.domain.native.row_values import UnsendableValue
from syncer.domain.native.rows import native_projection, project_native, read_native, twin, unsendable
from syncer.domain.native.spec import ForEach, NativeListSpec
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.records.exclude import Excluded, excluded_from, excluded_from_stored
from syncer.domain.records.record import Poison, Record
from syncer.domain.records.row import Row
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Walk
from syncer.kombo.lists import Page
from syncer.kombo.passthrough import NativeAnswer
from syncer.store.records.parents import has_full_walk, next_value
from syncer.store.schema.destination import Destination, stream_destination
from syncer.store.state.projections import Pinned, pin
from syncer.sync.context import SyncContext
from syncer.sync.sources.base import Records
from syncer.sync.tables import on_table


class NativeListSource(Struct, frozen=True):
    """A ``Source``. Its cursors name a row of the mirror, and a position in that row's list."""

    context: SyncContext
    spec: NativeListSpec
    integration_id: str

    @property
    def destination(self) -> Destination:
        return stream_destination(
            self.context.streams.environment, StreamKey(self.integration_id, self.spec.name)
        )

    @property
    def filters(self) -> Mapping[str, str]:
        return self.spec.filters

    @property
    def excluded(self) -> Excluded | None:
        return excluded_from_stored(self.spec.name, self.context.rules.exclusions)

    @property
    def may_list_twice(self) -> bool:
        return self.spec.may_list_twice

    async def page(self, walk: Walk, cursor: str | None, purpose: Purpose) -> Page:
        """Fetch a page by one request at most; where there is no row there is no request and no record.

        Raises ParentsUnread where the rows that are to be asked for have not been read whole yet.
        """
        here, each = NativeCursor.read(cursor), self.spec.for_each
        if each is not None and here.at is None:
            row = await self._ask_parents(partial(self._row, each, here.row))
            if row is None:
                return Page((), None, None)
            here = NativeCursor(row)
        listing, page = await self._asked(here, purpose)
        following = listing.next
        if following is None and each is not None:
            row = await self._ask_parents(partial(self._following, each, here.row))
            following = None if row is None else NativeCursor(row)
        return replace(page, next=None if following is None else following.text())

    async def _ask_parents(self, work: Callable[[Connection], str | None]) -> str | None:
        """Read the rows that the list is asked for. Raises TableUnavailable where these cannot be read."""
        database, each = self.context.database, self.spec.for_each
        return await on_table(database, each.table if each else self.spec.name, database.ask(work))

    async def _asked(self, here: NativeCursor, purpose: Purpose) -> tuple[Listing, Page]:
        def read(answer: NativeAnswer) -> Listing:
            return read_listing(
                self.spec,
                here,
                self.integration_id,
                status=answer.status,
                headers=answer.headers,
                body=answer.body,
                url=answer.url,
            )

        try:
            call = call_at(self.spec, here)
        except UnsendableValue as error:
            # One row stops no other.
            return Listing((), None), Page((), None, None, parent=here.row, refusal=str(error))
        listing, answer, duration = await self.context.client.native_list(
            call, self.integration_id, self.spec.name, read, purpose=purpose
        )
        return listing, Page(listing.records, None, answer.served_at, duration, parent=here.row)

    def read(self, page: Page) -> Records:
        """Read the page's records; of several with one key only the first can be a row."""
        usable: dict[str, Record] = {}
        poisons: list[Poison] = []
        each = self.spec.for_each
        excluded = excluded_from(self.spec.name, self.context.rules.exclusions)
        if page.refusal is not None and page.parent is not None and each is not None:
            reason = f"its list cannot be asked for: {each.table}.{each.column} {page.refusal}"
            poisons.append(unsendable(page.parent, reason))
        for text in page.results:
            record = read_native(self.spec, text, page.parent, excluded)
            if isinstance(record, Poison):
                poisons.append(record)
            elif usable.setdefault(record.id, record).content_hash != record.content_hash:
                poisons.append(twin(record))
        return Records(list(usable.values()), poisons)

    def project(self, record: Record) -> Row | Poison:
        return project_native(self.spec, record)

    def pin(self, connection: Connection) -> Pinned:
        wanted = native_projection(self.spec, self.context.rules.exclusions)
        return pin(connection, self.spec.name, wanted)

    def _row(self, each: ForEach, row: str | None, connection: Connection) -> str | None:
        """Find the first row or, where the list is to go on with one, that or the one after it.

        It may have left the mirror since, and the tool, which then would refuse the list for ever.
        """
        if row is not None:
            return next_value(connection, each, self.integration_id, row, inclusive=True)
        if not has_full_walk(connection, self.context.streams.environment, self.integration_id, each.table):
            raise ParentsUnread(
                f"{self.spec.name} asks for each row of {each.table}, which has not been read whole yet "
                f"for {self.integration_id}.",
                integration_id=self.integration_id,
            )
        return next_value(connection, each, self.integration_id, None)

    def _following(self, each: ForEach, after: str | None, connection: Connection) -> str | None:
        return next_value(connection, each, self.integration_id, after)
