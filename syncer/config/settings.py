"""The configuration as a whole, and how it is loaded.

A value comes from the first of: environment variable (``SYNCER_KOMBO__API_KEY``), secret file of
that name in /run/secrets, TOML file. ``config.example.toml`` explains every key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import AfterValidator, BaseModel, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from syncer.config.loading import PREFIX, fault, merged, read_secret_files, read_toml, read_variables
from syncer.config.native_lists import Passthrough, each_once
from syncer.config.sections import (
    Budget,
    Database,
    Deletions,
    Integration,
    Kombo,
    Log,
    ModelSync,
    Privacy,
    Sync,
    Web,
)
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.errors import UsageError
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.streams.list_spec import Listed

#: Where each region's API is (Kombo's Python SDK 1.4.0).
BASE_URLS = {
    "eu": "https://api.kombo.dev/v1",
    "us": "https://api.us.kombo.dev/v1",
    "ca": "https://api.ca.kombo.dev/v1",
}
#: Where Docker and Kubernetes put secrets.
SECRETS = Path("/run/secrets")
#: What is in the names of headers and parameters that carry secrets, and the least characters of one.
_SECRETIVE = re.compile("auth|cookie|key|passw|secret|token", re.IGNORECASE)
SECRET_LENGTH = 8


class Settings(BaseSettings):
    """Everything that can be set. Made by hand it reads neither file nor environment."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    kombo: Kombo = Kombo()
    database: Database = Database()
    integrations: tuple[Integration, ...] = ()
    sync: Sync = Sync()
    budget: Budget = Budget()
    deletions: Deletions = Deletions()
    privacy: Privacy = Privacy()
    web: Web = Web()
    log: Log = Log()
    passthrough: Annotated[tuple[Passthrough, ...], AfterValidator(each_once)] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_args: PydanticBaseSettingsSource,
        **_others: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @field_validator("integrations")
    @classmethod
    def _each_once(cls, integrations: tuple[Integration, ...]) -> tuple[Integration, ...]:
        seen: set[str] = set()
        for integration in integrations:
            if integration.id in seen:
                raise ValueError(f"name {integration.id} twice")
            seen.add(integration.id)
        return integrations

    @cached_property
    def native_lists(self) -> tuple[NativeListSpec, ...]:
        """Native lists to mirror, in the order of the file."""
        return tuple(each.spec() for each in self.passthrough)

    @cached_property
    def lists(self) -> Mapping[str, Listed]:
        """All that can be mirrored, by name: the models of the catalogue and these lists."""
        return {**catalogue(), **{each.name: each for each in self.native_lists}}

    def timing(self, name: str) -> ModelSync:
        """When the list of that name is read; the interval of a native list is kept as it stands."""
        listed = self.lists[name]
        if not isinstance(listed, NativeListSpec):
            return self.sync.for_model(name)
        longest = listed.every if isinstance(listed.every, timedelta) else None
        return ModelSync(listed.every, longest, listed.filters)

    @property
    def base_url(self) -> str:
        """Where the API is, without a slash at the end."""
        return self.kombo.base_url or BASE_URLS[self.kombo.region]

    def api_key(self) -> str:
        """The key of the API.

        Raises UsageError when none is set.
        """
        key = self.kombo.api_key.get_secret_value()
        if not key:
            raise UsageError(
                "There is no API key: set SYNCER_KOMBO__API_KEY, or kombo.api_key or kombo.api_key_file"
                " in the configuration."
            )
        return key

    def secrets(self) -> tuple[str, ...]:
        """Every text that must never be shown."""
        url = urlsplit(self.database.url.get_secret_value())
        found = (
            self.kombo.api_key.get_secret_value(),
            self.web.webhook_secret.get_secret_value(),
            unquote(url.password or ""),
            *parse_qs(url.query).get("password", ()),
            *self._sent_secrets(),
        )
        return tuple(text for text in found if text)

    def _sent_secrets(self) -> Iterator[str]:
        """What requests of native lists carry that only the tool should see, going by its name."""
        for each in self.passthrough:
            for name, value in (*each.request.headers.items(), *each.request.params.items()):
                if _SECRETIVE.search(name):
                    # Shorter ones are no secrets, and to hide them would hide much else.
                    yield from (text for text in (value, *value.split()[-1:]) if len(text) >= SECRET_LENGTH)


def load_settings(
    config: Path | None = None, environ: Mapping[str, str] = os.environ, secrets: Path = SECRETS
) -> Settings:
    """The settings of this process: of config, else $SYNCER_CONFIG, else ./config.toml if there is one.

    Raises UsageError that tells every fault, and where it has to be mended.
    """
    keys = tuple(setting_keys())
    sources = [
        read_variables("environment variable ", environ, Settings, keys),
        read_secret_files(secrets, Settings, keys),
    ]
    named = config or (Path(environ["SYNCER_CONFIG"]) if environ.get("SYNCER_CONFIG") else None)
    path = named or Path("config.toml")
    if named is not None or path.exists():
        sources.append(read_toml(path))
    faults = [text for source in sources for text in source.faults]
    settings = None
    try:
        settings = Settings(**merged(sources))
    except ValidationError as error:
        faults += [
            fault(each, sources, keys) for each in error.errors(include_input=False, include_url=False)
        ]
    if settings is None or faults:
        head = f"The configuration has {len(faults)} faults:\n  " if len(faults) > 1 else ""
        raise UsageError(head + "\n  ".join(faults))
    return settings


def setting_keys(section: type[BaseModel] = Settings, before: str = "") -> Iterator[str]:
    """Every setting by its dotted key; NAME stands for a name that the user puts there."""
    for name, field in section.model_fields.items():
        kind: Any = field.annotation
        inner = [
            each for each in (kind, *get_args(kind)) if isinstance(each, type) and issubclass(each, BaseModel)
        ]
        table = get_origin(kind) is dict
        name = field.alias or name
        key = f"{before}{name}.NAME" if table else before + name
        if inner:
            yield from setting_keys(inner[0], f"{key}.")
        else:
            yield key
