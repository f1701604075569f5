"""Records in quarantine: which there are, and another try."""

from __future__ import annotations

from collections.abc import Sequence

from syncer.app import App
from syncer.domain.catalogue.lookup import select_names
from syncer.domain.integration_globs import select_integrations
from syncer.domain.stream_key import StreamKey
from syncer.operations.status import configured
from syncer.planning.choice import choose_streams
from syncer.store.schema import revisions as schema
from syncer.store.state.quarantine import Entry, entries
from syncer.sync import refresh as use_case
from syncer.sync.refresh import Refreshed


def list_quarantine(
    app: App,
    integrations: Sequence[str] = (),
    models: Sequence[str] = (),
    environments: Sequence[str] = (),
) -> list[Entry]:
    """List the records in quarantine, of the selected streams. Raises DatabaseError, UsageError."""
    selected = app.select(environments)
    schema.check(app.database)
    named = select_names(models, app.settings.configured_names)
    with app.database.read() as connection:
        found = [each for name in selected for each in entries(connection, name)]
    # Also of what is mirrored no more: its records stay.
    known = dict.fromkeys([*configured(app, environments), *(each.integration_id for each in found)])
    chosen = set(select_integrations(integrations, known))
    return [each for each in found if each.model in named and each.integration_id in chosen]


async def retry_quarantine(
    app: App,
    integrations: Sequence[str] = (),
    models: Sequence[str] = (),
    environments: Sequence[str] = (),
) -> dict[StreamKey, list[Refreshed]]:
    """Fetch what is in quarantine once more; gives what became of each record, by stream.

    Raises UsageError for a selection that names nothing; KomboError, Busy, DatabaseError.
    """
    selected = app.select(environments)
    await app.prepare()
    selections = {name: each.selection for name, each in selected.items()}
    chosen = choose_streams(selections, integrations, models)
    quarantined = list_quarantine(app, integrations, models, environments)
    keys = {StreamKey(each.integration_id, each.model) for each in quarantined}
    wanted = {
        name: [key for key in sorted(keys) if key.model in lists.get(key.integration_id, ())]
        for name, lists in chosen.items()
    }
    async with app.open([name for name, keys in wanted.items() if keys]) as opened:
        return {
            key: await use_case.retry_quarantine(each.context, each.integrations, key)
            for each in opened
            for key in wanted[each.environment.name]
        }
