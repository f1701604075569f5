"""JSON of PostgreSQL as the bytes that arrive: to decode and encode it takes longer than to fetch it."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Engine, event

#: Execution option of a statement whose JSON values are wanted as bytes.
JSON_BYTES: Final = "syncer_json_bytes"


def give_json_bytes(engine: Engine) -> None:
    """Have an engine of PostgreSQL's give bytes for the JSON values of statements that want them."""
    # Not loaded where the driver is not needed.
    from psycopg.abc import Buffer
    from psycopg.adapt import Loader

    class Bytes(Loader):
        def load(self, data: Buffer) -> bytes:
            return bytes(data)

    @event.listens_for(engine, "before_cursor_execute")
    def prepare(
        _connection: Any, cursor: Any, _statement: str, _parameters: Any, context: Any, _executemany: bool
    ) -> None:
        if context is not None and context.execution_options.get(JSON_BYTES):
            cursor.adapters.register_loader("jsonb", Bytes)
