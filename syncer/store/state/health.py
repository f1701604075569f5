"""Whether a stream has anything beside its plain rows: most have nothing, and every page asks."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, exists, select

from syncer.domain.streams.key import StreamKey
from syncer.store.schema.mirror_tables import missing, quarantine
from syncer.store.schema.stream_key import of_named_stream, stream_name


class SetApart(NamedTuple):
    """Whether records of a stream are in quarantine, and whether rows of it are missing at Kombo."""

    quarantined: bool
    missing: bool


#: Made once.
_SET_APART = select(*(exists().where(*of_named_stream(table)) for table in (quarantine, missing)))


def set_apart(connection: Connection, environment: str, key: StreamKey) -> SetApart:
    """What the stream has of either kind now."""
    return SetApart(*map(bool, connection.execute(_SET_APART, stream_name(environment, key)).one()))
