"""Re-projection: rows follow a new catalogue, other exclusions or columns, and what is erased leaves them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from msgspec import Struct, field
from sqlalchemy import Connection

from syncer.domain.added.spec import AddedList
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.errors import TableUnavailable
from syncer.domain.feed.row_change import FeedRules
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.records.exclusions import Exclusion
from syncer.process.log import Logger
from syncer.store.db.database import Database
from syncer.store.records.histories import adopt_histories
from syncer.store.records.model_projector import ModelProjector
from syncer.store.records.native_projector import AddedListProjector, NativeProjector
from syncer.store.records.reproject import (
    Batch,
    BatchContext,
    Projector,
    expected_rows,
    reproject_batch,
)
from syncer.store.schema.native_views import ConfiguredList, make_views
from syncer.store.schema.vacuum import vacuum
from syncer.store.state.adoption import adopt
from syncer.store.state.erasures import finish_erasures, has_unfinished
from syncer.store.state.projections import (
    lock_projections,
    request_reprojection,
    share_projections,
    unfinished_lists,
)
from syncer.sync.erasures import KnownErasures
from syncer.sync.removed_values import overwrite_removed
from syncer.sync.tables import on_table

log = Logger()

#: Rows in one transaction: what a page waits for where both want to write.
BATCH_ROWS = 500


class Reprojected(Struct, frozen=True):
    """Progress of the re-projection of one list.

    rows: records that were read, of about expected; this run's alone. written: rows, links, children and
    entries of the quarantine that differed. is_finished: nothing is left to do.
    """

    model: str
    rows: int = 0
    written: int = 0
    expected: int = 0
    is_finished: bool = False


class Reprojection(Struct, frozen=True):
    """Re-projection of the rows of all environments, for catalogue, exclusions, native and added lists.

    stopping: checked between two batches; what is done until then is kept, and goes on from there. new_id
    names a run, for the records that it puts into quarantine. kept_tables: those with a history, by the
    model that writes them. feed: the lists whose changes are told, where erasures change rows.
    """

    database: Database
    exclusions: frozenset[Exclusion]
    new_id: Callable[[], str]
    stopping: Callable[[], bool]
    native_lists: Mapping[str, NativeListSpec] = field(default_factory=dict)
    added_lists: Mapping[str, AddedList] = field(default_factory=dict)
    kept_tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    batch_rows: int = BATCH_ROWS
    feed: FeedRules = field(default_factory=FeedRules)
    erasures: KnownErasures = field(default_factory=KnownErasures)

    @property
    def _projectors(self) -> Mapping[str, Projector]:
        """Projector of every list, by name."""
        models = {name: ModelProjector(model, self.exclusions) for name, model in catalogue().items()}
        return {
            **models,
            **{name: AddedListProjector(each, self.exclusions) for name, each in self.added_lists.items()},
            **{name: NativeProjector(each, self.exclusions) for name, each in self.native_lists.items()},
        }

    def adopt(self) -> None:
        """Make this program's projections and histories those of all rows.

        Raises DatabaseError, UsageError.
        """
        wanted = {name: each.projection for name, each in self._projectors.items()}
        with self.database.begin() as connection:
            now = self.database.now(connection)
            adopted = adopt(connection, wanted, now, self.exclusions)
            histories = adopt_histories(connection, self.kept_tables, now)
            lists: list[ConfiguredList] = [*self.added_lists.values(), *self.native_lists.values()]
            make_views(connection, lists, anew=adopted.changed)
        if adopted.replaced:
            log.info("projection_replaced", models=adopted.replaced)
        for name in adopted.dropped:
            log.warning("native_list_dropped", model=name)
        # Neither may have been meant.
        if adopted.with_other_key:
            log.warning("pseudonym_key_changed", models=adopted.with_other_key)
        lifted = tuple(name for name in adopted.walked_anew if name not in adopted.with_other_key)
        if lifted:
            log.warning("exclusions_lifted", models=lifted)
        if histories.begun:
            log.info("history_begun", tables=histories.begun)
        if histories.ended:
            log.warning("history_ended", tables=histories.ended)

    async def finish(self, report: Callable[[Reprojected], None] = lambda _: None) -> list[Reprojected]:
        """Re-project what is left to do.

        Lists whose rows cannot be used are left out, and TableUnavailable is raised for the first of them in
        the end. Raises DatabaseError, ProjectionReplaced, too.
        """
        models = await self.database.ask(unfinished_lists)
        return await self._run([name for name in self._projectors if name in models], report)

    async def is_needed(self) -> bool:
        """Tell whether ``finish`` has something to do. Raises DatabaseError."""

        def ask(connection: Connection) -> bool:
            left = self._projectors.keys() & set(unfinished_lists(connection))
            return bool(left) or has_unfinished(connection)

        return await self.database.ask(ask)

    async def run(
        self, models: Sequence[str], report: Callable[[Reprojected], None] = lambda _: None
    ) -> list[Reprojected]:
        """Re-project all rows of these lists, going on where that is half done. Raises as ``finish``."""
        await self.database.write(lambda connection: request_reprojection(connection, models))
        return await self._run(models, report)

    async def _run(self, models: Iterable[str], report: Callable[[Reprojected], None]) -> list[Reprojected]:
        projectors = self._projectors
        finished, unavailable = [], []
        for name in models:
            try:
                finished.append(await self._list(projectors[name], self.new_id(), report))
            except TableUnavailable as error:
                unavailable.append(error)
        if not self.stopping():
            await overwrite_removed(self.database)
            if await self.database.ask(_are_copies_gone):
                await asyncio.to_thread(vacuum, self.database)
                await self.database.write(self._finish_erasures)
        if unavailable:
            raise unavailable[0]
        return finished

    async def _list(
        self, projector: Projector, run_id: str, report: Callable[[Reprojected], None]
    ) -> Reprojected:
        name = projector.name
        count = self.database.ask(lambda connection: expected_rows(connection, name))
        expected = await on_table(self.database, name, count)
        so_far = Reprojected(name, expected=expected)
        report(so_far)
        while not self.stopping() and not so_far.is_finished:
            work = self.database.write(partial(self._batch, projector, run_id))
            batch = await on_table(self.database, name, work)
            so_far = Reprojected(
                name,
                rows=so_far.rows + (batch.rows if batch else 0),
                written=so_far.written + (batch.written if batch else 0),
                expected=expected,
                is_finished=batch is None,
            )
            report(so_far)
        log.info(
            "reprojected" if so_far.is_finished else "reprojection_stopped",
            model=name,
            rows=so_far.rows,
            written=so_far.written,
        )
        return so_far

    def _batch(self, projector: Projector, run_id: str, connection: Connection) -> Batch | None:
        # From here on nothing is erased until the batch is over.
        share_projections(connection)
        erased = self.erasures.read(connection).erased
        now = self.database.now(connection)
        context = BatchContext(connection, run_id, now, self.batch_rows, erased, self.feed)
        return reproject_batch(context, projector)

    def _finish_erasures(self, connection: Connection) -> None:
        # Alone: one that comes now has not been looked for.
        lock_projections(connection)
        if _are_copies_gone(connection):
            finish_erasures(connection, self.database.now(connection))


def _are_copies_gone(connection: Connection) -> bool:
    """Tell whether erasures are under way of which no copy is left in any model's records."""
    return has_unfinished(connection) and catalogue().keys().isdisjoint(unfinished_lists(connection))
