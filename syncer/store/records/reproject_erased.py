"""Erasures in a re-projection: rows that turn out to be erased, and changes of those that mentioned some."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from msgspec.structs import replace

from syncer.domain.environments import DEFAULT_ENVIRONMENT
from syncer.domain.erasure.traces import ErasedRecord, traces_of
from syncer.domain.feed.row_change import Operation, RowChange
from syncer.domain.stream_key import StreamKey
from syncer.store.records.erase import erase_model_rows
from syncer.store.records.feed import tell_changes
from syncer.store.records.reproject import BatchContext
from syncer.store.state.erasures import keep_traces
from syncer.store.state.integrations import environments_of


def erase_late(
    context: BatchContext, model: str, receipts: Mapping[str, str], integrations: Mapping[str, str]
) -> None:
    """Erase rows whose documents say that they are about erased records: their columns did not.

    receipts, integrations: of the rows, by id.
    """
    if not receipts:
        return
    for record_id, receipt in sorted(receipts.items()):
        record = ErasedRecord(model, integrations[record_id], record_id)
        is_alone = receipt in context.erased.alone
        traces = traces_of(context.erased.key, record, with_owned=not is_alone)
        keep_traces(context.connection, receipt, traces)
    erase_model_rows(context.connection, context.feed, model, receipts, context.now)


def tell_forgotten(
    context: BatchContext,
    model: str,
    forgotten: Mapping[str, Collection[str]],
    integrations: Mapping[str, str],
) -> None:
    """Tell the feed which members have lost what they said of erased records, without their former values.

    forgotten: these members, by the id of the row. integrations: of the rows, by id.
    """
    if not forgotten or model not in context.feed.models:
        return
    ids_of: dict[str, list[str]] = defaultdict(list)
    for record_id in sorted(forgotten):
        ids_of[integrations[record_id]].append(record_id)
    environments = environments_of(context.connection, ids_of)
    feed = replace(context.feed, before=False)
    for integration_id, ids in sorted(ids_of.items()):
        environment = environments.get(integration_id, DEFAULT_ENVIRONMENT)
        told = [RowChange(each, Operation.UPDATED, dict.fromkeys(sorted(forgotten[each]))) for each in ids]
        key = StreamKey(integration_id, model)
        tell_changes(context.connection, feed, environment, key, told, context.now)
