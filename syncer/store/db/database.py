"""One database: its engine, transactions and clock, and the translation of its errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import ColumnElement, Connection, event, literal, select

from syncer.domain.errors import StatementFailed
from syncer.process.identity import this_process
from syncer.store.db.clock import clock_time, server_time
from syncer.store.db.engines import make_engine
from syncer.store.db.interpreter_turns import Turns
from syncer.store.db.last_work import Done, do_last_work
from syncer.store.db.opened_file import OpenedFile
from syncer.store.db.removed_values import RemovedValues
from syncer.store.db.right_of_way import RightOfWay
from syncer.store.db.sqlite_file import SqliteFile
from syncer.store.db.translation import translated
from syncer.store.db.types import Timestamp
from syncer.store.db.write_ahead_log import WriteAheadLog
from syncer.store.db.write_lock import WriteLock

if TYPE_CHECKING:
    from syncer.store.db.loop_connection import LoopConnection

_T = TypeVar("_T")

#: How often a transaction is run, at most, while others are in its way.
CONFLICT_TRIES = 5
#: Made once: every page runs it.
_NOW = select(clock_time())


class Database:
    """Transactions on one database, from any thread and, through a thread pool, from async code.

    url: ``sqlite:///file.db``, ``postgresql://…`` (also ``postgres://`` and ``postgresql+psycopg://``).
    schema: of PostgreSQL, where everything of ours is; None: the first of the connection's search path.
    workers: how many transactions may be under way at once. clock_offset moves the database's clock, for
    tests of hosts whose clocks differ. No transaction makes SQLite's file where there is none, or uses one
    that has been put in its place.
    Every error of the driver leaves as DatabaseUnavailable, as StatementFailed where one table may be the
    cause, or as DatabaseRefused where the file is no database, except those that show a fault of ours.
    """

    def __init__(
        self,
        url: str,
        *,
        schema: str | None = None,
        workers: int = 8,
        clock_offset: timedelta = timedelta(0),
    ) -> None:
        #: Tells it from others on the same database.
        self.token = this_process()
        self.clock_offset = clock_offset
        self.schema = schema
        self.engine = make_engine(url, workers, schema)
        self.file = SqliteFile(Path(self.engine.url.database or "")) if self.is_sqlite else None
        self._opened = None
        if self.file is not None:
            self._opened = opened = OpenedFile(self.file)
            event.listen(self.engine, "connect", lambda *_: opened.connected())
            event.listen(self.engine, "close", lambda *_: opened.closed())
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="database")
        # Not kept waiting by what occupies the others, nor by each other.
        self._urgent_thread = ThreadPoolExecutor(1, thread_name_prefix="database-urgent")
        self._prompt_thread = ThreadPoolExecutor(1, thread_name_prefix="database-prompt")
        self._way = RightOfWay()
        # SQLite's writers take turns by themselves.
        self._order = self._way if self.is_sqlite else Turns(self._way)
        # SQLite has one write lock. Waiting for it here is fair and costs nothing; waiting for it inside
        # SQLite is a poll with growing pauses.
        self._writer = WriteLock() if self.is_sqlite else None
        #: Of PostgreSQL alone: another way for short statements that somebody waits for.
        self.loop_connection = None if self.is_sqlite else self._loop_connection()
        self._removed = RemovedValues(self.engine) if self.is_sqlite else None
        self._log = WriteAheadLog(self.engine) if self.is_sqlite else None
        self._after_commit: list[Callable[[Done], None]] = []

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @property
    def shown_url(self) -> str:
        """Address without a password, wherever in it one is."""
        url = self.engine.url
        hidden = {name: "***" for name in url.query if "password" in name}
        shown = url.set(drivername=url.get_backend_name()).update_query_dict(hidden)
        return shown.render_as_string(hide_password=True)

    @contextmanager
    def begin(self, *, urgent: bool = False) -> Iterator[Connection]:
        """Begin a transaction that writes: it commits at the end, and rolls back on an exception.

        Before it commits it does what ``do_last`` was asked for. urgent: on SQLite it waits for one writer.
        """
        with self._alone(urgent=urgent):
            with self._translated(), self.engine.begin() as connection:
                yield connection
                done = do_last_work(connection)
            self._truncate_log()
        if self._log is not None and not urgent:
            self._log.write_back_if_long()
        for call in self._after_commit:
            call(done)

    @contextmanager
    def outside_transactions(self) -> Iterator[Connection]:
        """Open a connection without transactions, for statements of PostgreSQL's that run in none.

        Behind a pooler it has the server's settings: name what is meant with its schema.
        """
        with self._translated(), self.engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def after_commit(self, call: Callable[[Done], None]) -> Iterator[None]:
        """Call a function after each transaction that wrote here, in its thread, while the block runs.

        It is given what the transaction's last work gave.
        """
        self._after_commit = [*self._after_commit, call]
        try:
            yield
        finally:
            self._after_commit = [each for each in self._after_commit if each is not call]

    @contextmanager
    def read(self, *, fresh: bool = False) -> Iterator[Connection]:
        """Begin a transaction that only reads: one consistent snapshot, and no writer waits for it.

        fresh: on a new connection, which remembers nothing.
        """
        with self._translated(), self.engine.connect() as connection:
            if fresh:
                connection.invalidate()
            if self.is_sqlite:
                connection.execution_options(syncer_read_only=True)
            else:
                # At PostgreSQL's default level every statement would see a snapshot of its own.
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection
        self._truncate_log_unless_written()

    def answering(self) -> AbstractContextManager[None]:
        """Have the works of threads let others go first while the block, of an event loop's, runs."""
        return self._way.taken()

    def give_way(self) -> None:
        """Let those go first who are answering; in a thread, where nothing is held that they may want."""
        self._way.give()

    async def write(self, work: Callable[[Connection], _T]) -> _T:
        """Run work in a writing transaction on a worker thread.

        A cancelled caller does not take the thread's transaction with it: it commits or rolls back whole.
        """
        return await self._in_thread(self.begin, work, self._threads, self._order)

    async def write_urgently(self, work: Callable[[Connection], _T]) -> _T:
        """Run a short work in a writing transaction that waits for no thread and for one writer at most."""
        return await self._in_thread(partial(self.begin, urgent=True), work, self._urgent_thread, None)

    async def write_promptly(self, work: Callable[[Connection], _T]) -> _T:
        """Run what follows from urgent works in a transaction, for whose thread none of them waits."""
        return await self._in_thread(partial(self.begin, urgent=True), work, self._prompt_thread, self._way)

    async def ask(self, work: Callable[[Connection], _T]) -> _T:
        """Run work in a reading transaction on a worker thread."""
        return await self._in_thread(self.read, work, self._threads, self._order)

    async def _in_thread(
        self,
        transaction: Callable[[], AbstractContextManager[Connection]],
        work: Callable[[Connection], _T],
        threads: ThreadPoolExecutor,
        order: Turns | RightOfWay | None,
    ) -> _T:
        """Run work in a transaction, and again from the beginning while another one is in its way.

        order: in which threads begin; None: at once.
        """

        def run() -> _T:
            for _ in range(CONFLICT_TRIES - 1):
                try:
                    with transaction() as connection:
                        return work(connection)
                except StatementFailed as error:
                    if not error.is_conflict:
                        raise
            with transaction() as connection:
                return work(connection)

        begun = run if order is None else partial(order.run, run)
        return await asyncio.get_running_loop().run_in_executor(threads, begun)

    async def overwrite_removed(self) -> bool:
        """Overwrite what is left of removed values in SQLite's files; False where there was nothing.

        It copies the file, and whoever wants to write waits meanwhile. PostgreSQL does the like by itself.
        Raises DatabaseError.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._overwrite_removed)

    def _overwrite_removed(self) -> bool:
        if self._removed is None:
            return False
        with self.read() as connection:
            if not self._removed.are_in_file(connection):
                return False
        with self._alone(), self._translated():
            self._removed.vacuum()
            self._removed.truncate_log()
        return True

    def now(self, connection: Connection) -> datetime:
        """Read the database's clock, which all hosts share."""
        return self.adjusted(connection.execute(_NOW).scalar_one())

    def adjusted(self, moment: datetime) -> datetime:
        """Adjust what ``clock_time`` gave in a statement to the clock of ``now``."""
        return moment + self.clock_offset

    def moment(self, connection: Connection, *, ago: timedelta = timedelta(0)) -> ColumnElement[datetime]:
        """Give the database's clock as an expression, which needs no answer before the statement it is in."""
        if self.is_sqlite:
            return literal(self.now(connection) - ago, Timestamp)
        return server_time(self.clock_offset - ago)

    def reopen(self) -> None:
        """Begin anew with the database that is there now, after DatabaseReplaced. Nobody may be using it."""
        self.engine.dispose()
        if self.loop_connection is not None:
            self.loop_connection.close()
        if self._opened is not None:
            self._opened.forget()

    def close(self) -> None:
        """Wait for the transactions under way and drop all connections."""
        self._threads.shutdown(wait=True)
        self._urgent_thread.shutdown(wait=True)
        self._prompt_thread.shutdown(wait=True)
        self.reopen()

    def _loop_connection(self) -> LoopConnection:
        # Not read where the database is SQLite.
        from syncer.store.db.loop_connection import LoopConnection

        return LoopConnection(self)

    @contextmanager
    def _alone(self, *, urgent: bool = False) -> Iterator[None]:
        """Keep others of this process from writing, on SQLite."""
        with nullcontext() if self._writer is None else self._writer.hold(urgent=urgent):
            yield

    def _truncate_log(self) -> None:
        """Cut off what SQLite's log has of removed values, if it is time to. Nobody else may be writing."""
        if self._removed is not None and self._removed.is_time():
            self._removed.truncate_log()

    def _truncate_log_unless_written(self) -> None:
        """Do the same after a transaction that only read; a writer of this process tries by itself."""
        if self._removed is None or not self._removed.are_in_log or self._writer is None:
            return
        with self._writer.hold_if_free() as is_held:
            if is_held:
                self._truncate_log()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if self._opened is not None:
            self._opened.check()
        with translated(lambda: self.shown_url):
            yield
