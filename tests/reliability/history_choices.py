"""What histories are made of: names, spans of time, faults, and the ways of a source."""

from __future__ import annotations

from datetime import timedelta

import httpx
from hypothesis import strategies as st

from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Mode
from syncer.simulator.company.company import Erasure
from syncer.simulator.server import faults
from syncer.simulator.server.endless import endless
from syncer.simulator.server.faults import Answer
from syncer.simulator.server.paging import Paging
from tests.reliability.history_faults import CHANGED, UNREADABLE, twice, unreadable_at_first
from tests.reliability.tracked_source import STREAMS

#: Streams by the names they have in a history, of which each has one or two: ``a`` and ``b``.
NAMED: dict[str, StreamKey] = dict(
    zip(("groups", "employees", "other groups", "skills"), STREAMS, strict=True)
)

SPANS = {
    "a minute": timedelta(minutes=1),
    "a lease": timedelta(seconds=61),
    "ten minutes": timedelta(minutes=10),
    "a day": timedelta(days=1),
    "8 days": timedelta(days=8),
    "15 days": timedelta(days=15),
    "40 days": timedelta(days=40),
}
SKEWS = {"none": timedelta(0), "ahead": timedelta(hours=5), "behind": timedelta(hours=-5)}

FAULTS: dict[str, Answer] = {
    "error 500": faults.server_error(),
    "502 by something with another clock": faults.bad_gateway(skew=timedelta(hours=7)),
    "not JSON": faults.not_json(),
    "half of it": faults.truncated(),
    "results null": faults.reshaped({"next": None, "results": None}),
    "no results": faults.reshaped({"next": None}),
    "back to the beginning by id": endless("the same"),
    "back to the beginning by change": endless("the same", Paging(order="changed_at")),
    "nothing, and another page": endless("the same", is_empty=True),
    "twice on a page, changed at first": twice(CHANGED),
    "twice on a page, unreadable at first": twice(UNREADABLE),
    "unreadable on a page, then well, by id": unreadable_at_first(Paging()),
    "unreadable on a page, then well, by change": unreadable_at_first(Paging(order="changed_at")),
    "cursor expired": faults.expired_cursor(),
    "rate limited": faults.rate_limited(7),
    "too many at once": faults.concurrency_limited(),
    "connection lost": faults.Dropped(httpx.ReadError("lost")),
    "not ready": faults.not_ready(),
}
#: What webhooks tell of, and how they come.
TOLD = ("its list", "its list", "a name that nobody knows", "a sync", "another list", "somebody else")
ARRIVALS = ("once", "twice", "late", "never", "forged")
ERASURES = {
    "blanked": Erasure(),
    "blanked, and told of": Erasure(moves_changed_at=True),
    "removed": Erasure(mode="remove"),
}
PAGINGS = {
    "by id": Paging(),
    "by change": Paging(order="changed_at"),
    "by id, short pages": Paging(short_pages=True),
    "positions by id": Paging(style="offset"),
    "positions by change": Paging(order="changed_at", style="offset"),
}

streams_of_it = st.sampled_from(["a", "b"])
stream_names = st.sampled_from(list(NAMED))
numbers = st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True)
late = st.sampled_from(["in time", "late"])
page_sizes = st.sampled_from([1, 2, 3, 250])
small_pages = st.sampled_from([1, 2, 3])
statements = st.one_of(st.none(), st.integers(0, 12))
programs = st.sampled_from(["first", "second"])
some_streams = st.lists(streams_of_it, max_size=1)
modes = st.sampled_from([Mode.SYNC, Mode.SYNC, Mode.RESTART, Mode.BACKFILL])
#: Not integers(), which are mostly small: work ends after ten steps or after eighty.
steps = st.sampled_from(range(1, 50))
