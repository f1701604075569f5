"""``[workers]``: who works on the streams, and where their queue is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from syncer.config.sections import Database
from syncer.config.values import database_schema

#: Name of the queue's schema, after that of the mirror where it has one.
QUEUE = "procrastinate"


class Workers(BaseModel):
    """Engine by which streams find who works on them.

    schema_: of PostgreSQL, where the queue of ``procrastinate`` is; None: one named after the mirror's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    engine: Literal["embedded", "procrastinate"] = "embedded"
    schema_: Annotated[str, AfterValidator(database_schema)] | None = Field(default=None, alias="schema")

    def check(self, database: Database) -> None:
        """Check that the database has a place for the queue. Raises ValueError."""
        if self.engine == "procrastinate" and database.is_sqlite:
            raise ValueError(
                'engine should be "embedded": "procrastinate" works with PostgreSQL alone, and database.url '
                "is SQLite"
            )
        if self.schema_ is not None and self.schema_ == database.schema_:
            raise ValueError("schema should be another one than database.schema")

    def queue_schema(self, database: Database) -> str | None:
        """Name the schema of the queue; None: services work themselves."""
        if self.engine == "embedded":
            return None
        mirror = database.schema_
        return self.schema_ or (QUEUE if mirror is None else f"{mirror}_{QUEUE}")
