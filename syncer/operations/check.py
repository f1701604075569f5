"""Findings on configuration, database, key, integrations, models and drift."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncer.app import App
from syncer.domain.catalogue.lookup import category_models, select_models
from syncer.domain.catalogue.model import Model
from syncer.domain.catalogue.tables import table_models
from syncer.domain.errors import KeyRefused, KomboError, SyncerError, UsageError
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.ratelimit.budget import Purpose
from syncer.operations.deliveries import describe_delivery, is_well, report_deliveries
from syncer.operations.exclusion_gaps import find_exclusion_gaps
from syncer.operations.exposures import find_exposures
from syncer.planning.selection import NO_INTEGRATION
from syncer.store.reading.drift import Drift, drift
from syncer.store.schema import migrate as schema
from syncer.sync.context import SyncContext


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check. subject: what was checked; found: the result in words.

    is_warning: well, but somebody should do something about it.
    """

    subject: str
    is_well: bool
    found: str
    is_warning: bool = False


async def check(app: App) -> AsyncIterator[Finding]:
    """Check configuration, database, key, each integration and its models, then the stored documents.

    Raises what kept Kombo from being asked.
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
    try:
        app.settings.web.check_access()
    except UsageError as error:
        yield Finding("web", False, str(error))
    if app.settings.delivered and before == wanted:
        for each in await database.ask(lambda connection: report_deliveries(connection, app)):
            yield _delivery(each)
    alerts = app.settings.alerts.settings()
    if alerts is not None:
        yield Finding("alerts", True, f"posted to {alerts.host}: `syncer alerts test` tries it")
    for exposure in await find_exposures(app):
        yield Finding(exposure.subject, True, exposure.reason, is_warning=True)
    failed: SyncerError | None = None
    try:
        async for finding in _check_kombo(app, app.selection.configured(before == wanted)):
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


async def _check_kombo(app: App, configured: Mapping[str, Sequence[str] | None]) -> AsyncIterator[Finding]:
    async with app.open() as (context, _):
        try:
            environment = await context.client.check_key(purpose=Purpose.INCREMENTAL)
        except KomboError as error:
            yield Finding("key", False, str(error))
            raise
        yield Finding("key", True, f"accepted by {app.settings.base_url} for environment {environment}")
        if not configured:
            yield Finding("integrations", False, NO_INTEGRATION)
        for integration_id, globs in configured.items():
            wanted = select_models(tuple(globs or app.settings.sync.models))
            async for finding in _check_integration(context, integration_id, wanted):
                yield finding
            mirrored = {model.name for model in wanted}
            for finding in _check_native_lists(integration_id, app.settings.native_lists, mirrored):
                yield finding
        for native_list in app.settings.native_lists:
            if configured and not any(map(native_list.covers, configured)):
                globs = " or ".join(native_list.integrations)
                yield Finding(native_list.name, False, f"no mirrored integration fits {globs}")


async def _check_integration(
    context: SyncContext, integration_id: str, wanted: Sequence[Model]
) -> AsyncIterator[Finding]:
    """Check what Kombo offers of an integration; a model that is not offered is well, only not mirrored."""
    try:
        found = await context.client.integration(integration_id, purpose=Purpose.INCREMENTAL)
    except KeyRefused:
        raise
    except KomboError as error:
        yield Finding(integration_id, False, str(error))
        return
    is_ready = found.setup_status in {None, "COMPLETED"} and found.status in {None, "ACTIVE"}
    tool = found.tool_label or found.tool_id or "unknown tool"
    yield Finding(
        integration_id,
        is_ready,
        f"{tool}, {found.category or 'unknown category'}: "
        f"status {found.status or 'unknown'}, set-up {found.setup_status or 'unknown'}",
    )
    offered, refused = [], []
    for model in category_models(wanted, found.category, found.read_models):
        read_model = found.read_models.get(model.webhook_name or "")
        if read_model is None or read_model.is_available:
            offered.append(model.name)
        else:
            reason = read_model.coverage_status if read_model.coverage_status != "SUPPORTED" else None
            reason = reason or read_model.scope_config_setting or "not available"
            refused.append(f"{model.name} ({'opted out' if read_model.opted_out else reason})")
    yield Finding(integration_id, True, f"mirrors {', '.join(offered) or 'nothing'}")
    if refused:
        yield Finding(integration_id, True, f"does not offer {', '.join(refused)}")


def _check_native_lists(
    integration_id: str, native_lists: Iterable[NativeListSpec], mirrored: Collection[str]
) -> Iterator[Finding]:
    """Check the native lists of an integration; one that asks for rows nobody mirrors is not well."""
    covering = [each for each in native_lists if each.covers(integration_id)]
    if covering:
        names = ", ".join(each.name for each in covering)
        yield Finding(integration_id, True, f"mirrors through passthrough {names}")
    for native_list in covering:
        each = native_list.for_each
        if each is not None and table_models()[each.table] not in mirrored:
            yield Finding(
                integration_id,
                False,
                f"{native_list.name} asks for each row of {each.table}, which is not mirrored here",
            )


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
