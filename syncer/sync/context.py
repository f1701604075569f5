"""Dependencies of every use case, wired once by the app, and the progress that a run reports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import Struct, field

from syncer.domain.added.spec import AddedList
from syncer.domain.feed.row_change import FeedRules
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.records.change import Counts
from syncer.domain.records.exclusions import Exclusion
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.deletions import Brakes
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Kind
from syncer.store.db.database import Database
from syncer.store.state.integrations import IntegrationStore
from syncer.store.state.streams import StreamStore
from syncer.store.state.webhook_events import WebhookEventStore
from syncer.sync.erasures import KnownErasures

if TYPE_CHECKING:
    from syncer.kombo.client import Client


class Stopped(Exception):
    """The process is to stop: raised between two steps of a run, and caught once where the run ends."""


class WatermarkRefuted(Exception):
    """The walk's first page proves that its stream's watermark lies ahead of Kombo's clock."""


class Rules(Struct, frozen=True):
    """Settings that steer a run. page_size in records; durations by the database's clock.

    forget_after: how long rows are kept that are deleted at the source; None: for ever.
    """

    page_size: int = 250
    overlap: timedelta = timedelta(minutes=5)
    lease: timedelta = timedelta(seconds=60)
    full_every: timedelta = timedelta(days=7)
    keep_anonymised: bool = False
    brakes: Brakes = field(default_factory=Brakes)
    filters: dict[str, dict[str, str]] = field(default_factory=dict)
    exclusions: frozenset[Exclusion] = frozenset()
    feed: FeedRules = field(default_factory=FeedRules)
    forget_after: timedelta | None = None


class Result(Struct, frozen=True):
    """Result of a run on one stream; counts over all its pages, error in words.

    is_table_unavailable: it failed because its rows could not be read or written. waited: from the arrival of
    the first webhook whose news it read to its end; None: no webhook caused it.
    """

    key: StreamKey
    outcome: Outcome
    counts: Counts = field(default_factory=Counts)
    pages: int = 0
    kind: Kind | None = None
    error: str | None = None
    is_table_unavailable: bool = False
    waited: timedelta | None = None


class Ended(NamedTuple):
    """End of a run: outcome, error in words, and how long the first webhook whose news it read had waited."""

    outcome: Outcome
    error: str | None
    waited: timedelta | None = None


class Progress(Struct, frozen=True):
    """One step of a run, for whoever shows or counts it: begun, page stored, swept, ended.

    rows and pages are the walk's so far, expected the rows the stream had before (None: not known). counts:
    effects of this step alone.
    """

    key: StreamKey
    step: Literal["begun", "page", "swept", "ended"]
    kind: Kind | None = None
    rows: int = 0
    pages: int = 0
    expected: int | None = None
    counts: Counts = field(default_factory=Counts)
    result: Result | None = None


Report = Callable[[Progress], None]


class SyncContext(Struct, frozen=True):
    """Client, stores and rules of this process. owner: its name in leases. stopping: asked between two pages.

    native_lists, added_lists: those of the configuration, by name. erasures: what is erased, as far as known.
    has_room: tells whether the request limit has room for runs that could wait, as far as this process knows.
    """

    database: Database
    client: Client
    streams: StreamStore
    integrations: IntegrationStore
    rules: Rules
    owner: str
    is_dead: Callable[[str], bool]
    new_id: Callable[[], str]
    sleep: Callable[[float], Awaitable[None]]
    stopping: Callable[[], bool]
    report: Report
    native_lists: Mapping[str, NativeListSpec] = field(default_factory=dict)
    added_lists: Mapping[str, AddedList] = field(default_factory=dict)
    erasures: KnownErasures = field(default_factory=KnownErasures)
    has_room: Callable[[], bool] = lambda: False

    @property
    def webhook_events(self) -> WebhookEventStore:
        """Events of the streams' environment."""
        return WebhookEventStore(self.streams.environment, frozenset(self.added_lists))

    def check_stopping(self) -> None:
        """Raise Stopped where the process is to stop."""
        if self.stopping():
            raise Stopped
