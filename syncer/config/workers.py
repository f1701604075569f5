"""``[workers]``: who works on the streams, and where their queue is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syncer.config.section import Section
from syncer.config.sections import Database
from syncer.config.values import SchemaName
from syncer.config.web import Served, Web

#: Name of the queue's schema, after that of the mirror where it has one.
QUEUE = "procrastinate"
METRICS = Served("The metrics of the worker", "workers.port", "no workers.port")


class Workers(Section):
    """Engine by which streams find who works on them.

    schema_: of PostgreSQL, where the queue of ``procrastinate`` is; None: one named after the mirror's.
    port: None where a worker serves nothing.
    """

    engine: Literal["embedded", "procrastinate"] = Field(
        default="embedded",
        description="Who works on the streams: `embedded`, each `syncer run` itself; `procrastinate`,"
        " `syncer worker` on any number of hosts, which takes them from a queue. That needs PostgreSQL and"
        " `kombo-syncer[workers]`.",
    )
    schema_: SchemaName | None = Field(
        default=None,
        alias="schema",
        description="The schema of the queue, made beside the mirror's. Without it: `procrastinate`, or"
        " `kombo_procrastinate` where the mirror is in the schema `kombo`.",
    )
    port: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        default=None,
        description="The port on which each `syncer worker` serves /healthz and /metrics, at the host, under"
        " the names and with the token of `[web]`; 0 takes any free one. Without it: none.",
    )

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

    def web(self, web: Web) -> Web:
        """Give the web server of a worker, by that of the service."""
        return web.model_copy(update={"enabled": self.port is not None, "port": self.port or 0})
