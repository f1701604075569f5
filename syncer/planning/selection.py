"""Select the streams to mirror: integrations and lists that configuration and commands name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from msgspec.structs import replace
from sqlalchemy import Connection

from syncer.config.settings import Settings
from syncer.domain.catalogue.lookup import category_models
from syncer.domain.catalogue.model import Model
from syncer.domain.errors import KeyRefused, KomboError
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.list_spec import ListSpec
from syncer.store.db.database import Database
from syncer.store.schema import revisions as schema
from syncer.store.state.integrations import IntegrationRow, IntegrationStore
from syncer.store.state.streams import StreamStore

if TYPE_CHECKING:
    from syncer.sync.integrations import Integrations


class Selection:
    """Integrations and streams of one environment, kept in step with configuration and commands."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        integrations: IntegrationStore,
        streams: StreamStore,
    ) -> None:
        self.settings = settings
        self.database = database
        self.integrations = integrations
        self.streams = streams

    def mirrored(self) -> dict[str, IntegrationRow]:
        """Read the integrations that are mirrored, by id."""
        with self.database.read() as connection:
            return {each.id: each for each in self.integrations.all(connection)}

    def models_of(self, integration: IntegrationRow) -> tuple[Model, ...]:
        """Select Kombo's lists that are configured for an integration, as far as its category has them.

        The category counts only where Kombo's list of the integration's models agrees with it.
        """
        wanted = self.settings.select_models(integration.models or self.settings.sync.models)
        return category_models(wanted, integration.category, integration.read_models)

    def lists_of(self, integration: IntegrationRow) -> tuple[ListSpec, ...]:
        """Select the lists that are mirrored of an integration: its models, then native lists."""
        native_lists = (each for each in self.settings.native_lists if each.covers(integration.id))
        return (*self.models_of(integration), *native_lists)

    async def refresh_streams(self, asking: Integrations, among: Collection[str] = ()) -> list[StreamKey]:
        """Bring the streams in step with the integrations, and list them round-robin over the integrations.

        An integration that was never asked about is asked now (only among those named, if any are): its
        category says which models it can have.
        """
        await self.ask_about(asking, [each for each in await self.unasked() if not among or each in among])
        return await self.select_streams()

    async def ask_about(self, asking: Integrations, wanted: Collection[str]) -> None:
        """Have Kombo asked about these integrations. Raises KeyRefused, DatabaseError."""
        answers = await asyncio.gather(*(self._ask(asking, each) for each in wanted), return_exceptions=True)
        for answer in answers:
            if answer is not None:
                raise answer

    async def unasked(self) -> list[str]:
        """Find the integrations of which Kombo was never asked. Raises DatabaseError."""
        return await self.database.ask(
            lambda connection: [
                each.id for each in self.integrations.all(connection) if each.checked_at is None
            ]
        )

    async def select_streams(self) -> list[StreamKey]:
        """Bring the streams in step with the integrations, and list them round-robin over these."""
        lists = await self.keep_in_step()
        by_integration = [[StreamKey(id, name) for name in names] for id, names in lists.items()]
        return [key for row in zip_longest(*by_integration) for key in row if key is not None]

    async def keep_in_step(self, *, leave: Collection[str] = ()) -> dict[str, tuple[str, ...]]:
        """Bring the streams in step with the integrations, except those to leave; give the lists of each.

        Nothing is made for each stream where all are in step, as they are most of the time.
        """

        def wanted(connection: Connection) -> tuple[dict[str, tuple[str, ...]], bool]:
            """Choose the lists of each integration, and tell whether these are mirrored already."""
            mirrored = self.streams.lists(connection)
            lists, names_of = {}, self._names_of()
            for row in self.integrations.all(connection):
                names = names_of(row)
                if row.id in leave:
                    names = tuple(sorted(mirrored.get(row.id, frozenset()) & self.settings.lists.keys()))
                if names:
                    lists[row.id] = names
            sets = {names: frozenset(names) for names in set(lists.values())}
            return lists, {id: sets[names] for id, names in lists.items()} == mirrored

        def select(connection: Connection) -> dict[str, tuple[str, ...]]:
            lists, _ = wanted(connection)
            self.streams.select(
                connection, {StreamKey(id, name) for id, names in lists.items() for name in names}
            )
            return lists

        # The service looks every minute, and seldom is there anything to write.
        lists, are_mirrored = await self.database.ask(wanted)
        return lists if are_mirrored else await self.database.write(select)

    def _names_of(self) -> Callable[[IntegrationRow], tuple[str, ...]]:
        """Make a function that names the lists of an integration, once for all that are alike."""
        known: dict[tuple[object, ...], tuple[str, ...]] = {}

        def names_of(row: IntegrationRow) -> tuple[str, ...]:
            native = tuple(each.name for each in self.settings.native_lists if each.covers(row.id))
            kind = (row.models, row.category, frozenset(row.read_models.items()))
            if kind not in known:
                known[kind] = tuple(each.name for each in self.models_of(row))
            return known[kind] + native

        return names_of

    async def _ask(self, asking: Integrations, integration_id: str) -> None:
        try:
            await asking.known(integration_id, Purpose.INCREMENTAL)
        except KeyRefused:
            raise
        except KomboError:
            # Its streams will fail with the same error.
            return

    def configured(self, has_tables: bool) -> dict[str, Sequence[str] | None]:
        """Merge the integrations of the configuration with those added besides, where there are tables."""
        wanted: dict[str, Sequence[str] | None] = {
            each.id: each.models for each in self.settings.integrations
        }
        if has_tables:
            with self.database.read() as connection:
                added = [each for each in self.integrations.all(connection) if each.origin != "config"]
            wanted.update({each.id: each.models for each in added})
        return wanted

    def known(self) -> list[IntegrationRow]:
        """List the integrations to mirror, each with what Kombo last said of it. Changes nothing."""
        before, wanted = schema.revisions(self.database)
        rows = self.mirrored() if before == wanted else {}
        return [
            replace(
                rows.get(each)
                or IntegrationRow(each, origin="config", environment=self.integrations.environment),
                models=tuple(globs) if globs else None,
            )
            for each, globs in self.configured(before == wanted).items()
        ]
