"""One pass over the selected streams, for `sync`, `backfill` and `reconcile`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from msgspec import Struct, field
from msgspec.structs import replace

from syncer.app import App
from syncer.domain.errors import DatabaseError, KomboError, TableUnavailable
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.environments.environment import Opened
from syncer.operations.key import check_key
from syncer.planning.choice import Chosen, choose_streams
from syncer.store.state.held import held_rows
from syncer.sync.context import Progress, Report, Result
from syncer.sync.run_all import run_streams


async def sync(
    app: App,
    mode: Mode,
    *,
    environments: Sequence[str] = (),
    integrations: Sequence[str] = (),
    models: Sequence[str] = (),
    report: Report = lambda _: None,
    planned: Callable[[Sequence[StreamKey]], None] = lambda _: None,
    may_create: bool = False,
) -> list[Result]:
    """Make one pass over the selected streams (all where none is named), of all environments at once.

    planned gets the keys of an environment's streams before the first of them begins. may_create: make
    SQLite's file where there is none. The streams of an environment whose key is refused, or where nobody is
    reached, have failed where there are others. Raises UsageError for a selection that names nothing,
    KeyRefused, DatabaseError, and a KomboError where Kombo is not reached at all.
    """
    selected = app.select(environments)
    await app.prepare(may_create=may_create)
    chosen = choose_streams({name: each.selection for name, each in selected.items()}, integrations, models)
    names = [name for name, lists in chosen.items() if any(lists.values())]
    async with app.open(names, report) as opened:
        with suppress(TableUnavailable):
            # The streams of that table say so themselves.
            await app.reprojection.finish()
        passes = [_Pass(app, each, chosen[each.environment.name], mode, planned) for each in opened]
        results = await _all(passes)
        # Where no service runs; what fails here is done by the next pass.
        with suppress(DatabaseError, TableUnavailable):
            await app.drop_old_rows()
        return results


async def _all(passes: Sequence[_Pass]) -> list[Result]:
    """Make the passes side by side; raise the first error of Kombo's where every pass has one."""
    ended = await asyncio.gather(*(each.run() for each in passes), return_exceptions=True)
    errors = [each for each in ended if isinstance(each, BaseException)]
    raised = [each for each in errors if not isinstance(each, KomboError)]
    if raised or len(errors) == len(passes):
        raise (raised or errors)[0]
    results: list[Result] = []
    for each, end in zip(passes, ended, strict=True):
        results += each.failed(str(end)) if isinstance(end, BaseException) else end
    return results


class _Pass(Struct):
    """Pass over the chosen streams of one environment. ended: results of runs by stream, as they came."""

    app: App
    opened: Opened
    chosen: Chosen
    mode: Mode
    planned: Callable[[Sequence[StreamKey]], None]
    ended: dict[StreamKey, Result] = field(default_factory=dict)

    async def run(self) -> list[Result]:
        """Make it. Raises KomboError where the environment's key is refused, or nobody reached."""
        app, environment = self.app, self.opened.environment
        context = replace(self.opened.context, report=self._report)
        unchecked = await check_key(environment, context)
        if unchecked is not None and unchecked.unsent:
            # Nobody is reached: no stream would be.
            raise unchecked
        keys = await environment.selection.refresh_streams(self.opened.integrations, self.chosen)
        wanted = [key for key in keys if key.model in self.chosen.get(key.integration_id, ())]
        if self.mode is Mode.APPROVE:
            held = await app.database.ask(lambda connection: held_rows(connection, environment.name))
            wanted = [key for key in wanted if key in held]
        self.planned(wanted)
        stages = sorted({app.settings.lists[key.model].stage for key in wanted})
        results: list[Result] = []
        for stage in stages:
            keys = [key for key in wanted if app.settings.lists[key.model].stage == stage]
            concurrency = app.settings.sync.concurrency
            results += await run_streams(context, self.opened.integrations, keys, self.mode, concurrency)
        return results

    def failed(self, error: str) -> list[Result]:
        """Give the results where it has failed: the streams that were not run have, too."""
        of = f"Environment {self.opened.environment.name}: {error}"
        keys = [StreamKey(each, name) for each, names in self.chosen.items() for name in sorted(names)]
        return [self.ended.get(key) or Result(key, Outcome.FAILED, error=of) for key in keys]

    def _report(self, step: Progress) -> None:
        if step.result is not None and step.step == "ended":
            self.ended[step.key] = step.result
        self.opened.context.report(step)
