"""Select the streams to mirror: integrations and lists that configuration and commands name."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from syncer.config.settings import Settings
from syncer.domain.catalogue.lookup import category_models, select_models
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
        """Select the models that are configured for an integration, as far as its category has them.

        The category counts only where Kombo's list of the integration's models agrees with it.
        """
        wanted = select_models(integration.models or self.settings.sync.models)
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
        wanted = [each for each in await self.unasked() if not among or each in among]
        answers = await asyncio.gather(*(self._ask(asking, each) for each in wanted), return_exceptions=True)
        for answer in answers:
            if answer is not None:
                raise answer
        return await self.select_streams()

    async def unasked(self) -> list[str]:
        """Find the integrations of which Kombo was never asked. Raises DatabaseError."""
        return await self.database.ask(
            lambda connection: [
                each.id for each in self.integrations.all(connection) if each.checked_at is None
            ]
        )

    async def select_streams(self, *, leave: Collection[str] = ()) -> list[StreamKey]:
        """Bring streams in step with integrations, except those to leave, and list them round-robin."""

        def wanted(connection: Connection) -> tuple[list[StreamKey], bool]:
            """List the streams, and tell whether these are mirrored already."""
            mirrored = self.streams.keys(connection)
            lists = [
                [key for key in mirrored if key.integration_id == row.id and key.model in self.settings.lists]
                if row.id in leave
                else [StreamKey(row.id, each.name) for each in self.lists_of(row)]
                for row in self.integrations.all(connection)
            ]
            keys = [key for row in zip_longest(*lists) for key in row if key is not None]
            return keys, set(keys) == set(mirrored)

        def select(connection: Connection) -> list[StreamKey]:
            keys, _ = wanted(connection)
            self.streams.select(connection, set(keys))
            return keys

        # The service looks every minute, and seldom is there anything to write.
        keys, are_mirrored = await self.database.ask(wanted)
        return keys if are_mirrored else await self.database.write(select)

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
