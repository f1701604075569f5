"""Bring what is mirrored in step with the configuration: integrations come, go and move."""

from __future__ import annotations

from syncer.config.settings import Settings
from syncer.process.log import Logger
from syncer.store.db.database import Database
from syncer.store.state.integrations import IntegrationStore
from syncer.store.state.moves import move_integrations, other_environments
from syncer.store.state.streams import StreamStore

log = Logger()


def follow_config(settings: Settings, database: Database) -> None:
    """Bring the integrations of all environments in step with the configuration. Raises DatabaseError.

    Of an environment that is not configured any more only those stay that commands and webhooks have added.
    """
    with database.begin() as connection:
        now = database.now(connection)
        moved = move_integrations(connection, {each.id: each.environment for each in settings.integrations})
        for name in settings.environment_names:
            configured = {each.id: each.models for each in settings.integrations if each.environment == name}
            IntegrationStore(name).follow_config(connection, configured, now)
        for name in other_environments(connection, settings.environment_names):
            IntegrationStore(name).follow_config(connection, {}, now)
            left = {each.id for each in IntegrationStore(name).all(connection)}
            streams = StreamStore(name)
            keys = streams.keys(connection)
            streams.select(connection, {key for key in keys if key.integration_id in left})
    for each in moved:
        # It may not have been meant.
        log.warning(
            "integration_moved", integration=each.integration_id, before=each.before, after=each.after
        )
