"""Everything that can be wrong, looked at: configuration, database, key, integrations, models, drift."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from syncer.app import App
from syncer.domain.catalogue.lookup import select_models
from syncer.domain.errors import SyncerError
from syncer.domain.ratelimit.budget import Purpose
from syncer.operations.checks import Finding, check_integration, check_native, tell_drift
from syncer.planning.selection import NO_INTEGRATION
from syncer.store.reading.drift import drift
from syncer.store.schema import migrate as schema


async def check(app: App) -> AsyncIterator[Finding]:
    """Configuration, database, key, each integration and its models: what is well and what is not.

    Then what the stored documents have and the tables do not. Raises what kept Kombo from being asked.
    """
    database = app.database
    shown = database.shown_url
    before, wanted = schema.revisions(database)
    if before is None:
        # The request budget lives there, and whether the database takes writes is worth knowing.
        await asyncio.to_thread(app.migrate)
        before = wanted
        yield Finding("database", True, f"{shown} was empty and is now at revision {wanted}")
    elif before == wanted:
        yield Finding("database", True, f"{shown} is at revision {wanted}")
    else:
        yield Finding("database", True, f"{shown} will be migrated from revision {before} to {wanted}")
    failed: SyncerError | None = None
    try:
        async for finding in _check_kombo(app, app.selection.configured(before == wanted)):
            yield finding
    except SyncerError as error:
        failed = error
    if before == wanted:
        # What is stored can be looked at without Kombo, too.
        for finding in await database.ask(lambda connection: list(tell_drift(drift(connection)))):
            yield finding
    if failed is not None:
        raise failed


async def _check_kombo(app: App, configured: Mapping[str, Sequence[str] | None]) -> AsyncIterator[Finding]:
    async with app.open() as (context, _):
        environment = await context.client.check_key(purpose=Purpose.INCREMENTAL)
        yield Finding("key", True, f"accepted by {app.settings.base_url} for environment {environment}")
        if not configured:
            yield Finding("integrations", False, NO_INTEGRATION)
        for integration_id, globs in configured.items():
            wanted = select_models(tuple(globs or app.settings.sync.models))
            async for finding in check_integration(context.client, integration_id, wanted):
                yield finding
            mirrored = {model.name for model in wanted}
            for finding in check_native(integration_id, app.settings.native_lists, mirrored):
                yield finding
        for native_list in app.settings.native_lists:
            if configured and not any(map(native_list.covers, configured)):
                globs = " or ".join(native_list.integrations)
                yield Finding(native_list.name, False, f"no mirrored integration fits {globs}")
