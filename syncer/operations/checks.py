"""What would be mirrored of an integration, and why not the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syncer.domain.catalogue.lookup import category_models
from syncer.domain.catalogue.model import Model
from syncer.domain.catalogue.tables import table_models
from syncer.domain.errors import KeyRefused, KomboError
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.ratelimit.budget import Purpose
from syncer.store.reading.drift import Drift

if TYPE_CHECKING:
    from syncer.kombo.client import Client


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: is it well, and what was found, in words."""

    subject: str
    is_well: bool
    found: str


async def check_integration(
    client: Client, integration_id: str, wanted: Sequence[Model]
) -> AsyncIterator[Finding]:
    """Ask Kombo about the integration; a model that is not offered is well, only not mirrored."""
    try:
        said = await client.integration(integration_id, purpose=Purpose.INCREMENTAL)
    except KeyRefused:
        raise
    except KomboError as error:
        yield Finding(integration_id, False, str(error))
        return
    is_ready = said.setup_status in {None, "COMPLETED"} and said.status in {None, "ACTIVE"}
    tool = said.tool_label or said.tool_id or "unknown tool"
    yield Finding(
        integration_id,
        is_ready,
        f"{tool}, {said.category or 'unknown category'}: "
        f"status {said.status or 'not told'}, set-up {said.setup_status or 'not told'}",
    )
    offered, refused = [], []
    for model in category_models(wanted, said.category, said.read_models):
        read_model = said.read_models.get(model.webhook_name or "")
        if read_model is None or read_model.is_available:
            offered.append(model.name)
        else:
            reason = read_model.coverage_status if read_model.coverage_status != "SUPPORTED" else None
            reason = reason or read_model.scope_config_setting or "not available"
            refused.append(f"{model.name} ({'opted out' if read_model.opted_out else reason})")
    yield Finding(integration_id, True, f"mirrors {', '.join(offered) or 'nothing'}")
    if refused:
        yield Finding(integration_id, True, f"does not offer {', '.join(refused)}")


def check_native(
    integration_id: str, native_lists: Iterable[NativeListSpec], mirrored: Collection[str]
) -> Iterator[Finding]:
    """Which native lists are mirrored of the integration; not those that ask for rows nobody mirrors."""
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


def tell_drift(found: Iterable[Drift]) -> Iterator[Finding]:
    """Members without a column, table by table: well, and kept in the documents, but worth knowing."""
    tables = list(found)
    for each in tables:
        if each.unknown:
            named = ", ".join(f"{member} ({number:,})" for member, number in each.unknown.items())
            part = "the first " if each.is_sample else ""
            records = "record" if each.looked_at == 1 else "records"
            yield Finding(
                "drift",
                True,
                f"{each.table} has members without a column, in {part}{each.looked_at:,} {records} "
                f"looked at: {named}",
            )
    if tables and not any(each.unknown for each in tables):
        part = ", as far as it was looked" if any(each.is_sample for each in tables) else ""
        yield Finding("drift", True, f"every member of the stored records has a column{part}")
