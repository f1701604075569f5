"""Integrations that are mirrored by command, beside those of the configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection

from syncer.app import App
from syncer.domain.environments import DEFAULT_ENVIRONMENT
from syncer.domain.errors import IntegrationGone, KeyRefused, KomboError, UsageError
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.suggestions import did_you_mean
from syncer.environments.environment import Environment
from syncer.planning.following import follow_config
from syncer.planning.selection import Selection
from syncer.store.schema import migrate as schema
from syncer.store.state.integrations import IntegrationRow, IntegrationStore, environments_of
from syncer.store.state.moves import move_integrations
from syncer.sync.context import SyncContext
from syncer.sync.integrations import facts_of


def list_integrations(app: App, environments: Sequence[str] = ()) -> list[IntegrationRow]:
    """List the integrations to mirror, each with what Kombo last said of it.

    Raises UsageError for an environment that is none, DatabaseError.
    """
    return [row for each in app.select(environments).values() for row in each.selection.known()]


class UnknownIntegration(UsageError):
    """Error of whoever names an integration that Kombo does not know."""


class Added(Struct, frozen=True):
    """Integration that is mirrored from now on.

    models: how many of its models. not_asked: why Kombo was not asked about it, in a sentence.
    """

    integration: IntegrationRow
    models: int
    not_asked: str | None = None


async def add_integration(
    app: App,
    integration_id: str,
    models: Sequence[str] = (),
    *,
    asks: bool = True,
    environments: Sequence[str] = (),
) -> Added:
    """Mirror one more integration from now on, if Kombo knows it or cannot be asked.

    models: globs, where it is not what is configured. asks: whether Kombo is asked at all. environments: the
    one that it is in, where there are several. Raises UsageError for what cannot be one or is none,
    KeyRefused, DatabaseError.
    """
    app.select(environments)
    integration_id = integration_id.strip()
    if not integration_id or any(character.isspace() for character in integration_id):
        raise UsageError("An integration's id is one word, as Kombo's dashboard shows it.")
    if _is_configured(app, integration_id):
        raise UsageError(f"{integration_id} is named in the configuration already.")
    if models:
        app.settings.select_models(models)
    await asyncio.to_thread(_prepare, app)
    environment = await asyncio.to_thread(_environment_for, app, integration_id, environments)
    facts, not_asked = await _ask(environment, integration_id) if asks else ({}, None)
    store = environment.integrations

    def add(connection: Connection) -> IntegrationRow | None:
        move_integrations(connection, {integration_id: environment.name})
        store.add(connection, integration_id, origin="command", models=models or None)
        if facts:
            store.note(connection, integration_id, app.database.now(connection), **facts)
        return store.get(connection, integration_id)

    added = await app.database.write(add) or IntegrationRow(integration_id, origin="command")
    return Added(added, count_models(environment.selection, added), not_asked)


def count_models(selection: Selection, integration: IntegrationRow) -> int:
    """Count the models that would be mirrored of an integration, as far as Kombo has told what it offers."""
    return sum(not integration.refuses(each) for each in selection.models_of(integration))


def _environment_for(app: App, integration_id: str, names: Sequence[str]) -> Environment:
    """Choose the environment to add an integration to; one that is mirrored nowhere may come from another."""
    selected = list(app.select(names).values())
    with app.database.read() as connection:
        owner = environments_of(connection, [integration_id]).get(integration_id, DEFAULT_ENVIRONMENT)
        row = IntegrationStore(owner).get(connection, integration_id)
    if len(selected) == 1 and (row is None or row.removed_at is not None):
        return selected[0]
    return app.environment_of(integration_id, names)


async def _ask(environment: Environment, integration_id: str) -> tuple[dict[str, object], str | None]:
    """Ask Kombo about the integration; give the facts, or none and why it could not be asked."""
    if not environment.api_key:
        return {}, "There is no API key yet, so Kombo was not asked about it."
    async with environment.open() as (context, _):
        try:
            return await ask_about(context, integration_id), None
        except KeyRefused:
            raise
        except KomboError as error:
            return {}, f"Kombo could not be asked about it: {error.reason}"


async def ask_about(context: SyncContext, integration_id: str) -> dict[str, object]:
    """Ask Kombo about an integration that somebody has named; give the facts as columns of its row.

    Raises UsageError where Kombo does not know it, KomboError.
    """
    try:
        said = await context.client.integration(integration_id, purpose=Purpose.WEBHOOK)
    except IntegrationGone:
        raise UnknownIntegration(
            f"Kombo does not know the integration {integration_id}: compare the id with Kombo's "
            "dashboard, and the region. --no-check takes it all the same."
        ) from None
    return facts_of(said)


def describe_facts(row: IntegrationRow, models: int) -> str:
    """Describe an integration in a few words, as far as Kombo has: its tool, organisation and models."""
    facts = [fact for fact in (row.tool, row.organisation, row.status) if fact]
    if facts:
        facts.append("1 model" if models == 1 else f"{models} models")
    return " · ".join(facts)


def remove_integration(app: App, integration_id: str) -> None:
    """Mirror an integration no more; its rows stay.

    Raises UsageError where it is not mirrored, or named in the configuration; DatabaseError.
    """
    _prepare(app)
    if _is_configured(app, integration_id):
        raise UsageError(f"{integration_id} is named in the configuration: take it out there.")
    with app.database.begin() as connection:
        now = app.database.now(connection)
        owner = environments_of(connection, [integration_id]).get(integration_id, DEFAULT_ENVIRONMENT)
        if not IntegrationStore(owner).remove(connection, integration_id, now):
            known = [
                row.id for each in app.environments.values() for row in each.integrations.all(connection)
            ]
            hint = did_you_mean(integration_id, known)
            raise UsageError(
                f"{integration_id} is not mirrored.{hint} `syncer integrations list` shows what is."
            )


def _is_configured(app: App, integration_id: str) -> bool:
    return any(each.id == integration_id for each in app.settings.integrations)


def _prepare(app: App) -> None:
    # Not `app.open_database`: a native list whose view has a name that is taken is no reason to refuse.
    schema.migrate(app.database, may_create=False)
    follow_config(app.settings, app.database)
