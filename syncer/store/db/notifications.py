"""Notifications of PostgreSQL's: news from other processes, on a connection of their own."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from syncer.domain.errors import DatabaseUnavailable
from syncer.store.db.channels import channel_sql
from syncer.store.db.database import Database

if TYPE_CHECKING:
    from syncer.store.db.postgres_connection import PatientConnection


class Notifications:
    """Connection that listens on a channel of the mirror's.

    Close it; a database that goes away is an error of ``wait``.

    Behind a pooler that gives each transaction another session nothing is ever heard: who waits looks from
    time to time all the same. Raises DatabaseUnavailable.
    """

    def __init__(self, database: Database, channel: str) -> None:
        import psycopg
        from psycopg.sql import SQL, Identifier

        self._errors = psycopg.Error
        self._shown_url = database.shown_url
        try:
            pooled = database.engine.raw_connection()
        except DBAPIError as error:
            raise self._unavailable() from error
        driver: PatientConnection = pooled.driver_connection  # type: ignore[assignment]
        # It would be one connection less for those who work.
        pooled.detach()
        self._connection = driver
        try:
            driver.autocommit = True
            [own] = driver.execute(f"SELECT {channel_sql(channel)}".encode()).fetchone() or [channel]
            driver.execute(SQL("LISTEN {}").format(Identifier(own)))
        except psycopg.Error as error:
            self.close()
            raise self._unavailable() from error
        self._poll = select.poll()
        self._poll.register(driver.fileno(), select.POLLIN)

    def wait(self, seconds: float) -> bool:
        """Wait for a notification, in this thread; tell whether one came. Raises DatabaseUnavailable."""
        # Not by the connection's own way to wait: there silence means that the server is gone.
        server = self._connection.pgconn
        try:
            if self._take_all():
                return True
            if not self._poll.poll(seconds * 1000):
                return False
            server.consume_input()
            return self._take_all()
        except self._errors as error:
            raise self._unavailable() from error

    def _take_all(self) -> bool:
        """Take the notifications that have come; tell whether there were any."""
        is_any = False
        while self._connection.pgconn.notifies() is not None:
            is_any = True
        return is_any

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _unavailable(self) -> DatabaseUnavailable:
        return DatabaseUnavailable(f"The database {self._shown_url} does not tell what is new.")
