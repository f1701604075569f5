"""Findings on what Kombo says of an environment: key, integrations, and what they offer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence

from syncer.domain.catalogue.lookup import category_models, select_models
from syncer.domain.catalogue.model import Model
from syncer.domain.catalogue.tables import table_models
from syncer.domain.errors import KeyRefused, KomboError
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.ratelimit.budget import Purpose
from syncer.environments.environment import Environment
from syncer.operations.finding import Finding
from syncer.sync.context import SyncContext


async def check_kombo(
    environment: Environment, configured: Mapping[str, Sequence[str] | None]
) -> AsyncIterator[Finding]:
    """Check the environment's key, its integrations and their models.

    configured: the models of each integration, as globs; None: those of all. Raises what kept Kombo
    from being asked.
    """
    settings = environment.settings
    async with environment.open() as (context, _):
        try:
            environment_id = await context.client.check_key(purpose=Purpose.INCREMENTAL)
        except KomboError as error:
            yield Finding("key", False, str(error))
            raise
        yield Finding("key", True, f"accepted by {settings.base_url} for environment {environment_id}")
        for integration_id, globs in configured.items():
            wanted = select_models(tuple(globs or settings.sync.models))
            async for finding in _check_integration(context, integration_id, wanted):
                yield finding
            mirrored = {model.name for model in wanted}
            for finding in _check_native_lists(integration_id, settings.native_lists, mirrored):
                yield finding


def check_covered(native_lists: Iterable[NativeListSpec], configured: Collection[str]) -> Iterator[Finding]:
    """Find the native lists that no mirrored integration has."""
    for native_list in native_lists:
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
