"""Findings on the integrations that are mirrored: asked about at Kombo, or as far as the mirror knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from syncer.domain.catalogue.lookup import category_models
from syncer.domain.catalogue.model import Model
from syncer.domain.catalogue.names import suggested_lines, unknown_models
from syncer.domain.catalogue.tables import table_models
from syncer.domain.durations import describe_age
from syncer.domain.errors import KeyRefused, KomboError
from syncer.domain.integration_globs import select_integrations
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.streams.state import IntegrationState
from syncer.environments.environment import Environment
from syncer.operations.finding import Finding
from syncer.operations.unknown_lists import describe_unknown_models
from syncer.store.state.integrations import IntegrationRow
from syncer.sync.context import SyncContext
from syncer.sync.integrations import ACTIVE

#: Integrations about which Kombo is asked unless they are named: each costs a request.
MOST_ASKED = 20
#: Integrations that are not well of which a summary tells one by one.
MOST_TOLD = 20
#: Requests that are under way at once.
AT_ONCE = 8

Configured = Mapping[str, Sequence[str] | None]


def choose_integrations(configured: Configured, named: Sequence[str], *, asks_all: bool) -> Configured | None:
    """Choose the integrations to ask about; None: they are too many, and will be summed up.

    named: ids and globs; none: all. Raises UsageError for one that fits none.
    """
    if named:
        return {each: configured[each] for each in select_integrations(named, configured)}
    return configured if asks_all or len(configured) <= MOST_ASKED else None


async def check_kombo(
    environment: Environment, chosen: Configured | None, configured: Configured, unknown: set[str]
) -> AsyncIterator[Finding]:
    """Check the key, then the chosen integrations and their lists, or sum up what is known of all.

    configured: those of the environment. Adds to unknown the names of lists that they offer and nobody here
    knows. Raises what kept Kombo from being asked.
    """
    async with environment.open() as (context, _):
        try:
            environment_id = await context.client.check_key(purpose=Purpose.INCREMENTAL)
        except KomboError as error:
            yield Finding("key", False, str(error))
            raise
        address = environment.settings.base_url
        yield Finding("key", True, f"accepted by {address} for environment {environment_id}")
        if chosen is None:
            known, now = await asyncio.to_thread(lambda: (environment.selection.known(), _now(environment)))
            for finding in sum_up_integrations(known, now):
                yield finding
        else:
            here = {each: globs for each, globs in chosen.items() if each in configured}
            async for finding in _ask(environment, context, here, unknown):
                yield finding


def check_covered(native_lists: Iterable[NativeListSpec], configured: Collection[str]) -> Iterator[Finding]:
    """Find the native lists that no mirrored integration has."""
    for native_list in native_lists:
        if configured and not any(map(native_list.covers, configured)):
            globs = " or ".join(native_list.integrations)
            yield Finding(native_list.name, False, f"no mirrored integration fits {globs}")


def _now(environment: Environment) -> datetime:
    with environment.database.read() as connection:
        return environment.database.now(connection)


async def _ask(
    environment: Environment, context: SyncContext, chosen: Configured, unknown: set[str]
) -> AsyncIterator[Finding]:
    """Ask about several integrations at once, and give the findings in the order of these."""
    settings, permits = environment.settings, asyncio.Semaphore(AT_ONCE)

    async def findings(integration_id: str, globs: Sequence[str] | None) -> list[Finding]:
        wanted = settings.select_models(globs or settings.sync.models)
        async with permits:
            found = [each async for each in _check_integration(context, integration_id, wanted, unknown)]
        mirrored = {model.name for model in wanted}
        return [*found, *_check_native_lists(integration_id, settings.native_lists, mirrored)]

    tasks = [asyncio.create_task(findings(*each)) for each in chosen.items()]
    try:
        for task in tasks:
            for finding in await task:
                yield finding
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _check_integration(
    context: SyncContext, integration_id: str, wanted: Sequence[Model], unknown: set[str]
) -> AsyncIterator[Finding]:
    """Check what Kombo offers of an integration; a model that is not offered is well, only not mirrored.

    Adds to unknown the names of lists that it offers and nobody here knows.
    """
    try:
        found = await context.client.integration(integration_id, purpose=Purpose.INCREMENTAL)
    except KeyRefused:
        raise
    except KomboError as error:
        yield Finding(integration_id, False, str(error))
        return
    is_ready = found.setup_status in {None, "COMPLETED"} and found.status in {None, ACTIVE}
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
    available = [name for name, each in found.read_models.items() if each.is_available]
    if new := unknown_models(available, context.added_lists):
        unknown.update(new)
        yield Finding(
            integration_id, True, f"offers {', '.join(new)}, which nobody here knows", is_warning=True
        )


def tell_unknown(names: Collection[str]) -> Iterator[Finding]:
    """Find what mirrors lists that nobody here knows, if there are any."""
    if names:
        lines = "\n\n".join("\n".join(suggested_lines(name)) for name in sorted(names)).split("\n")
        said = describe_unknown_models(sorted(names))
        yield Finding("lists", True, f"{said}:", is_warning=True, lines=tuple(lines))


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


def sum_up_integrations(known: Sequence[IntegrationRow], now: datetime) -> Iterator[Finding]:
    """Sum up what Kombo has last said of many integrations, and name those that are not well."""
    asked = [each for each in known if each.checked_at is not None]
    troubled = [each for each in asked if not _is_well(each)]
    ages = [(now - each.checked_at).total_seconds() for each in asked if each.checked_at is not None]
    parts = [f"{len(known):,} are mirrored, too many to ask about each"]
    if ages:
        parts.append(
            f"{len(asked) - len(troubled):,} were well when last asked about, the longest "
            f"{describe_age(max(ages))}"
        )
    if len(asked) < len(known):
        parts.append(f"{len(known) - len(asked):,} were never asked about")
    how = "`syncer check --all` asks about every one, and `--integration ID` about one"
    yield Finding("integrations", True, f"{'; '.join(parts)}. {how}")
    for each in troubled[:MOST_TOLD]:
        said = f"status {each.status or 'unknown'}, set-up {each.setup_status or 'unknown'}"
        if each.state == IntegrationState.GONE:
            said = "not known to Kombo"
        yield Finding(each.id, False, f"{each.tool or 'unknown tool'}: {said} when last asked about")
    if len(troubled) > MOST_TOLD:
        yield Finding(
            "integrations",
            False,
            f"{len(troubled) - MOST_TOLD:,} more are not well: `syncer integrations list` shows all",
        )


def _is_well(integration: IntegrationRow) -> bool:
    return integration.state == IntegrationState.READY and integration.status in {None, ACTIVE}
