"""The name of a stream, as conditions on whatever table keeps something of streams."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, bindparam

#: A stream within its environment: integration and model.
Key = tuple[str, str]


def of_stream(table: Table, environment: str, key: Key) -> tuple[ColumnElement[bool], ...]:
    """Which rows of the table are the stream's."""
    return (
        table.c.environment == environment,
        table.c.integration_id == key[0],
        table.c.model == key[1],
    )


def of_named_stream(table: Table) -> tuple[ColumnElement[bool], ...]:
    """The same for a statement that is made once; ``stream_name`` gives its parameters."""
    return (
        table.c.environment == bindparam("its_environment"),
        table.c.integration_id == bindparam("its_integration"),
        table.c.model == bindparam("its_model"),
    )


def stream_name(environment: str, key: Key) -> dict[str, str]:
    """The parameters that name the stream to ``of_named_stream``."""
    return {"its_environment": environment, "its_integration": key[0], "its_model": key[1]}
