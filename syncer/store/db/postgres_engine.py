"""Engine of PostgreSQL: connections through poolers, too, and sessions as our statements need them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from syncer.store.db.bulk_copy import let_copy
from syncer.store.db.json_bytes import give_json_bytes
from syncer.store.db.pools import ConnectionPool
from syncer.store.db.postgres_connection import PatientConnection
from syncer.store.db.postgres_session import connect_arguments, session_settings, transaction_settings


def postgres_engine(address: URL, workers: int, schema: str | None = None) -> Engine:
    """Make an engine with that many connections; it does not connect yet.

    schema: the only one in which its sessions look for tables, and make them.
    """
    engine = create_engine(
        address.set(drivername="postgresql+psycopg"),
        pool_size=workers,
        max_overflow=2,
        poolclass=ConnectionPool,
        hide_parameters=True,
        pool_pre_ping=True,
        # Never the role's default: each statement is to see what is committed by then.
        isolation_level="READ COMMITTED",
        connect_args=connect_arguments(schema),
    )

    @event.listens_for(engine, "do_connect")
    def connect(
        _dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]
    ) -> PatientConnection:
        return PatientConnection.open(**parameters)

    @event.listens_for(engine, "connect")
    def prepare(connection: PatientConnection, _record: Any) -> None:
        [pid] = connection.execute("SELECT pg_backend_pid()").fetchone() or [None]
        if pid == connection.info.backend_pid:
            connection.execute(session_settings(schema))
        else:
            # A pooler is in between: nothing may be left in its sessions, nor is there next time what was.
            connection.backend_pid = pid
            connection.prepare_threshold = None
        connection.commit()

    @event.listens_for(engine, "checkout")
    def forget(connection: PatientConnection, _record: Any, _proxy: Any) -> None:
        # After a transaction that only read the server's default is to count again: it may be read-only.
        connection.read_only = None

    @event.listens_for(engine, "checkin")
    def close(connection: PatientConnection | None, entry: ConnectionPoolEntry) -> None:
        # Made while the server took no writes it refuses them for ever, when all others are served again.
        if (
            connection is not None
            and connection.info.parameter_status("default_transaction_read_only") == "on"
        ):
            entry.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, PatientConnection)
        if driver.backend_pid is not None:
            driver.backend_pid = connection.exec_driver_sql(transaction_settings(schema)).scalar_one()

    let_copy(engine)
    give_json_bytes(engine)
    return engine


def is_pooled(connection: Connection) -> bool:
    """Tell whether a pooler is between us and the server."""
    driver = connection.connection.driver_connection
    return isinstance(driver, PatientConnection) and driver.backend_pid is not None
