"""Rules for rows that a full walk did not see. Pure.

A row is *missing* when it was live before a full walk began and the walk did not serve it. That alone is a
suspicion: lists are paged by position and change while they are read. Kombo is asked for just the missing
records; only what it does not know then is believed to be gone, and not even that where it is too much.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from urllib.parse import quote

from msgspec import Struct

from syncer.domain.streams.list_spec import ListSpec
from syncer.domain.streams.stream import Walk

#: Ids in one request: what Kombo's lists take at most (Kombo's OpenAPI document, ``ids`` and ``remote_ids``).
IDS_AT_ONCE = 100
#: Characters of a request's ids as they go out: servers and proxies cut addresses at 4 kB or refuse them.
IDS_LENGTH = 3_500
#: In how many complete walks in a row a record must be missing that Kombo cannot be asked for by its id.
WALKS_WITHOUT_IDS = 2
#: Live rows from which on a list that lacks more than half of them is not believed, where absence is all that
#: tells: a text that was cut off looks like that, and few rows are below every other brake.
FEW_ROWS = 5


class Brakes(Struct, frozen=True):
    """More missing rows than max_rows and than max_share of the stream's live ones are not believed."""

    max_share: float = 0.1
    max_rows: int = 50

    def hold(self, missing: int, live: int, walk: Walk | None, *, can_look_up: bool = True) -> bool:
        """Decide if so many missing of so many live rows wait for a person.

        walk: the one that missed them. An empty list where there were rows says more of the source's
        trouble than of its data, however few they were. can_look_up: Kombo was asked for just these rows.
        """
        if walk is not None and walk.rows == 0:
            return missing > 0
        if not can_look_up and live >= FEW_ROWS and missing * 2 > live:
            return True
        return missing > self.max_rows and missing > self.max_share * live


def can_sweep(spec: ListSpec, walk: Walk) -> bool:
    """True where something follows from a record's absence in this walk.

    Where the walk was narrowed by filters only Kombo can tell whether what it left out is gone.
    """
    return spec.features.ids or spec.is_whole(walk.filters)


def batches(ids: Iterable[str]) -> Iterator[list[str]]:
    """Split ids into requests that Kombo and everything before it takes."""
    batch: list[str] = []
    length = 0
    for each in ids:
        # The comma between two goes out as three characters.
        needed = len(quote(each, safe="")) + 3
        if batch and (len(batch) == IDS_AT_ONCE or length + needed > IDS_LENGTH):
            yield batch
            batch, length = [], 0
        batch.append(each)
        length += needed
    if batch:
        yield batch


def is_forgotten(deleted_at: datetime | None, forget_after: timedelta | None, now: datetime | None) -> bool:
    """Tell whether a record was deleted at its source for so long that its row is not kept any more.

    forget_after: how long such rows are kept; None: for ever. now: by the database's clock.
    """
    if deleted_at is None or forget_after is None or now is None:
        return False
    return deleted_at <= now - forget_after
