"""Refresh of single records that a person names."""

from __future__ import annotations

from collections.abc import Sequence

from syncer.app import App
from syncer.domain.catalogue.lookup import model_named
from syncer.domain.errors import UsageError
from syncer.domain.stream_key import StreamKey
from syncer.planning.choice import choose_streams
from syncer.sync import refresh as use_case
from syncer.sync.deletions.confirm import IdKind
from syncer.sync.refresh import Refreshed


async def refresh(
    app: App,
    integration_id: str,
    model: str,
    ids: Sequence[str],
    *,
    by: IdKind = "ids",
    environments: Sequence[str] = (),
) -> list[Refreshed]:
    """Fetch these records of a stream now; gives what became of each.

    Raises UsageError for a stream that is not mirrored and for ids that cannot be fetched; KomboError,
    Busy, DatabaseError.
    """
    features = (app.settings.lists.get(model) or model_named(model)).features
    if not (features.ids if by == "ids" else features.remote_ids):
        raise UsageError(f"{model} cannot be fetched by {'Kombo' if by == 'ids' else 'the tool'}'s ids.")
    for each in ids:
        if not each or "," in each:
            raise UsageError(f"{each!r} is no id: give one at a time, without a comma.")
    selected = app.select(environments)
    await app.prepare()
    selections = {name: each.selection for name, each in selected.items()}
    chosen = choose_streams(selections, [integration_id], [model])
    names = [name for name, lists in chosen.items() if integration_id in lists]
    async with app.open(names) as (opened,):
        context, asking = opened.context, opened.integrations
        await opened.environment.selection.refresh_streams(asking, {integration_id})
        return await use_case.refresh(context, asking, StreamKey(integration_id, model), ids, by=by)
