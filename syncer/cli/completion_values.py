"""Values of options for the shell's completion; none where configuration or database cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from syncer.cli.global_options import config_of

if TYPE_CHECKING:
    from syncer.config.settings import Settings


def complete_models(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Complete the name of a model, or of a list that the configuration has beside them."""
    from syncer.domain.catalogue.lookup import catalogue

    settings = _settings(context)
    configured = settings.configured_names if settings else ()
    return [name for name in (*catalogue(), *configured) if name.startswith(begun)]


def complete_integrations(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Complete the id of an integration, of the configuration or added by command."""
    settings = _settings(context)
    if settings is None:
        return []
    ids = dict.fromkeys([*(each.id for each in settings.integrations), *_added(settings)])
    return [each for each in ids if each.startswith(begun)]


def complete_environments(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Complete the name of an environment of the configuration."""
    settings = _settings(context)
    return [each for each in settings.environment_names if each.startswith(begun)] if settings else []


def complete_native_lists(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Complete the name of a native list of the configuration."""
    settings = _settings(context)
    return [each.name for each in settings.native_lists if each.name.startswith(begun)] if settings else []


def complete_deliveries(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Complete the name of a delivery of the configuration."""
    settings = _settings(context)
    return [each.name for each in settings.deliveries if each.name.startswith(begun)] if settings else []


def _settings(context: click.Context) -> Settings | None:
    from syncer.config.loading import load_settings
    from syncer.domain.errors import UsageError

    with suppress(UsageError):
        return load_settings(config_of(context))
    return None


def _added(settings: Settings) -> Iterator[str]:
    """Read the ids of the integrations that the database names."""
    from syncer.domain.errors import SyncerError
    from syncer.store.db.database import Database
    from syncer.store.state.integrations import IntegrationStore

    with suppress(SyncerError):
        database = Database(settings.database.url.get_secret_value(), workers=1)
        try:
            with database.read() as connection:
                yield from (each.id for each in IntegrationStore().all(connection))
        finally:
            database.close()
