"""Read-only SQL on the mirror."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection

from syncer.app import App
from syncer.store.reading.query import Answer, cancel, check_readable, query


class Query:
    """One statement, which another thread may cancel while it runs.

    parameters: values for ``:name``. as_of: the moment as of which it reads the mirror; None: now.
    """

    def __init__(
        self, app: App, statement: str, parameters: Mapping[str, str], *, as_of: datetime | None = None
    ) -> None:
        self._database = app.database
        self._statement = statement
        self._parameters = parameters
        self._as_of = as_of
        self._connection: Connection | None = None
        self._cancelled = threading.Event()

    @contextmanager
    def run(self) -> Iterator[Answer]:
        """Run the statement; its rows come as they are asked for, and end early once it is cancelled.

        Raises DatabaseError, and UsageError with the database's own words for a statement that it refuses.
        """
        check_readable(self._database)
        with query(
            self._database, self._statement, self._parameters, as_of=self._as_of, started=self._started
        ) as answer:
            yield Answer(answer.columns, (row for row in answer.rows if not self._cancelled.is_set()))

    def cancel(self) -> None:
        """Stop the statement in the database."""
        self._cancelled.set()
        if self._connection is not None:
            cancel(self._database, self._connection)

    def _started(self, connection: Connection) -> None:
        self._connection = connection
