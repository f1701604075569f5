"""The configuration as a whole: its sections, and what follows from them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import PrivateAttr

from syncer.config.environments import no_key
from syncer.config.secrets import passwords
from syncer.config.section_checks import CheckedSections, select_feed_models
from syncer.config.sections import ModelSync
from syncer.domain.added.spec import AddedList
from syncer.domain.catalogue.lookup import catalogue, select_models
from syncer.domain.catalogue.model import Model
from syncer.domain.deliveries.delivery import Delivery
from syncer.domain.environments import DEFAULT_ENVIRONMENT
from syncer.domain.errors import UsageError
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.records.exclusions import Exclusion
from syncer.domain.streams.list_spec import ListSpec

#: Where each region's API is (Kombo's Python SDK 1.4.0).
BASE_URLS = {
    "eu": "https://api.kombo.dev/v1",
    "us": "https://api.us.kombo.dev/v1",
    "ca": "https://api.ca.kombo.dev/v1",
}
#: Parts of the names of headers and parameters that carry secrets, and the least length of one.
_SECRETIVE = re.compile("auth|cookie|key|passw|secret|token", re.IGNORECASE)
SECRET_LENGTH = 8


class Settings(CheckedSections):
    """Settings of a process. Made by hand they read neither file nor environment."""

    _secret_files: tuple[Path, ...] = PrivateAttr(default=())
    _environment: str = PrivateAttr(default=DEFAULT_ENVIRONMENT)

    @cached_property
    def exclusions(self) -> frozenset[Exclusion]:
        """Members whose values never enter the mirror: removed, or replaced by pseudonyms."""
        return self.privacy.exclusions(self.configured_names)

    @cached_property
    def delivered(self) -> tuple[Delivery, ...]:
        """Deliveries of changes, in the order of the file."""
        names = self.configured_names
        return tuple(each.delivery(names, self.feed_models) for each in self.deliveries)

    @cached_property
    def feed_models(self) -> frozenset[str]:
        """Names of the lists whose changes the change feed tells."""
        return select_feed_models(self.changes, self.configured_names)

    @cached_property
    def native_lists(self) -> tuple[NativeListSpec, ...]:
        """Native lists to mirror, in the order of the file."""
        return tuple(each.spec() for each in self.passthrough)

    @cached_property
    def added_lists(self) -> tuple[AddedList, ...]:
        """Lists of Kombo's that the catalogue lacks, in the order of the file."""
        return tuple(each.spec() for each in self.lists_)

    @property
    def configured_lists(self) -> tuple[AddedList | NativeListSpec, ...]:
        """Lists that only the configuration has: added lists, then native ones."""
        return (*self.added_lists, *self.native_lists)

    @property
    def configured_names(self) -> tuple[str, ...]:
        """Names of the lists that only the configuration has: added lists, then native ones."""
        return tuple(each.name for each in self.configured_lists)

    @cached_property
    def kombo_lists(self) -> Mapping[str, Model]:
        """Kombo's lists that can be mirrored, by name: the models of the catalogue and the added lists."""
        return {**catalogue(), **{each.name: each for each in self.added_lists}}

    @cached_property
    def kombo_paths(self) -> Mapping[str, Model]:
        """The same lists by their paths."""
        return {each.path: each for each in self.kombo_lists.values()}

    @cached_property
    def lists(self) -> Mapping[str, ListSpec]:
        """All lists that can be mirrored, by name: Kombo's and the native lists."""
        return {**self.kombo_lists, **{each.name: each for each in self.native_lists}}

    def select_models(self, patterns: Sequence[str]) -> tuple[Model, ...]:
        """Select Kombo's lists that any of the globs names. Raises UsageError for a glob that names none."""
        return select_models(patterns, self.added_lists)

    @property
    def queue_schema(self) -> str | None:
        """Schema of the queue that workers take streams from; None: the service works itself."""
        return self.workers.queue_schema(self.database)

    def timing(self, name: str) -> ModelSync:
        """Look up the timing of a list; the interval of a native list is never stretched."""
        return self._timings[name]

    @cached_property
    def _timings(self) -> Mapping[str, ModelSync]:
        timings = {name: self.sync.for_model(name) for name in self.kombo_lists}
        for each in self.native_lists:
            longest = each.every if isinstance(each.every, timedelta) else None
            timings[each.name] = ModelSync(each.every, longest, each.filters)
        return timings

    @property
    def base_url(self) -> str:
        """Address of the API, without a slash at the end."""
        return self.kombo.base_url or BASE_URLS[self.kombo.region]

    @cached_property
    def environment_names(self) -> tuple[str, ...]:
        """Names of the environments: the default one, unless only others have a key and integrations."""
        has_default = (
            not self.environments
            or self.kombo.api_key.get_secret_value()
            or any(each.environment == DEFAULT_ENVIRONMENT for each in self.integrations)
        )
        return (*([DEFAULT_ENVIRONMENT] if has_default else []), *self.environments)

    def of_environment(self, name: str) -> Self:
        """Give the settings with the access, budget, integrations and webhooks of one environment alone."""
        integrations = tuple(each for each in self.integrations if each.environment == name)
        own: dict[str, object] = {"integrations": integrations}
        if name != DEFAULT_ENVIRONMENT:
            table = self.environments[name]
            own |= {"kombo": table, "budget": table, "webhooks": table.webhooks(self.webhooks)}
        made = self.model_copy(update=own)
        made._environment = name
        return made

    def api_key(self) -> str:
        """Return the key of the API.

        Raises UsageError when none is set.
        """
        key = self.kombo.api_key.get_secret_value()
        if not key:
            raise UsageError(no_key(self._environment))
        return key

    def check_access(self) -> None:
        """Check that the web server lets in nobody but who is meant to get in. Raises UsageError."""
        self.web.check_access()
        keys = (self.kombo.api_key, *(each.api_key for each in self.environments.values()))
        self.gateway.check_access(self.web, {each.get_secret_value() for each in keys})

    @property
    def secret_files(self) -> tuple[Path, ...]:
        """Files that secrets among the settings stand in."""
        return self._secret_files

    def found_in(self, files: Iterable[Path]) -> Self:
        """Note the files that secrets among the settings stand in."""
        self._secret_files = tuple(files)
        return self

    def secrets(self) -> tuple[str, ...]:
        """Collect every text that must never be shown."""
        found = (
            self.kombo.api_key.get_secret_value(),
            self.web.token.get_secret_value(),
            self.gateway.token.get_secret_value(),
            *self.webhooks.all_secrets,
            *(text for each in self.environments.values() for text in each.secrets()),
            *self.alerts.secrets(),
            *self.privacy.secrets(),
            *(text for each in self.deliveries for text in each.secrets()),
            *passwords(self.database.url.get_secret_value()),
            *self._sent_secrets(),
        )
        return tuple(text for text in found if text)

    def _sent_secrets(self) -> Iterator[str]:
        """Collect what requests of native lists carry for the tool alone, going by its name."""
        for each in self.passthrough:
            for name, value in (*each.request.headers.items(), *each.request.params.items()):
                if _SECRETIVE.search(name):
                    # Shorter ones are no secrets, and to hide them would hide much else.
                    yield from (text for text in (value, *value.split()[-1:]) if len(text) >= SECRET_LENGTH)
