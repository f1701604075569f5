"""Re-projection: rows follow a new catalogue or other exclusions, out of what the mirror itself has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog
from sqlalchemy import Connection

from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.native.rows import native_projection
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.records.exclude import Exclusion
from syncer.domain.records.projection import projection
from syncer.store.db.database import Database
from syncer.store.records.reproject import Batch, Task, expected_rows, reproject_batch
from syncer.store.records.reproject_native import NativeTask, reproject_native_batch
from syncer.store.schema.native_views import make_views
from syncer.store.state.projections import adopt, begin, unfinished

log = structlog.get_logger("syncer")

#: Rows in one transaction: what a page waits for where both want to write.
BATCH_ROWS = 500


@dataclass(frozen=True, slots=True)
class Reprojected:
    """How far the re-projection of one model has come.

    rows: records that were looked at, of about expected; this run's alone. written: rows, links, children and
    entries of the quarantine that differed. is_finished: nothing is left to do.
    """

    model: str
    rows: int = 0
    written: int = 0
    expected: int = 0
    is_finished: bool = False


@dataclass(frozen=True, slots=True)
class Reprojection:
    """Keeps the rows in step with the catalogue, the exclusions and the columns of native lists.

    stopping: asked between two batches; what is done until then is kept, and goes on from there. new_id names
    what puts records into quarantine.
    """

    database: Database
    environment: str
    exclusions: frozenset[Exclusion]
    new_id: Callable[[], str]
    stopping: Callable[[], bool]
    native_lists: Mapping[str, NativeListSpec] = field(default_factory=dict)
    batch_rows: int = BATCH_ROWS

    def adopt(self) -> None:
        """From now on all rows are to be of this program's projections. Raises DatabaseError, UsageError."""
        wanted = {name: projection(model, self.exclusions) for name, model in catalogue().items()}
        wanted |= {name: native_projection(each) for name, each in self.native_lists.items()}
        with self.database.begin() as connection:
            adopted = adopt(connection, self.environment, wanted, self.database.now(connection))
            make_views(connection, self.native_lists.values(), anew=adopted.changed)
        if adopted.replaced:
            log.info("projection_replaced", models=adopted.replaced)
        if adopted.walked_anew:
            # Whoever did not mean to lift an exclusion should hear of it.
            log.warning("exclusions_lifted", models=adopted.walked_anew)

    async def finish(self, report: Callable[[Reprojected], None] = lambda _: None) -> list[Reprojected]:
        """Re-project what is left to do. Raises DatabaseError, ProjectionReplaced."""
        environment = self.environment
        models = await self.database.ask(lambda connection: unfinished(connection, environment))
        return await self._run(
            [name for name in (*catalogue(), *self.native_lists) if name in models], report
        )

    async def again(
        self, models: Sequence[str], report: Callable[[Reprojected], None] = lambda _: None
    ) -> list[Reprojected]:
        """Re-project all rows of the models, going on where that is half done. Raises as ``finish``."""
        environment = self.environment
        await self.database.write(lambda connection: begin(connection, environment, models))
        return await self._run(models, report)

    async def _run(self, models: Iterable[str], report: Callable[[Reprojected], None]) -> list[Reprojected]:
        return [await self._model(name, self.new_id(), report) for name in models]

    async def _model(self, name: str, run_id: str, report: Callable[[Reprojected], None]) -> Reprojected:
        environment = self.environment
        expected = await self.database.ask(lambda connection: expected_rows(connection, environment, name))
        so_far = Reprojected(name, expected=expected)
        report(so_far)
        while not self.stopping() and not so_far.is_finished:
            batch = await self.database.write(partial(self._batch, name, run_id))
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

    def _batch(self, name: str, run_id: str, connection: Connection) -> Batch | None:
        now = self.database.now(connection)
        if name in self.native_lists:
            native_list = self.native_lists[name]
            return reproject_native_batch(
                NativeTask(connection, self.environment, native_list, run_id, now, self.batch_rows)
            )
        return reproject_batch(
            Task(
                connection=connection,
                environment=self.environment,
                model=model_named(name),
                exclusions=self.exclusions,
                run_id=run_id,
                now=now,
                size=self.batch_rows,
            )
        )
