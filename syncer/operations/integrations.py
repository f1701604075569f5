"""Integrations that are mirrored by command, beside those of the configuration."""

from __future__ import annotations

from collections.abc import Sequence

from syncer.app import App
from syncer.domain.catalogue.lookup import select_models
from syncer.domain.errors import UsageError
from syncer.store.schema import migrate as schema
from syncer.store.state.integrations import IntegrationRow


def list_integrations(app: App) -> list[IntegrationRow]:
    """List the integrations to mirror, each with what Kombo last said of it. Raises DatabaseError."""
    return app.selection.known()


def add_integration(app: App, integration_id: str, models: Sequence[str] = ()) -> None:
    """Mirror one more integration from now on; models: globs, where it is not what is configured.

    Raises UsageError for what cannot be one, DatabaseError.
    """
    if not integration_id or any(character.isspace() for character in integration_id):
        raise UsageError("An integration's id is one word, as Kombo's dashboard shows it.")
    if _is_configured(app, integration_id):
        raise UsageError(f"{integration_id} is named in the configuration already.")
    if models:
        select_models(tuple(models))
    _prepare(app)
    with app.database.begin() as connection:
        app.integrations.add(connection, integration_id, origin="command", models=models or None)


def remove_integration(app: App, integration_id: str) -> None:
    """Mirror an integration no more; its rows stay.

    Raises UsageError where it is not mirrored, or named in the configuration; DatabaseError.
    """
    _prepare(app)
    if _is_configured(app, integration_id):
        raise UsageError(f"{integration_id} is named in the configuration: take it out there.")
    with app.database.begin() as connection:
        if not app.integrations.remove(connection, integration_id, app.database.now(connection)):
            raise UsageError(
                f"{integration_id} is not mirrored: `syncer integrations list` shows those that are."
            )


def _is_configured(app: App, integration_id: str) -> bool:
    return any(each.id == integration_id for each in app.settings.integrations)


def _prepare(app: App) -> None:
    # Not `app.open_database`: a native list whose view has a name that is taken is no reason to refuse.
    schema.migrate(app.database, may_create=False)
    app.selection.follow_config()
