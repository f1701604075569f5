"""The sections of the configuration: what there is to set, and its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from msgspec import Struct
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from syncer.config.filters import filter_named, filter_value
from syncer.config.list_names import check_name
from syncer.config.schedules import Every, EveryMax
from syncer.config.secrets import Secret, SecretFile
from syncer.config.section import Globs, Section, passes
from syncer.config.values import (
    BaseUrl,
    Duration,
    PositiveDuration,
    ReserveValue,
    SchemaName,
    database_url,
    one_word,
)
from syncer.config.written import Written
from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.environments import DEFAULT_ENVIRONMENT
from syncer.domain.ratelimit.budget import Pacing, Reserve


def _database(value: SecretStr, info: ValidationInfo) -> SecretStr:
    return SecretStr(database_url(value.get_secret_value(), info))


class Kombo(Section):
    """Access to Kombo's API."""

    api_key_file: SecretFile = Field(
        default=None, description="A file that holds the key, instead of `api_key`."
    )
    api_key: Secret = Field(
        default=SecretStr(""),
        description="The key of one Kombo environment. Better not in the configuration file: use the"
        " environment or `api_key_file`.",
    )
    region: Literal["eu", "us", "ca"] = Field(default="eu", description="Where your Kombo environment is.")
    base_url: BaseUrl = Field(
        default=None, description="Another address, instead of a region: `syncer simulate` prints one."
    )
    page_size: int = Field(default=250, ge=1, le=250, description="Records per page, 1 to 250.")
    timeout: PositiveDuration = Field(
        default=timedelta(seconds=60),
        description="Read timeout: the longest silence while an answer is read. Connecting has its own,"
        " shorter timeout.",
    )


class Database(Section):
    """Database of the mirror. The URL may hold a password and is a secret for that."""

    url: Annotated[SecretStr, AfterValidator(_database), Written("URL")] = Field(
        default=SecretStr("sqlite:///kombo.db"),
        validate_default=True,
        description="sqlite:///FILE (four slashes before an absolute path) or"
        " postgresql://USER:PASSWORD@HOST/DATABASE. Special characters of a password are written as %XX."
        " `syncer init`, `migrate`, `backfill` and `run` make the file; other commands need it.",
    )
    #: ``schema`` is the name of something of the library's.
    schema_: SchemaName | None = Field(
        default=None,
        alias="schema",
        description="PostgreSQL only: the schema that everything of the mirror is in, so that it can share a"
        " database with other tables. It is made where the role may. Without it: the first of the"
        " connection's search path.",
    )

    @property
    def is_sqlite(self) -> bool:
        """True where the mirror is a file of SQLite's."""
        return self.url.get_secret_value().startswith("sqlite")


class Integration(Section):
    """Integration to mirror, in the environment whose key opens it."""

    id: Annotated[str, AfterValidator(one_word)] = Field(description="The id as Kombo's dashboard shows it.")
    environment: str = Field(
        default=DEFAULT_ENVIRONMENT,
        min_length=1,
        description='Its environment; "default" where the line is missing.',
    )
    models: Globs | None = Field(
        default=None, description="Its models, as globs; those of `[sync]` where the line is missing."
    )


class _Given(Struct, frozen=True):
    """Filter as it was written, with the model that decides on what it may be."""

    model: str
    name: str
    value: object


def _with_model(model: str, table: object) -> object:
    if not isinstance(table, dict) or not isinstance(table.get("filters"), dict) or model not in catalogue():
        return table
    filters = {name: _Given(model, name, value) for name, value in table["filters"].items()}
    return {**table, "filters": filters}


def _longest(value: timedelta | None, info: ValidationInfo) -> timedelta | None:
    every = info.data.get("every")
    if value is not None and isinstance(every, timedelta) and value < every:
        raise ValueError("should not be shorter than every")
    return value


def _as_sent(given: object) -> object:
    if not isinstance(given, _Given):
        return given
    return filter_value(filter_named(model_named(given.model), given.name), given.value)


class ModelTable(Section):
    """Settings of one model alone; filters as they go into the query string."""

    every: Every | None = Field(
        default=None, description="Its own time between two syncs, or cron expression."
    )
    every_max: Annotated[EveryMax | None, AfterValidator(_longest)] = Field(
        default=None, description="Its own longest polling interval."
    )
    filters: dict[str, Annotated[str, BeforeValidator(_as_sent)]] = Field(
        default={},
        description="Filters of its own list. What is outside of them is not mirrored, and never taken for"
        " deleted.",
    )


class ModelSync(Struct, frozen=True):
    """Timing and filters of one model.

    every: an interval or a cron expression. every_max: the longest interval; None with a cron expression,
    which is never stretched. filters: ready for the query string.
    """

    every: timedelta | str
    every_max: timedelta | None
    filters: Mapping[str, str]


class Sync(Section):
    """Models to mirror, and when they are read."""

    models: Globs = Field(
        default=("*",),
        description="Models to mirror, as globs, as far as an integration offers them; `syncer models` lists"
        " them.",
    )
    every: Every = Field(
        default=timedelta(minutes=15),
        description="Time between two syncs of a model, or a cron expression in UTC, by the database's clock,"
        ' such as `"0 * * * *"`.',
    )
    every_max: Annotated[EveryMax, AfterValidator(_longest)] = Field(
        default=timedelta(days=1),
        description='The longest polling interval ("7d" is the most). Where the rate limit does not permit'
        " `every` for all streams, those that change seldom are polled less often, up to this far apart. The"
        " same as `every`: all are polled alike, as often as the limit permits. `syncer plan` estimates what"
        " fits. Cron expressions are never stretched.",
    )
    overlap: Duration = Field(
        default=timedelta(minutes=5),
        description="Overlap of incremental syncs: each asks this far back beyond the last one, for changes"
        " that came late.",
    )
    lease: PositiveDuration = Field(
        default=timedelta(seconds=60),
        description="Lease of a stream: how long a crashed process can keep others from it.",
    )
    full_every: PositiveDuration = Field(
        default=timedelta(days=7),
        description="Time between two full walks of a stream, which also find deletions that Kombo does not"
        " report.",
    )
    concurrency: int = Field(
        default=8,
        ge=1,
        description="Streams (one model of one integration each) that are synced at once, of each"
        " environment.",
    )
    model: dict[Annotated[str, passes(check_name)], ModelTable] = Field(default={})

    @field_validator("model", mode="before")
    @classmethod
    def _tell_filters_their_model(cls, tables: object) -> object:
        return (
            {name: _with_model(name, table) for name, table in tables.items()}
            if isinstance(tables, dict)
            else tables
        )

    def for_model(self, name: str) -> ModelSync:
        """Combine the settings of one model with those of all."""
        table = self.model.get(name, ModelTable())
        every = table.every if table.every is not None else self.every
        longest = table.every_max if table.every_max is not None else self.every_max
        every_max = max(every, longest) if isinstance(every, timedelta) else None
        return ModelSync(every, every_max, table.filters)


class Budget(Section):
    """Share of every rate-limit window that is left to others, and how fast reads use the rest."""

    reserve: ReserveValue = Field(
        default=Reserve(share=0.1),
        description="Share of Kombo's rate limit that is left to your own calls: a percentage, or a count of"
        " requests per window.",
    )
    pacing: Pacing = Field(
        default="burst",
        description='"burst": read as fast as the limit permits, then wait for the next window. "even":'
        " spread scheduled reads over each window; writes and what webhooks ask for go at once all the same.",
    )


class Log(Section):
    """Level and format of the log."""

    level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        BeforeValidator(lambda text: str(text).upper()),
    ] = Field(default="INFO", description="The least severe events that are logged.")
    format: Literal["auto", "text", "json"] = Field(
        default="auto", description="text, json, or auto: text on a terminal, json otherwise."
    )
