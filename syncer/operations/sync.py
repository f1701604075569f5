"""One pass over the selected streams, for `sync`, `backfill` and `reconcile`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from syncer.app import App
from syncer.domain.errors import DatabaseError, TableUnavailable
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Mode
from syncer.operations.key import check_key
from syncer.store.state.missing import held_rows
from syncer.sync.context import Report, Result
from syncer.sync.run_all import run_streams


async def sync(
    app: App,
    mode: Mode,
    *,
    integrations: Sequence[str] = (),
    models: Sequence[str] = (),
    report: Report = lambda _: None,
    planned: Callable[[Sequence[StreamKey]], None] = lambda _: None,
    may_create: bool = False,
) -> list[Result]:
    """Make one pass over the selected streams (all where none is named).

    planned gets the keys of all of them before the first begins. may_create: make SQLite's file where there
    is none. Raises UsageError for a selection that names nothing, KeyRefused, DatabaseError, and a KomboError
    where Kombo is not reached at all.
    """
    async with app.ready(report, may_create=may_create) as (context, asking):
        chosen = app.selection.chosen(integrations, models)
        with suppress(TableUnavailable):
            # The streams of that table say so themselves.
            await app.reprojection.finish()
        unchecked = await check_key(app, context)
        if unchecked is not None and unchecked.unsent:
            # Nobody is reached: no stream would be.
            raise unchecked
        keys = await app.selection.refresh_streams(asking, set(integrations))
        wanted = [key for key in keys if key.model in chosen.get(key.integration_id, ())]
        if mode is Mode.APPROVE:
            environment = context.streams.environment
            held = await app.database.ask(lambda connection: held_rows(connection, environment))
            wanted = [key for key in wanted if key in held]
        planned(wanted)
        stages = sorted({app.settings.lists[key.model].stage for key in wanted})
        results: list[Result] = []
        for stage in stages:
            keys = [key for key in wanted if app.settings.lists[key.model].stage == stage]
            results += await run_streams(context, asking, keys, mode, app.settings.sync.concurrency)
        # Where no service runs; what fails here is done by the next pass.
        with suppress(DatabaseError, TableUnavailable):
            await app.drop_old_rows()
        return results
