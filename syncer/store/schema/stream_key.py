"""Conditions that choose the rows of one stream, in any table that has its key."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, bindparam

from syncer.domain.stream_key import StreamKey


def stream_filter(table: Table, environment: str, key: StreamKey) -> tuple[ColumnElement[bool], ...]:
    """Give the conditions that choose the stream's rows."""
    return (
        table.c.environment == environment,
        table.c.integration_id == key.integration_id,
        table.c.model == key.model,
    )


def bound_stream_filter(table: Table) -> tuple[ColumnElement[bool], ...]:
    """Give the same conditions with parameters, for a statement that is made once."""
    return (
        table.c.environment == bindparam("stream_environment"),
        table.c.integration_id == bindparam("stream_integration"),
        table.c.model == bindparam("stream_model"),
    )


def stream_parameters(environment: str, key: StreamKey) -> dict[str, str]:
    """Give the parameters of ``bound_stream_filter`` for the stream."""
    return {
        "stream_environment": environment,
        "stream_integration": key.integration_id,
        "stream_model": key.model,
    }
