"""Verification of the selected streams against Kombo. The mirror is read, and nothing of it is written."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from syncer import __version__
from syncer.app import App
from syncer.domain.errors import KeyRefused
from syncer.domain.stream_key import StreamKey
from syncer.domain.verification.certificate import certificate
from syncer.domain.verification.difference import Verdict
from syncer.domain.verification.result import Verification
from syncer.environments.environment import Opened
from syncer.planning.choice import choose_streams
from syncer.store.schema import revisions as schema
from syncer.sync.context import Report
from syncer.sync.run_all import several_at_once
from syncer.sync.verification.verify import SampleOrder, verify_stream

#: Streams of an environment that are verified at once: each has its records' hashes in a file of its own.
AT_ONCE = 4


class Verified(Struct, frozen=True):
    """Verifications of some streams. made_at: by the database's clock. kombo: address of each environment."""

    streams: list[Verification]
    made_at: datetime
    kombo: dict[str, str]

    @property
    def is_well(self) -> bool:
        """True where nothing differs, and all of it is known to be so."""
        return bool(self.streams) and all(each.verdict.is_well for each in self.streams)

    def certificate(self) -> dict[str, Any]:
        """Make the certificate."""
        return certificate(self.streams, made_at=self.made_at, version=__version__, kombo=self.kombo)


async def verify(
    app: App,
    *,
    environments: Sequence[str] = (),
    integrations: Sequence[str] = (),
    models: Sequence[str] = (),
    sample: int | None = None,
    uniform: Callable[[], float] = random.random,
    report: Report = lambda _: None,
    planned: Callable[[Sequence[StreamKey]], None] = lambda _: None,
    ended: Callable[[Verification], None] = lambda _: None,
) -> Verified:
    """Verify the selected streams (all where none is named), of all environments at once.

    sample: rows of each stream to compare, chosen by chance (uniform: from 0 to less than 1); None: all.
    planned gets the keys of an environment's streams before the first of them begins, ended each result.
    Where the key of one environment is refused its streams are unread. Raises UsageError for a selection
    that names nothing, KeyRefused where every key is refused, DatabaseError.
    """
    selected = app.select(environments)
    await asyncio.to_thread(schema.check, app.database)
    selections = {name: each.selection for name, each in selected.items()}
    chosen = await asyncio.to_thread(choose_streams, selections, integrations, models)
    order = None if sample is None else SampleOrder(sample, uniform)
    keys = {
        name: [StreamKey(each, model) for each, lists in lists_of.items() for model in sorted(lists)]
        for name, lists_of in chosen.items()
    }
    named = [name for name, some in keys.items() if some]
    async with app.open(named, report) as opened:
        for each in opened:
            planned(keys[each.environment.name])
        results = await asyncio.gather(
            *(_environment(each, keys[each.environment.name], order, ended) for each in opened)
        )
    refusals = [each for each in results if isinstance(each, KeyRefused)]
    if refusals and len(refusals) == len(results):
        raise refusals[0]
    streams: list[Verification] = []
    for name, found in zip(named, results, strict=True):
        streams += _refused(name, keys[name], found) if isinstance(found, KeyRefused) else found
    made_at = await app.database.ask(app.database.now)
    return Verified(streams, made_at, {name: selected[name].settings.base_url for name in named})


async def _environment(
    opened: Opened,
    keys: Sequence[StreamKey],
    order: SampleOrder | None,
    ended: Callable[[Verification], None],
) -> list[Verification] | KeyRefused:
    """Verify streams of one environment; give the error where its key is refused."""
    context = opened.context

    async def one(key: StreamKey) -> Verification:
        found = await verify_stream(context, key, order)
        ended(found)
        return found

    try:
        results = await several_at_once(keys, one, AT_ONCE, context.stopping)
    except KeyRefused as error:
        return error
    return [
        results.get(key) or Verification(context.streams.environment, key, Verdict.UNREAD, "It was stopped.")
        for key in keys
    ]


def _refused(environment: str, keys: Sequence[StreamKey], error: KeyRefused) -> list[Verification]:
    return [Verification(environment, key, Verdict.UNREAD, str(error)) for key in keys]
