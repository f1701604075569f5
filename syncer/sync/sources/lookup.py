"""Which list is behind a stream."""

from __future__ import annotations

from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.store.state.streams import Key
from syncer.sync.context import Engine
from syncer.sync.sources.base import Source
from syncer.sync.sources.kombo_list import KomboListSource
from syncer.sync.sources.native_list import NativeListSource


def source_of(engine: Engine, key: Key) -> Source:
    """The list behind the stream. Raises UsageError where there is none."""
    native_list = engine.native_lists.get(key[1])
    if native_list is not None:
        return NativeListSource(engine, native_list, key[0])
    return KomboListSource(engine, model_named(key[1]), key[0])


def is_known(engine: Engine, key: Key) -> bool:
    """Whether a list is behind the stream: another process may mirror some that this one does not know."""
    return key[1] in engine.native_lists or key[1] in catalogue()


def by_id(source: Source) -> KomboListSource | None:
    """The list, where single records of it can be asked for."""
    return source if isinstance(source, KomboListSource) and source.listed.features.ids else None
