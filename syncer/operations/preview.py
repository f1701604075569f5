"""What a configured native list would bring, before anything is stored."""

from __future__ import annotations

import asyncio

from syncer.app import App
from syncer.domain.errors import UsageError
from syncer.domain.native.spec import NativeListSpec
from syncer.operations.native_preview import Preview, preview
from syncer.sync.sources.native_list import NativeListSource


async def preview_list(app: App, name: str, integration_id: str | None = None) -> Preview:
    """One page of the list of that name, from that integration or the first that it is mirrored for.

    Raises UsageError where there is no such list or integration; KomboError, DatabaseError.
    """
    native_list = app.native_lists.get(name)
    if native_list is None:
        known = ", ".join(app.native_lists) or "none"
        raise UsageError(f"There is no [[passthrough]] of the name {name!r} in the configuration ({known}).")
    await asyncio.to_thread(app.open_database)
    chosen = integration_id or _first(app, native_list)
    async with app.open() as (context, _):
        return await preview(NativeListSource(context, native_list, chosen))


def _first(app: App, native_list: NativeListSpec) -> str:
    covered = [each for each in app.selection.mirrored() if native_list.covers(each)]
    if not covered:
        raise UsageError(
            f"No mirrored integration fits {' or '.join(native_list.integrations)}, which is what "
            f"{native_list.name} is mirrored for: name one with --integration, or add one to be mirrored."
        )
    return covered[0]
