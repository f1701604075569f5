"""States of an integration's lists, as far as they decide whether the mirror answers for them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, exists, select

from syncer.domain.gateway.answerable import ListState
from syncer.domain.streams.state import StreamState
from syncer.store.db.clock import clock_time
from syncer.store.db.in_values import in_parameter, parameter_values
from syncer.store.schema.state_tables import quarantine, streams


class ListStates(NamedTuple):
    """States of lists by name; those that are not mirrored are left out. moment: by the server's clock."""

    states: Mapping[str, ListState]
    moment: datetime | None


def read_list_states(
    connection: Connection, environment: str, integration_id: str, names: Collection[str]
) -> ListStates:
    """Read the states of these lists of an integration, and when that was; None where none is mirrored."""
    sqlite = connection.dialect.name == "sqlite"
    found = connection.execute(
        _statement(sqlite),
        {
            "environment": environment,
            "integration": integration_id,
            "names": parameter_values(names),
        },
    ).all()
    states = {
        row[0]: ListState(StreamState(row[1]), row[2], row[3], not _filters(row[4]), bool(row[5]))
        for row in found
    }
    return ListStates(states, found[0][6] if found else None)


@cache
def _statement(sqlite: bool) -> Select[Any]:
    columns, poisoned = streams.c, quarantine.c
    has_quarantine = exists().where(
        poisoned.environment == columns.environment,
        poisoned.integration_id == columns.integration_id,
        poisoned.model == columns.model,
    )
    return select(
        columns.model,
        columns.state,
        columns.watermark,
        columns.complete_at,
        columns.filters,
        has_quarantine,
        clock_time(),
    ).where(
        columns.environment == bindparam("environment"),
        columns.integration_id == bindparam("integration"),
        in_parameter(columns.model, "names", sqlite=sqlite),
        columns.mirrored,
    )


@lru_cache
def _filters(text: str | None) -> Mapping[str, str]:
    filters: dict[str, str] = json.loads(text) if text else {}
    return filters
