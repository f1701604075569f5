"""Lookup of the list behind a stream."""

from __future__ import annotations

from collections.abc import Callable

from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.catalogue.model import narrowed
from syncer.domain.stream_key import StreamKey
from syncer.sync.context import SyncContext
from syncer.sync.sources.added_list import AddedListSource
from syncer.sync.sources.base import Source
from syncer.sync.sources.kombo_list import KomboListSource
from syncer.sync.sources.native_list import NativeListSource


def source_of(
    context: SyncContext, key: StreamKey, refused: Callable[[], frozenset[str]] = frozenset
) -> Source:
    """Find the list behind the stream. Raises UsageError where there is none.

    refused: reads the parameters that the list has refused, where nobody knows which it takes; without it the
    list is asked with all of them once more.
    """
    native_list = context.native_lists.get(key.model)
    if native_list is not None:
        return NativeListSource(context, native_list, key.integration_id)
    added = context.added_lists.get(key.model)
    if added is not None:
        spec = narrowed(added, refused()) if added.features.unsure else added
        return AddedListSource(context, spec, key.integration_id)
    model = model_named(key.model)
    return KomboListSource(
        context, narrowed(model, refused()) if model.features.unsure else model, key.integration_id
    )


def is_known(context: SyncContext, key: StreamKey) -> bool:
    """True where a list is behind the stream: another process may mirror some that this one does not know."""
    return key.model in context.native_lists or key.model in context.added_lists or key.model in catalogue()


def by_id(source: Source) -> KomboListSource | None:
    """Narrow a source to one whose records can be looked up by id; None: they cannot."""
    return source if isinstance(source, KomboListSource) and source.spec.features.ids else None
