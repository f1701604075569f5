"""Values of options for the shell's completion; none where the configuration cannot be read."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from syncer.config.settings import Settings


def complete_models(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Complete the name of a model."""
    from syncer.domain.catalogue.lookup import catalogue

    return [name for name in catalogue() if name.startswith(begun)]


def complete_integrations(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Complete the id of an integration of the configuration."""
    settings = _settings(context)
    return [each.id for each in settings.integrations if each.id.startswith(begun)] if settings else []


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
        return load_settings(context.find_root().params.get("config"))
    return None
