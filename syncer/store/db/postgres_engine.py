"""Engine of PostgreSQL: connections through poolers, too, and sessions as our statements need them.

A role, a database or a server can have other defaults than PostgreSQL's own. What our statements depend on is
set for the session or, behind a pooler that may give each transaction another session, for the transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from syncer.store.db.bulk_copy import let_copy
from syncer.store.db.json_bytes import give_json_bytes
from syncer.store.db.pools import ConnectionPool
from syncer.store.db.postgres_connection import PatientConnection

#: Seconds to wait for PostgreSQL to accept a connection.
CONNECT_TIMEOUT = 10
#: Forms in which values come and go; the driver reads no other. Moments near the years 1 and 9999 can lie
#: outside what Python holds in another zone than UTC.
_FORMS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",
}
#: Limits where the address, the role or the database has none of its own: for a lock that somebody else does
#: not give up, so that only those who want that table fail; and for a transaction in which nothing happens
#: any more, since a process that is stopped, or a host that is lost, locks rows that others wait for.
LIMITS = {"lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s"}
#: Compresses what is written from now on by lz4 where the server offers it and nobody has chosen otherwise:
#: to write documents takes the server a third less, for an eighth more room.
_COMPRESSION = (
    "(SELECT set_config(name, 'lz4', false) FROM pg_settings WHERE name = 'default_toast_compression'"
    " AND source = 'default' AND 'lz4' = ANY (enumvals))"
)


def postgres_engine(address: URL, workers: int, schema: str | None = None) -> Engine:
    """Make an engine with that many connections; it does not connect yet.

    schema: the only one in which its sessions look for tables, and make them.
    """
    forms = _FORMS if schema is None else {**_FORMS, "search_path": schema}
    engine = create_engine(
        address.set(drivername="postgresql+psycopg"),
        pool_size=workers,
        max_overflow=2,
        poolclass=ConnectionPool,
        hide_parameters=True,
        pool_pre_ping=True,
        # Never the role's default: each statement is to see what is committed by then.
        isolation_level="READ COMMITTED",
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT,
            "application_name": application_name(schema),
            "client_encoding": "utf8",
        },
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
            connection.execute(f"{_settings(forms, is_local=False)}, {_COMPRESSION}")
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
            driver.backend_pid = connection.exec_driver_sql(_settings(forms, is_local=True)).scalar_one()

    let_copy(engine)
    give_json_bytes(engine)
    return engine


def application_name(schema: str | None) -> str:
    """Name the sessions of one mirror, for whoever looks at those of the server."""
    return "syncer" if schema is None else f"syncer {schema}"


def is_pooled(connection: Connection) -> bool:
    """Tell whether a pooler is between us and the server."""
    driver = connection.connection.driver_connection
    return isinstance(driver, PatientConnection) and driver.backend_pid is not None


def _settings(forms: Mapping[str, str], *, is_local: bool) -> str:
    """Make the statement that asks for what our statements need, and gives the number of the session."""
    scope = "true" if is_local else "false"
    asked = [f"set_config('{name}', '{value}', {scope})" for name, value in forms.items()]
    limits = [
        f"CASE current_setting('{name}') WHEN '0' THEN set_config('{name}', '{value}', {scope}) END"
        for name, value in LIMITS.items()
    ]
    return f"SELECT pg_backend_pid(), {', '.join(asked + limits)}"
