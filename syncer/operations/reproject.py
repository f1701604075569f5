"""Re-projection of stored documents."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from syncer.app import App
from syncer.domain.catalogue.lookup import select_names
from syncer.sync.reproject import Reprojected


async def reproject(
    app: App, models: Sequence[str] = (), report: Callable[[Reprojected], None] = lambda _: None
) -> list[Reprojected]:
    """Make the rows of the models (globs; none: all) anew from their documents, without a request.

    Raises UsageError for a glob that names no model, DatabaseError, ProjectionReplaced.
    """
    named = select_names(models, app.settings.configured_names)
    chosen = [name for name in app.settings.lists if name in named]
    await asyncio.to_thread(app.open_database)
    await asyncio.to_thread(app.reprojection.adopt)
    return await app.reprojection.run(chosen, report)
