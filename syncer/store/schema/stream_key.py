"""The name of a stream, as conditions on whatever table keeps something of streams."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, bindparam

from syncer.domain.stream_key import StreamKey


def of_stream(table: Table, environment: str, key: StreamKey) -> tuple[ColumnElement[bool], ...]:
    """Which rows of the table are the stream's."""
    return (
        table.c.environment == environment,
        table.c.integration_id == key.integration_id,
        table.c.model == key.model,
    )


def of_named_stream(table: Table) -> tuple[ColumnElement[bool], ...]:
    """The same for a statement that is made once; ``stream_name`` gives its parameters."""
    return (
        table.c.environment == bindparam("its_environment"),
        table.c.integration_id == bindparam("its_integration"),
        table.c.model == bindparam("its_model"),
    )


def stream_name(environment: str, key: StreamKey) -> dict[str, str]:
    """The parameters that name the stream to ``of_named_stream``."""
    return {"its_environment": environment, "its_integration": key.integration_id, "its_model": key.model}
