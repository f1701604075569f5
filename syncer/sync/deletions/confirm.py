"""Look single records up, by Kombo's ids or by the tool's, and find out which of them Kombo does not know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

from msgspec import Struct, field

from syncer.domain.errors import AnswerTooLarge, ParametersRefused, RequestRefused, Transient
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.streams.progress import WalkProgress
from syncer.sync.sources.base import Records
from syncer.sync.sources.kombo_list import KomboListSource

IdKind = Literal["ids", "remote_ids"]

#: Statuses of a list that takes one of the ids amiss, or all of them together.
_TOO_MUCH = frozenset({400, 404, 414})


class Lookup(Struct, frozen=True):
    """Records that Kombo has of those asked for, and the ids that it does not know."""

    found: Records
    unknown: list[str]

    def __add__(self, other: Lookup) -> Lookup:
        return Lookup(self.found + other.found, self.unknown + other.unknown)


class Narrowing(Struct, frozen=True):
    """Conditions on the records that are looked up, besides their ids.

    updated_after: as the list takes it; None: whenever. filters: the model's own.
    """

    updated_after: str | None = None
    filters: Mapping[str, str] = field(default_factory=dict)


WHATEVER = Narrowing()


async def lookup(
    source: KomboListSource,
    ids: Sequence[str],
    purpose: Purpose,
    *,
    by: IdKind = "ids",
    narrowed: Narrowing = WHATEVER,
) -> Lookup:
    """Look just these records up, deleted ones among them and whatever the model's filters say.

    ids: not more than fit into a request; one with a comma cannot be asked for and counts as known. narrowed:
    only those of them that meet it; the others count as unknown. Where the request is refused, its answer is
    too large, or one of the records cannot be told by its id, each half is asked for alone. Raises KomboError
    where Kombo does not say what it knows; ParametersRefused where the list does not take ids.
    """
    ids = [each for each in ids if "," not in each]
    if not ids:
        return Lookup(Records([], []), [])
    halves = partial(_halves, source, ids, purpose, by, narrowed)
    try:
        records = await _fetch(source, ids, purpose, by, narrowed)
    except AnswerTooLarge:
        if len(ids) > 1:
            return await halves()
        raise
    except ParametersRefused:
        raise
    except RequestRefused as refused:
        if refused.status not in _TOO_MUCH:
            raise
        if len(ids) > 1:
            return await halves()
        if refused.status == 404 and refused.by_kombo:
            return Lookup(Records([], []), list(ids))
        raise
    named = _ids(records, by)
    if len(named) < len(records):
        if len(ids) > 1:
            return await halves()
        # Whatever it is that came, it is the one that was asked for.
        return Lookup(records, [])
    return Lookup(records, [each for each in ids if each not in named])


async def _halves(
    source: KomboListSource, ids: Sequence[str], purpose: Purpose, by: IdKind, narrowed: Narrowing
) -> Lookup:
    middle = len(ids) // 2
    first = await lookup(source, ids[:middle], purpose, by=by, narrowed=narrowed)
    return first + await lookup(source, ids[middle:], purpose, by=by, narrowed=narrowed)


async def _fetch(
    source: KomboListSource, ids: Sequence[str], purpose: Purpose, by: IdKind, narrowed: Narrowing
) -> Records:
    """Fetch all pages of the answer.

    Raises Transient where it is about other records, ListStuck where its pages do not end.
    """
    texts: list[bytes] = []
    progress = WalkProgress(source.spec.name, source.integration_id)
    cursor: str | None = None
    while True:
        page = await source.list_page(
            purpose,
            page_size=source.context.rules.page_size,
            updated_after=narrowed.updated_after,
            cursor=cursor,
            filters=narrowed.filters,
            ids=ids if by == "ids" else None,
            remote_ids=ids if by == "remote_ids" else None,
        )
        texts += page.results
        records = source.records(texts)
        if not set(_ids(records, by)) <= set(ids):
            raise Transient(
                f"Kombo was asked for {len(ids)} of the {source.spec.name} of {source.integration_id} "
                "and answered with others.",
                reason="Kombo was asked for single records and answered with others.",
                integration_id=source.integration_id,
            )
        cursor = page.next
        if cursor is None:
            return records
        progress.add_page(source.records(page.results).ids, has_next=True)


def _ids(records: Records, by: IdKind) -> list[str]:
    """Give the ids of the kind by which the records were asked for."""
    if by == "ids":
        return records.ids
    return [each.remote_id for each in records.usable if each.remote_id is not None]
