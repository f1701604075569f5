"""Ask Kombo for single records, by its ids or by the tool's, and find out which of them it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from syncer.domain.errors import RequestRefused, Transient
from syncer.domain.ratelimit.budget import Purpose
from syncer.sync.sources.base import Records
from syncer.sync.sources.kombo_list import KomboListSource

By = Literal["ids", "remote_ids"]

#: What a list may answer that takes one of the ids amiss, or all of them together.
_TOO_MUCH = frozenset({400, 404, 414})


@dataclass(frozen=True, slots=True)
class Answer:
    """What Kombo has of some records: those it served, and which of the ids it does not know."""

    records: Records
    unknown: list[str]

    def __add__(self, other: Answer) -> Answer:
        return Answer(self.records + other.records, self.unknown + other.unknown)


async def ask_for(
    source: KomboListSource,
    ids: Sequence[str],
    purpose: Purpose,
    *,
    by: By = "ids",
) -> Answer:
    """Ask for just these records, deleted ones among them and whatever the model's filters say.

    ids: not more than fit into a request; one with a comma cannot be asked for and counts as known. Where the
    request is refused, or one of the records cannot be told by its id, each half is asked for alone. Raises
    KomboError where Kombo does not say what it knows.
    """
    ids = [each for each in ids if "," not in each]
    if not ids:
        return Answer(Records([], []), [])
    try:
        records = await _served(source, ids, purpose, by)
    except RequestRefused as refused:
        if refused.status not in _TOO_MUCH:
            raise
        if len(ids) > 1:
            return await _halves(source, ids, purpose, by)
        if refused.status == 404 and refused.by_kombo:
            return Answer(Records([], []), list(ids))
        raise
    told = _told(records, by)
    if len(told) < len(records):
        if len(ids) > 1:
            return await _halves(source, ids, purpose, by)
        # Whatever it is that came, it is the one that was asked for.
        return Answer(records, [])
    return Answer(records, [each for each in ids if each not in told])


async def _halves(source: KomboListSource, ids: Sequence[str], purpose: Purpose, by: By) -> Answer:
    middle = len(ids) // 2
    first = await ask_for(source, ids[:middle], purpose, by=by)
    return first + await ask_for(source, ids[middle:], purpose, by=by)


async def _served(source: KomboListSource, ids: Sequence[str], purpose: Purpose, by: By) -> Records:
    """All pages of the answer. Raises Transient where it is about other records."""
    texts: list[bytes] = []
    cursor: str | None = None
    while True:
        page = await source.engine.client.list_page(
            source.listed,
            source.integration_id,
            purpose=purpose,
            page_size=source.engine.rules.page_size,
            cursor=cursor,
            ids=ids if by == "ids" else None,
            remote_ids=ids if by == "remote_ids" else None,
        )
        texts += page.results
        records = source.records(texts)
        if not set(_told(records, by)) <= set(ids):
            raise Transient(
                f"Kombo was asked for {len(ids)} of the {source.listed.name} of {source.integration_id} "
                "and answered with others.",
                integration_id=source.integration_id,
            )
        cursor = page.next
        if cursor is None:
            return records


def _told(records: Records, by: By) -> list[str]:
    """The ids by which the records say which of those they are that were asked for."""
    if by == "ids":
        return records.ids
    return [each.remote_id for each in records.usable if each.remote_id is not None]
