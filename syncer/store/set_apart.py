"""Whether a stream has anything beside its plain rows: most have nothing, and every page asks."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, Exists, Table, bindparam, exists, select

from syncer.store.state import Key
from syncer.store.tables import missing, quarantine


class SetApart(NamedTuple):
    """Whether records of a stream are in quarantine, and whether rows of it are missing at Kombo."""

    quarantined: bool
    missing: bool


def _any(table: Table) -> Exists:
    return exists().where(
        table.c.environment == bindparam("its_environment"),
        table.c.integration_id == bindparam("its_integration"),
        table.c.model == bindparam("its_model"),
    )


#: Made once.
_SET_APART = select(_any(quarantine), _any(missing))


def set_apart(connection: Connection, environment: str, key: Key) -> SetApart:
    """What the stream has of either kind now."""
    its = {"its_environment": environment, "its_integration": key[0], "its_model": key[1]}
    return SetApart(*map(bool, connection.execute(_SET_APART, its).one()))
