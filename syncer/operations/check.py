"""Findings on configuration, database, key, integrations, models and drift."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from syncer.app import App
from syncer.domain.errors import KomboError, SyncerError, UsageError
from syncer.domain.ratelimit.budget import Purpose
from syncer.operations.check_integrations import Configured, check_integrations, choose_integrations
from syncer.operations.deliveries import describe_delivery, is_well, report_deliveries
from syncer.operations.exclusion_gaps import find_exclusion_gaps
from syncer.operations.exposures import find_exposures
from syncer.operations.finding import Finding
from syncer.store.reading.drift import Drift, drift
from syncer.store.schema import migrate as schema


async def check(
    app: App, integrations: Sequence[str] = (), *, asks_all: bool = False
) -> AsyncIterator[Finding]:
    """Check configuration, database, key, each integration and its models, then the stored documents.

    integrations: ids and globs of those to ask about; none: all, or none where they are many, unless
    asks_all. Raises UsageError for one that fits none, and what kept Kombo from being asked.
    """
    database = app.database
    shown = database.shown_url
    before, wanted = schema.revisions(database)
    if before is None:
        # The request budget lives there, and whether the database takes writes is worth knowing.
        await asyncio.to_thread(app.migrate)
        before = wanted
        yield Finding("database", True, f"{shown} was empty and is now at revision {wanted}")
    elif before == wanted:
        yield Finding("database", True, f"{shown} is at revision {wanted}")
    else:
        yield Finding("database", True, f"{shown} will be migrated from revision {before} to {wanted}")
    configured = app.selection.configured(before == wanted)
    chosen = choose_integrations(configured, integrations, asks_all=asks_all)
    try:
        app.settings.web.check_access()
    except UsageError as error:
        yield Finding("web", False, str(error))
    if app.settings.delivered and before == wanted:
        for each in await database.ask(lambda connection: report_deliveries(connection, app)):
            yield _delivery(each)
    for exposure in await find_exposures(app):
        yield Finding(exposure.subject, True, exposure.reason, is_warning=True)
    failed: SyncerError | None = None
    try:
        async for finding in _check_kombo(app, chosen, configured):
            yield finding
    except SyncerError as error:
        failed = error
    if before == wanted:
        # What is stored can be looked at without Kombo, too.
        for finding in await database.ask(lambda connection: list(_report_drift(drift(connection)))):
            yield finding
        for gap in await find_exclusion_gaps(app):
            yield Finding("privacy", True, gap, is_warning=True)
    if failed is not None:
        raise failed


def _delivery(delivery: Mapping[str, Any]) -> Finding:
    """Make the finding on a delivery as it is reported."""
    found = f"{delivery['name']} posts to {delivery['receiver']}: {delivery['state']}"
    note = describe_delivery(delivery)
    return Finding("deliveries", is_well(delivery), f"{found}. {note}" if note else found)


async def _check_kombo(app: App, chosen: Configured | None, configured: Configured) -> AsyncIterator[Finding]:
    async with app.open() as (context, _):
        try:
            environment = await context.client.check_key(purpose=Purpose.INCREMENTAL)
        except KomboError as error:
            yield Finding("key", False, str(error))
            raise
        yield Finding("key", True, f"accepted by {app.settings.base_url} for environment {environment}")
        async for finding in check_integrations(app, context, chosen, configured):
            yield finding


def _report_drift(found: Iterable[Drift]) -> Iterator[Finding]:
    """Report members without a column: well, and kept in the documents, but worth knowing.

    What many tables have alike is one finding.
    """
    tables = list(found)
    alike: dict[tuple[str, ...], list[Drift]] = {}
    for each in tables:
        if each.unknown:
            alike.setdefault(tuple(each.unknown), []).append(each)
    for members, drifted in alike.items():
        if len(drifted) > 1:
            yield Finding(
                "drift",
                True,
                f"{len(drifted)} tables have members without a column: {', '.join(members)}; they are kept "
                "in `document`, and there is nothing to do",
            )
            continue
        (each,) = drifted
        named = ", ".join(f"{member} ({number:,})" for member, number in each.unknown.items())
        part = "the first " if each.is_sample else ""
        records = "record" if each.looked_at == 1 else "records"
        yield Finding(
            "drift",
            True,
            f"{each.table} has members without a column, in {part}{each.looked_at:,} {records} "
            f"looked at: {named}",
        )
    if tables and not alike:
        part = ", as far as it was looked" if any(each.is_sample for each in tables) else ""
        yield Finding("drift", True, f"every member of the stored records has a column{part}")
