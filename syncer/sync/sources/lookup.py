"""Which list is behind a stream."""

from __future__ import annotations

from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.stream_key import StreamKey
from syncer.sync.context import SyncContext
from syncer.sync.sources.base import Source
from syncer.sync.sources.kombo_list import ModelList
from syncer.sync.sources.native_list import NativeList


def source_of(context: SyncContext, key: StreamKey) -> Source:
    """The list behind the stream. Raises UsageError where there is none."""
    resource = context.resources.get(key.model)
    if resource is not None:
        return NativeList(context, resource, key.integration_id)
    return ModelList(context, model_named(key.model), key.integration_id)


def is_known(context: SyncContext, key: StreamKey) -> bool:
    """Whether a list is behind the stream: another process may mirror some that this one does not know."""
    return key.model in context.resources or key.model in catalogue()


def by_id(source: Source) -> ModelList | None:
    """The list, where single records of it can be asked for."""
    return source if isinstance(source, ModelList) and source.listed.features.ids else None
