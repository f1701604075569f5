"""Records in quarantine: which there are, and another try."""

from __future__ import annotations

from collections.abc import Sequence

from syncer.app import App
from syncer.domain.catalogue.lookup import select_names
from syncer.domain.integration_globs import select_integrations
from syncer.domain.stream_key import StreamKey
from syncer.store.schema import migrate as schema
from syncer.store.state.quarantine import Entry, entries
from syncer.sync import refresh as use_case
from syncer.sync.refresh import Refreshed


def list_quarantine(app: App, integrations: Sequence[str] = (), models: Sequence[str] = ()) -> list[Entry]:
    """List the records in quarantine, of the selected streams. Raises DatabaseError, UsageError."""
    schema.check(app.database)
    named = select_names(models, app.native_lists)
    with app.database.read() as connection:
        found = entries(connection, app.streams.environment)
    # Also of what is mirrored no more: its records stay.
    known = {**app.selection.configured(has_tables=True), **dict.fromkeys(e.integration_id for e in found)}
    selected = set(select_integrations(integrations, known))
    return [each for each in found if each.model in named and each.integration_id in selected]


async def retry_quarantine(
    app: App, integrations: Sequence[str] = (), models: Sequence[str] = ()
) -> dict[StreamKey, list[Refreshed]]:
    """Fetch what is in quarantine once more; gives what became of each record, by stream.

    Raises UsageError for a selection that names nothing; KomboError, Busy, DatabaseError.
    """
    async with app.ready() as (context, asking):
        chosen = app.selection.chosen(integrations, models)
        keys = {
            StreamKey(each.integration_id, each.model) for each in list_quarantine(app, integrations, models)
        }
        return {
            key: await use_case.retry_quarantine(context, asking, key)
            for key in sorted(keys)
            if key.model in chosen.get(key.integration_id, ())
        }
