"""The sections of the configuration: what there is to set, and its defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from syncer.config.exclusions import exclusion
from syncer.config.filters import filter_named, filter_value
from syncer.config.schedules import Every, EveryMax
from syncer.config.secrets import ListedSecret, ListedSecretFile, Secret, SecretFile
from syncer.config.values import (
    BaseUrl,
    Duration,
    PositiveDuration,
    ReserveValue,
    Retention,
    database_schema,
    database_url,
    host_name,
    is_loopback,
    list_of_texts,
    one_word,
)
from syncer.domain.catalogue.lookup import catalogue, model_named, select_models
from syncer.domain.environments import DEFAULT_ENVIRONMENT
from syncer.domain.errors import UsageError
from syncer.domain.ratelimit.budget import Pacing, Reserve


def _passes(check: Callable[[str], object]) -> AfterValidator:
    """Validate a text by a function that raises UsageError."""

    def validated(value: str) -> str:
        try:
            check(value)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return value

    return AfterValidator(validated)


def _models_with_history(glob: str) -> None:
    try:
        select_models((glob,))
    except UsageError as error:
        raise UsageError(f"{error} Native lists have no history.") from None


def _database(value: SecretStr, info: ValidationInfo) -> SecretStr:
    return SecretStr(database_url(value.get_secret_value(), info))


Globs = Annotated[
    tuple[Annotated[str, _passes(lambda glob: select_models((glob,)))], ...],
    BeforeValidator(partial(list_of_texts, example="hris_*")),
    Field(min_length=1),
]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Kombo(_Section):
    """Access to Kombo's API."""

    api_key_file: SecretFile = None
    api_key: Secret = SecretStr("")
    region: Literal["eu", "us", "ca"] = "eu"
    base_url: BaseUrl = None
    page_size: int = Field(default=250, ge=1, le=250)
    timeout: PositiveDuration = timedelta(seconds=60)


class Database(_Section):
    """Database of the mirror. The URL may hold a password and is a secret for that.

    schema_: of PostgreSQL; None: the first of the connection's search path.
    """

    url: Annotated[SecretStr, AfterValidator(_database), Field(validate_default=True)] = SecretStr(
        "sqlite:///kombo.db"
    )
    #: ``schema`` is the name of something of the library's.
    schema_: Annotated[str, AfterValidator(database_schema)] | None = Field(default=None, alias="schema")

    @property
    def is_sqlite(self) -> bool:
        """True where the mirror is a file of SQLite's."""
        return self.url.get_secret_value().startswith("sqlite")


class Integration(_Section):
    """Integration to mirror, in the environment whose key opens it; models None: those of ``[sync]``."""

    id: Annotated[str, AfterValidator(one_word)]
    environment: Annotated[str, Field(min_length=1)] = DEFAULT_ENVIRONMENT
    models: Globs | None = None


@dataclass(frozen=True, slots=True)
class _Given:
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


class ModelTable(_Section):
    """Settings of one model alone; filters as they go into the query string."""

    every: Every | None = None
    every_max: Annotated[EveryMax | None, AfterValidator(_longest)] = None
    filters: dict[str, Annotated[str, BeforeValidator(_as_sent)]] = {}


@dataclass(frozen=True, slots=True)
class ModelSync:
    """Timing and filters of one model.

    every: an interval or a cron expression. every_max: the longest interval; None with a cron expression,
    which is never stretched. filters: ready for the query string.
    """

    every: timedelta | str
    every_max: timedelta | None
    filters: Mapping[str, str]


class Sync(_Section):
    """Models to mirror, and when they are read."""

    models: Globs = ("*",)
    every: Every = timedelta(minutes=15)
    every_max: Annotated[EveryMax, AfterValidator(_longest)] = timedelta(days=1)
    overlap: Duration = timedelta(minutes=5)
    lease: PositiveDuration = timedelta(seconds=60)
    full_every: PositiveDuration = timedelta(days=7)
    concurrency: int = Field(default=8, ge=1)
    model: dict[Annotated[str, _passes(model_named)], ModelTable] = {}

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


class Budget(_Section):
    """Share of every rate-limit window that is left to others, and how fast reads use the rest."""

    reserve: ReserveValue = Reserve(share=0.1)
    pacing: Pacing = "burst"


class Deletions(_Section):
    """Effect of deletions on rows, and the brakes on inferred ones."""

    after_anonymisation: Literal["follow", "keep"] = "follow"
    max_share: float = Field(default=0.1, ge=0, le=1)
    max_rows: int = Field(default=50, ge=0)


class Privacy(_Section):
    """Members of records that never enter the mirror."""

    exclude: Annotated[
        tuple[Annotated[str, BeforeValidator(exclusion)], ...],
        BeforeValidator(partial(list_of_texts, example="hris_employees.ssn")),
    ] = ()


class History(_Section):
    """Models of which the mirror keeps what it said, and for how long; keep None: for ever."""

    models: Annotated[
        tuple[Annotated[str, _passes(_models_with_history)], ...],
        BeforeValidator(partial(list_of_texts, example="hris_employments")),
    ] = ()
    keep: Retention = None


class Changes(_Section):
    """Lists whose changes the change feed tells, and for how long; ``Settings`` checks their names."""

    models: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        BeforeValidator(partial(list_of_texts, example="hris_*")),
    ] = ()
    keep: PositiveDuration = timedelta(days=7)
    before: bool = False
    notify: bool = False


class Web(_Section):
    """Web server of the service."""

    enabled: bool = True
    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8484, ge=0, le=65535)
    token_file: SecretFile = None
    token: Secret = SecretStr("")
    hosts: Annotated[
        tuple[Annotated[str, AfterValidator(host_name)], ...],
        BeforeValidator(partial(list_of_texts, example="mirror.example.com")),
    ] = ()

    def check_access(self) -> None:
        """Check that not everybody on the network is let in. Raises UsageError."""
        if self.enabled and not is_loopback(self.host) and not self.token.get_secret_value():
            raise UsageError(
                f"The status page would be open to everybody who reaches {self.host}: set web.token or "
                'web.token_file, or web.host = "127.0.0.1", or web.enabled = false.'
            )


class Webhooks(_Section):
    """Webhooks that Kombo sends: who signs them, and the effect of those about integrations.

    secret_files: the texts of the files.
    """

    secrets: Annotated[
        tuple[ListedSecret, ...], BeforeValidator(partial(list_of_texts, example="whsec_…"))
    ] = ()
    secret_files: Annotated[
        tuple[ListedSecretFile, ...],
        BeforeValidator(partial(list_of_texts, example="/run/secrets/webhook_secret")),
    ] = ()
    discover: Annotated[
        tuple[Annotated[str, Field(min_length=1, pattern=r"^\S+$")], ...],
        BeforeValidator(partial(list_of_texts, example="personio:*")),
    ] = ()
    integration_deleted: Literal["keep", "mark", "purge"] = "keep"

    @property
    def all_secrets(self) -> tuple[str, ...]:
        """Texts that sign webhooks, each of them alone."""
        return tuple(each.get_secret_value() for each in (*self.secrets, *self.secret_files))


class Log(_Section):
    """Level and format of the log."""

    level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        BeforeValidator(lambda text: str(text).upper()),
    ] = "INFO"
    format: Literal["auto", "text", "json"] = "auto"
