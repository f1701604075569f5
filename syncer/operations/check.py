"""Findings on configuration, database, key, integrations, models and drift."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection

from syncer.app import App
from syncer.domain.errors import KomboError, SyncerError, UsageError
from syncer.environments.environment import Environment
from syncer.operations.check_integrations import (
    Configured,
    check_covered,
    check_kombo,
    choose_integrations,
    tell_unknown,
)
from syncer.operations.deliveries import describe_delivery, is_well, report_deliveries
from syncer.operations.exclusion_gaps import find_exclusion_gaps
from syncer.operations.exposures import find_exposures
from syncer.operations.finding import Finding
from syncer.operations.unknown_lists import find_unknown_models
from syncer.planning.choice import no_integration
from syncer.store.queue.library import require_library
from syncer.store.reading.drift import Drift, drift
from syncer.store.schema import revisions as schema
from syncer.store.state.moves import other_environments
from syncer.store.state.processes import WORKER, count_alive


async def check(
    app: App, environments: Sequence[str] = (), integrations: Sequence[str] = (), *, asks_all: bool = False
) -> AsyncIterator[Finding]:
    """Check configuration, database, keys, each integration and its models, then the stored documents.

    environments: those that are asked about at Kombo; all without any. integrations: ids and globs of those
    to ask about; none: all, or none where they are many, unless asks_all. Raises UsageError for one that fits
    none, and what kept Kombo from being asked, where no environment could be.
    """
    selected = app.select(environments)
    if app.queue is not None:
        require_library()
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
    configured = {name: each.selection.configured(before == wanted) for name, each in selected.items()}
    every = {integration: globs for each in configured.values() for integration, globs in each.items()}
    chosen = choose_integrations(every, integrations, asks_all=asks_all)
    try:
        app.settings.check_access()
    except UsageError as error:
        yield Finding("web", False, str(error))
    if app.settings.delivered and before == wanted:
        for each in await database.ask(lambda connection: report_deliveries(connection, app)):
            yield _delivery(each)
    if app.queue is not None and before == wanted:
        yield await database.ask(lambda connection: _report_queue(connection, app))
    alerts = app.settings.alerts.settings()
    if alerts is not None:
        yield Finding("alerts", True, f"posted to {alerts.host}: `syncer alerts test` tries it")
    for exposure in await find_exposures(app):
        yield Finding(exposure.subject, True, exposure.reason, is_warning=True)
    if before == wanted:
        for name in await database.ask(lambda connection: other_environments(connection, app.environments)):
            yield Finding("environments", True, _unconfigured(name), is_warning=True)
    failed: list[SyncerError] = []
    unknown = set[str]()
    async for finding in _ask_kombo(selected, chosen, configured, unknown, failed):
        yield finding
    if before == wanted:
        unknown |= set(await database.ask(lambda connection: find_unknown_models(connection, app, selected)))
    for finding in tell_unknown(unknown):
        yield finding
    if not failed:
        for finding in check_covered(app.settings.native_lists, every):
            yield finding
    if before == wanted:
        # What is stored can be looked at without Kombo, too.
        for finding in await database.ask(lambda connection: list(_report_drift(drift(connection)))):
            yield finding
        for gap in await find_exclusion_gaps(app):
            yield Finding("privacy", True, gap, is_warning=True)
    lasting = [each for each in failed if not isinstance(each, KomboError)]
    if lasting or len(failed) == len(selected):
        raise (lasting or failed)[0]


async def _ask_kombo(
    selected: Mapping[str, Environment],
    chosen: Configured | None,
    configured: Mapping[str, Configured],
    unknown: set[str],
    failed: list[SyncerError],
) -> AsyncIterator[Finding]:
    """Check what Kombo says of each environment; add to failed why it could not be asked.

    Adds to unknown the names of lists that integrations offer and nobody here knows.
    """
    for name, environment in selected.items():
        told = set[str]()
        try:
            async for finding in check_kombo(environment, chosen, configured[name], unknown):
                told.add(finding.found)
                yield replace(finding, environment=name)
            if not any(configured.values()):
                yield Finding("integrations", False, no_integration())
            elif not configured[name]:
                nothing = "no integration of this environment is mirrored"
                yield Finding("integrations", True, nothing, is_warning=True, environment=name)
        except SyncerError as error:
            failed.append(error)
            if len(selected) > 1 and str(error) not in told:
                yield Finding("key", False, str(error), environment=name)


def _report_queue(connection: Connection, app: App) -> Finding:
    """Report whether anybody takes streams from the queue: without a worker nothing is mirrored."""
    assert app.queue is not None
    number = count_alive(connection, app.database.now(connection))[WORKER]
    where = f"the queue is in the schema {app.queue.schema}"
    if not number:
        nobody = f"{where}, and nobody takes streams from it: start `syncer worker`"
        return Finding("workers", True, nobody, is_warning=True)
    take = "1 worker takes" if number == 1 else f"{number} workers take"
    return Finding("workers", True, f"{where}; {take} streams from it")


def _unconfigured(name: str) -> str:
    return (
        f"integrations of {name} are mirrored, which is not configured any more: nothing keeps them current. "
        f"Configure [environments.{name}] again, or take them out by `syncer integrations remove`"
    )


def _delivery(delivery: Mapping[str, Any]) -> Finding:
    """Make the finding on a delivery as it is reported."""
    found = f"{delivery['name']} posts to {delivery['receiver']}: {delivery['state']}"
    note = describe_delivery(delivery)
    return Finding("deliveries", is_well(delivery), f"{found}. {note}" if note else found)


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
