"""What a configured native list would bring, before anything is stored."""

from __future__ import annotations

import asyncio

from syncer.app import App
from syncer.domain.errors import UsageError
from syncer.domain.native.spec import Resource
from syncer.operations.native_preview import Preview, preview
from syncer.sync.sources.native_list import NativeList


async def preview_list(app: App, name: str, integration_id: str | None = None) -> Preview:
    """One page of the list of that name, from that integration or the first that it is mirrored for.

    Raises UsageError where there is no such list or integration; KomboError, DatabaseError.
    """
    resource = app.resources.get(name)
    if resource is None:
        known = ", ".join(app.resources) or "none"
        raise UsageError(f"There is no [[passthrough]] of the name {name!r} in the configuration ({known}).")
    await asyncio.to_thread(app.open_database)
    chosen = integration_id or _first(app, resource)
    async with app.open() as (context, _):
        return await preview(NativeList(context, resource, chosen))


def _first(app: App, resource: Resource) -> str:
    covered = [each for each in app.selection.mirrored() if resource.covers(each)]
    if not covered:
        raise UsageError(
            f"No mirrored integration fits {' or '.join(resource.integrations)}, which is what "
            f"{resource.name} is mirrored for: name one with --integration, or add one to be mirrored."
        )
    return covered[0]
