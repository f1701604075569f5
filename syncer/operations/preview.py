"""One page of a configured native list as it would be stored; nothing is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from msgspec import Struct

from syncer.app import App
from syncer.domain.errors import UsageError
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.records.record import Poison
from syncer.domain.records.row import Row
from syncer.domain.streams.progress import WalkProgress
from syncer.domain.streams.stream import Kind, Walk
from syncer.environments.environment import Environment
from syncer.sync.sources.native_list import NativeListSource


class Preview(Struct, frozen=True):
    """Records of one page as they would be stored. next: cursor of the next page; None at the end."""

    integration_id: str
    rows: list[Row]
    poisons: list[Poison]
    next: str | None


async def preview(
    app: App, name: str, integration_id: str | None = None, environments: Sequence[str] = ()
) -> Preview:
    """Fetch a page of the list of that name, from that integration or the first that it is mirrored for.

    Raises UsageError where there is no such list or integration; KomboError, DatabaseError.
    """
    native_list = app.native_lists.get(name)
    if native_list is None:
        known = ", ".join(app.native_lists) or "none"
        raise UsageError(f"There is no [[passthrough]] of the name {name!r} in the configuration ({known}).")
    await asyncio.to_thread(app.open_database)
    chosen = integration_id or _first_mirrored(app.select(environments).values(), native_list)
    environment = await asyncio.to_thread(app.environment_of, chosen, environments)
    async with environment.open() as (context, _):
        return await _first_page(NativeListSource(context, native_list, chosen))


def _first_mirrored(environments: Iterable[Environment], native_list: NativeListSpec) -> str:
    mirrored = (each for environment in environments for each in environment.selection.mirrored())
    covered = [each for each in mirrored if native_list.covers(each)]
    if not covered:
        raise UsageError(
            f"No mirrored integration fits {' or '.join(native_list.integrations)}, which is what "
            f"{native_list.name} is mirrored for: name one with --integration, or add one to be mirrored."
        )
    return covered[0]


async def _first_page(source: NativeListSource) -> Preview:
    """Fetch and project the first page that has records: rows of the mirror that have none are skipped."""
    walk, cursor = Walk("preview", Kind.FULL, None, source.filters), None
    progress = WalkProgress(source.spec.name, source.integration_id)
    while True:
        page = await source.page(walk, cursor, Purpose.INCREMENTAL)
        cursor = page.next
        if page.results or cursor is None:
            break
        progress.add_page((), has_next=True, part=page.parent)
    records = source.read(page)
    projected = [source.project(each) for each in records.usable]
    return Preview(
        source.integration_id,
        [each for each in projected if isinstance(each, Row)],
        [*records.poisons, *(each for each in projected if isinstance(each, Poison))],
        cursor,
    )
