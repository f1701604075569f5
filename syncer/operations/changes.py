"""The change feed: read it page by page, and keep its consumers."""

from __future__ import annotations

import glob
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Final, Literal, Protocol

from sqlalchemy import Connection

from syncer.app import App
from syncer.domain.catalogue.lookup import select_names
from syncer.domain.errors import UsageError
from syncer.domain.feed.consumer_names import check_consumer_name
from syncer.store.db.notifications import Notifications
from syncer.store.reading.changes import (
    EVERYTHING,
    FeedPage,
    FeedSelection,
    FeedState,
    feed_state,
    read_changes,
)
from syncer.store.records.feed import CHANNEL
from syncer.store.schema import revisions as schema
from syncer.store.state import consumers as store
from syncer.store.state.consumers import Consumer
from syncer.store.state.deliveries import forget_delivery

#: Changes that are read at once.
PAGE = 500
#: Seconds between two looks for something new, and where writers tell of it.
LOOK_EVERY = 0.1
LOOK_WHERE_TOLD = 5.0
FEED_IS_OFF = (
    "The change feed is off: name the models that it is to tell of under [changes] in the configuration, "
    'such as models = ["*"].'
)
#: Word for the newest number, where one is given.
NEWEST: Final = "newest"
Newest = Literal["newest"]


def check_feed(app: App) -> None:
    """Check that the configuration has a feed. Raises UsageError."""
    if not app.settings.changes.models:
        raise UsageError(FEED_IS_OFF)


def check_reader(app: App, consumer: str) -> None:
    """Check that a consumer may read under this name; deliveries do under theirs. Raises UsageError."""
    check_consumer_name(consumer)
    if any(each.name == consumer for each in app.settings.delivered):
        raise UsageError(
            f"{consumer} is a delivery, whose receiver moves its position: read under another name."
        )


def select_changes(
    app: App, models: Sequence[str], integrations: Sequence[str], environments: Sequence[str] = ()
) -> FeedSelection:
    """Make the selection of globs of models, ids of integrations and names of environments.

    Raises UsageError.
    """
    if not models and not integrations and not environments:
        return EVERYTHING
    app.select(environments)
    return FeedSelection(
        models=select_names(models, app.settings.configured_names) if models else None,
        integrations=[glob.escape(each) for each in integrations] if integrations else None,
        environments=environments or None,
    )


def begin_reading(connection: Connection, after: int | Newest | None, consumer: str | None) -> int:
    """Find the number behind which to read: the one that is given, the consumer's, or the first that is left.

    Raises UsageError for a name that no consumer can have.
    """
    if after == NEWEST:
        return feed_state(connection).newest
    if after is not None:
        return after
    known = None if consumer is None else store.read_consumer(connection, check_consumer_name(consumer))
    return feed_state(connection).dropped if known is None else known.sequence


def read_pages(
    app: App,
    *,
    after: int | Newest | None = None,
    consumer: str | None = None,
    selection: FeedSelection = EVERYTHING,
    documents: bool = False,
    limit: int | None = None,
    follow: bool = False,
) -> Iterator[FeedPage]:
    """Read page after page, up to a limit of changes; follow: and then for ever what is new.

    A page that was taken, so that the next one is asked for, is acknowledged for the consumer. Raises
    DatabaseError, UsageError.
    """
    if consumer is not None:
        check_reader(app, consumer)
    schema.check(app.database)
    with app.database.read() as connection:
        position, left = begin_reading(connection, after, consumer), limit
    with _news(app) if follow else _no_news() as news:
        while True:
            most = PAGE if left is None else min(left, PAGE)
            with app.database.read() as connection:
                page = read_changes(connection, position, most, selection, documents=documents)
            if page.next > position or page.lost is not None:
                yield page
                if consumer is not None:
                    acknowledge(app, consumer, page.next)
            position = page.next
            if left is not None:
                left -= len(page.changes)
            if left == 0 or (page.is_last and not follow):
                return
            if page.is_last:
                news.wait()


def acknowledge(app: App, consumer: str, sequence: int | Newest) -> int:
    """Move a consumer forward to a number, or begin it there; give the number.

    Raises DatabaseError, and UsageError for a number that was not given yet.
    """
    check_consumer_name(consumer)
    with app.database.begin() as connection:
        state = feed_state(connection)
        number = state.newest if sequence == NEWEST else sequence
        state.check(number)
        store.acknowledge(connection, consumer, number, app.database.now(connection))
    return number


def put_consumer(app: App, consumer: str, sequence: int | Newest) -> int:
    """Put a consumer at a number, also back, or begin it there; give the number.

    Raises DatabaseError, and UsageError for a number that was not given yet.
    """
    schema.check(app.database)
    check_consumer_name(consumer)
    with app.database.begin() as connection:
        state = feed_state(connection)
        number = state.newest if sequence == NEWEST else sequence
        state.check(number)
        store.move_consumer(connection, consumer, number, app.database.now(connection))
    return number


def forget_consumer(app: App, consumer: str) -> None:
    """Forget a consumer. Raises DatabaseError, and UsageError where there is none of that name."""
    schema.check(app.database)
    with app.database.begin() as connection:
        is_known = store.forget_consumer(connection, check_consumer_name(consumer))
        # Where a delivery is of that name it begins anew, too.
        if not forget_delivery(connection, consumer) and not is_known:
            raise UsageError(
                f"There is no consumer {consumer}: `syncer changes consumers` lists those that are known."
            )


def list_consumers(app: App) -> tuple[FeedState, list[Consumer]]:
    """Read the feed's numbers and all consumers. Raises DatabaseError."""
    schema.check(app.database)
    with app.database.read() as connection:
        return feed_state(connection), store.read_consumers(connection)


class _News(Protocol):
    def wait(self) -> None: ...


class _Polling:
    """News by looking again and again."""

    def wait(self) -> None:
        time.sleep(LOOK_EVERY)


class _Listening:
    """News that writers tell; looked for all the same, as behind a pooler nothing is ever heard."""

    def __init__(self, notifications: Notifications) -> None:
        self._notifications = notifications
        self._seconds = LOOK_EVERY

    def wait(self) -> None:
        if self._notifications.wait(self._seconds):
            self._seconds = LOOK_WHERE_TOLD


@contextmanager
def _no_news() -> Iterator[_News]:
    yield _Polling()


@contextmanager
def _news(app: App) -> Iterator[_News]:
    if app.database.is_sqlite or not app.settings.changes.notify:
        yield _Polling()
        return
    with closing(Notifications(app.database, CHANNEL)) as notifications:
        yield _Listening(notifications)
