"""Pools of connections that are given up while some of them are at work."""

from __future__ import annotations

import logging

from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

# SQLAlchemy names a pool's logger after its class; what its own pools do is not logged either.
logging.getLogger(__name__).setLevel(logging.WARNING)


class ConnectionPool(QueuePool):
    """Pool whose connections are closed, each with its event, however late they come back.

    One that SQLAlchemy has disposed of keeps what comes back until nothing refers to it any more: then the
    connection is closed some time, and nobody is told.
    """

    _is_given_up = False

    def dispose(self) -> None:
        """Close the connections that are here, and those that are at work once they come back."""
        self._is_given_up = True
        super().dispose()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        # Asked afterwards: another thread may give it up at any moment.
        if self._is_given_up:
            super().dispose()
