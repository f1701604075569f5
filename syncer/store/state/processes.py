"""Processes that work on the database: who is there, and since when."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import Connection, delete, func, select

from syncer.store.db.bulk import insert_statement
from syncer.store.schema.process_tables import processes
from syncer.store.schema.state_tables import streams

#: Roles of processes: a service schedules, and works unless workers do; a worker only works.
SERVICE, WORKER = "service", "worker"
ROLES = (SERVICE, WORKER)
#: Silence after which a process is taken for dead: three heartbeats have not come.
SILENT_AFTER = timedelta(seconds=45)
#: Time after which a process that says nothing any more has no row: it was killed, and long ago.
FORGOTTEN_AFTER = timedelta(days=1)


class Process(Struct, frozen=True):
    """A process. owner: its name in leases. role: what it does, a word."""

    owner: str
    role: str
    host: str
    pid: int
    version: str


class Presence(Struct, frozen=True):
    """A process that has said that it is there. running: the number of streams that it has leases on."""

    process: Process
    started_at: datetime
    heartbeat_at: datetime
    running: int


def beat(connection: Connection, process: Process, now: datetime) -> None:
    """Say that the process lives, for the first time or again, and forget those that were killed long ago."""
    columns = processes.c
    row = {
        "owner": process.owner,
        "role": process.role,
        "host": process.host,
        "pid": process.pid,
        "version": process.version,
        "started_at": now,
        "heartbeat_at": now,
    }
    connection.execute(
        insert_statement(connection, processes)
        .values(row)
        .on_conflict_do_update(index_elements=[columns.owner], set_={"heartbeat_at": now})
    )
    connection.execute(delete(processes).where(columns.heartbeat_at < now - FORGOTTEN_AFTER))


def leave(connection: Connection, owner: str) -> None:
    """Forget a process that ends."""
    connection.execute(delete(processes).where(processes.c.owner == owner))


def count_alive(connection: Connection, now: datetime) -> Counter[str]:
    """Count the processes that are alive, by role; now: of the database."""
    columns = processes.c
    found = connection.execute(
        select(columns.role, func.count())
        .where(columns.heartbeat_at > now - SILENT_AFTER)
        .group_by(columns.role)
    )
    return Counter({row[0]: row[1] for row in found})


def read_processes(connection: Connection) -> list[Presence]:
    """Read who is there, the longest running first."""
    owner = streams.c.lease_owner
    leased = connection.execute(select(owner, func.count()).where(owner.is_not(None)).group_by(owner))
    running: Counter[str] = Counter({each[0]: each[1] for each in leased})
    columns = processes.c
    found = connection.execute(select(processes).order_by(columns.started_at, columns.owner))
    return [
        Presence(
            Process(row.owner, row.role, row.host, row.pid, row.version),
            row.started_at,
            row.heartbeat_at,
            running[row.owner],
        )
        for row in found
    ]
