"""Which list is behind a stream."""

from __future__ import annotations

from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.streams.key import StreamKey
from syncer.sync.context import Engine
from syncer.sync.sources.base import Source
from syncer.sync.sources.kombo_list import ModelList
from syncer.sync.sources.native_list import NativeList


def source_of(engine: Engine, key: StreamKey) -> Source:
    """The list behind the stream. Raises UsageError where there is none."""
    resource = engine.resources.get(key.model)
    if resource is not None:
        return NativeList(engine, resource, key.integration_id)
    return ModelList(engine, model_named(key.model), key.integration_id)


def is_known(engine: Engine, key: StreamKey) -> bool:
    """Whether a list is behind the stream: another process may mirror some that this one does not know."""
    return key.model in engine.resources or key.model in catalogue()


def by_id(source: Source) -> ModelList | None:
    """The list, where single records of it can be asked for."""
    return source if isinstance(source, ModelList) and source.listed.features.ids else None
