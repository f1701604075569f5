"""Programs that are killed or stopped: looks at their mirrors, and trials at every boundary."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import Connection, delete, func, select

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Stream
from syncer.store.schema.mirror_tables import MIRROR, runs
from syncer.store.state.streams import StreamStore
from tests.reliability.database_copies import Copy
from tests.reliability.fork_server import EndedProcess, ForkServer, KillPoint, RunningProcess
from tests.support.feed_copy import FeedCopy
from tests.support.mirror import Mirror
from tests.support.processes import ServedSource

#: With 300 records the lists have 16 and 6 of them; the first has a link table.
MODELS = ("hris_employees", "hris_employee_document_categories")
#: Pages of a stream that a kill may cost: the one being written and the two behind it.
LOST = 3
#: What differs between two mirrors of the same source.
OF_OUR_WRITING = {"first_seen_at", "mirrored_at"}
#: The counts of a run that add up to what was done.
SAID = ("pages", "created", "updated", "deleted", "restored", "quarantined")


def _tables() -> Iterator[str]:
    for name in MODELS:
        model = catalogue()[name]
        yield name
        yield from (link.table for link in model.links)
        yield from (child.table for child in model.children)


#: The tables of the models, links and children with them.
TABLES = tuple(_tables())


@dataclass(frozen=True, slots=True)
class Look:
    """What can be seen of some streams of an integration, by model, and the rows of all tables by table.

    told: what the change feed tells, in any order. asked: pages that were asked for; said: the counts of the
    log of runs, summed over all of them; written_at: the times of our writing, which the rows are without.
    """

    asked: dict[str, int]
    said: dict[str, dict[str, int]]
    streams: dict[str, Stream]
    rows: dict[str, list[dict[str, Any]]]
    written_at: dict[str, list[Any]]
    told: list[tuple[Any, ...]]


@dataclass
class Mirrored:
    """Some models of one integration, as the source has them and as a database does."""

    source: ServedSource
    integration: str
    mirror: Mirror
    models: tuple[str, ...] = MODELS

    def __post_init__(self) -> None:
        self._before = len(self.source.environment.requests)

    def settings(self) -> dict[str, str]:
        """What a program needs to mirror just this."""
        return {
            **self.source.settings(self.mirror.database_url),
            "SYNCER_INTEGRATIONS": json.dumps([{"id": self.integration}]),
            "SYNCER_SYNC__MODELS": json.dumps(self.models),
        }

    def look(self) -> Look:
        """What the mirror and the simulator tell now; requests count from the beginning of this object."""
        requests = list(self.source.environment.requests)[self._before :]
        asked = Counter(each.model for each in requests if each.integration_id == self.integration)
        with self.mirror.read() as connection:
            found = connection.execute(
                select(runs.c.model, *(func.sum(runs.c[word]) for word in SAID))
                .where(runs.c.integration_id == self.integration)
                .group_by(runs.c.model)
            )
            said = {row[0]: dict(zip(SAID, map(int, row[1:]), strict=True)) for row in found}
            rows = {name: _rows(connection, name) for name in TABLES}
            return Look(
                asked={model: asked[model] for model in self.models},
                said={model: said[model] for model in self.models},
                streams={
                    each.model: each
                    for each in StreamStore().all(connection)
                    if each.integration_id == self.integration and each.model in self.models
                },
                rows={
                    name: [{key: row[key] for key in row if key not in OF_OUR_WRITING} for row in found]
                    for name, found in rows.items()
                },
                written_at={name: [row.get("mirrored_at") for row in found] for name, found in rows.items()},
                told=self._told(connection),
            )

    def _told(self, connection: Connection) -> list[tuple[Any, ...]]:
        """What the change feed tells, whose numbers are dense and whose copy of the rows is the mirror."""
        copy = FeedCopy([StreamKey(self.integration, model) for model in self.models])
        told = copy.follow(connection, is_checked=False)
        if told:
            copy.assert_equals(connection)
        its = [each for each in told if each.integration_id == self.integration]
        return sorted((each.model, each.record_id, each.operation, each.members or ()) for each in its)

    def check(self, lost: int = 0) -> Look:
        """The mirror equals the source, and its counts are right.

        lost: how many pages of each stream may have been fetched and not stored.
        """
        look = self.look()
        self.mirror.assert_equals_source(
            self.source.environment, self.models, integrations=[self.integration]
        )
        assert set(look.streams) == set(self.models)
        for model, stream in look.streams.items():
            ours = [row for row in look.rows[model] if row["integration_id"] == self.integration]
            assert (stream.state, stream.walk) == ("complete", None)
            deleted = sum(row["deleted_by"] is not None for row in ours)
            assert (stream.rows_live, stream.rows_deleted) == (len(ours) - deleted, deleted)
            assert 0 <= look.asked[model] - look.said[model]["pages"] <= lost
        return look


def _rows(connection: Connection, table: str) -> list[dict[str, Any]]:
    return sorted((dict(row) for row in connection.execute(select(MIRROR[table])).mappings()), key=repr)


@dataclass
class Subject:
    """A program in many processes, one after the other. kills: those that were killed."""

    fork_server: ForkServer
    mirrored: Mirrored
    changes: dict[str, str] = field(default_factory=dict)
    kills: int = 0

    def begin(
        self, command: str, kill_point: KillPoint | None = None, skew: timedelta = timedelta(0)
    ) -> RunningProcess:
        """Start a process of ``backfill``, ``sync`` or ``run``."""
        settings = {**self.mirrored.settings(), **self.changes}
        return self.fork_server.begin(command, kill_point=kill_point, settings=settings, skew=skew)

    def run(self, command: str, kill_point: KillPoint | None = None) -> EndedProcess:
        """Run a process from its start to its end."""
        ended = self.begin(command, kill_point).end()
        self.kills += ended.killed
        return ended

    def check(self) -> Look:
        """The mirror equals the source, its counts are right, and no kill has cost more than it may."""
        return self.mirrored.check(lost=LOST * self.kills)


@dataclass
class Trials:
    """Many subjects, each with a copy of one prepared database; as many at a time as there are fork servers.

    Every fork server has an integration of its own, so that it can be told who asked for what.
    changes: of the settings.
    """

    fork_servers: Sequence[ForkServer]
    source: ServedSource
    prepared: Mirror
    copy: Copy
    changes: dict[str, str]

    def prepare(self, *models: str) -> None:
        """Backfill these models in the database that is copied; with that the request budget is known to it.

        A process that dies while it asks for the budget would keep the next one waiting, for ten seconds.
        """
        settings = {**self.source.settings(self.prepared.database_url), **self.changes}
        self.fork_servers[0].run(
            "backfill", *(f"--model={each}" for each in models), settings=settings
        ).well()
        # The log of runs begins with the subjects.
        with self.prepared.open() as (_, connection):
            connection.execute(delete(runs))

    def subject(self, place: int, url: str, models: tuple[str, ...] = MODELS) -> Subject:
        """A subject in a copy."""
        integration = list(self.source.environment.integrations)[place]
        mirrored = Mirrored(self.source, integration, Mirror(url), models)
        return Subject(self.fork_servers[place], mirrored, self.changes)

    def at_every_boundary(
        self,
        command: str,
        check: Callable[[Look, Look], None],
        *,
        models: tuple[str, ...] = MODELS,
        first: int = 1,
    ) -> int:
        """Kill the command at each boundary of a transaction, each time in a copy; then run it to the end.

        On each kind of database at those of every other transaction: what is left out on the one is done on
        the other. check is given a look at each subject, after the general check, and one at what an
        undisturbed one did. first: the boundary to begin with. Gives how many there were.
        """
        places = len(self.fork_servers)
        skipped = places if self.prepared.database_url.startswith("postgresql") else 0

        def trials(place: int) -> int:
            with self.copy(self.prepared.database_url) as url:
                example = self.subject(place, url, models)
                example.run(command).well()
                undisturbed = example.check()
            # By twos, so that everybody gets both sides of a commit.
            mine = skipped + place
            for boundary in (each for each in count(first) if each // 2 % (2 * places) == mine):
                with self.copy(self.prepared.database_url) as url:
                    subject = self.subject(place, url, models)
                    if not subject.run(command, KillPoint("commit", boundary)).killed:
                        return boundary
                    subject.run(command).well()
                    check(subject.check(), undisturbed)
            raise AssertionError

        with ThreadPoolExecutor(places) as threads:
            return max(threads.map(trials, range(places))) - first
