"""Checks of lists' copies that a process knows, so that a page need not be decoded to be found well.

They are kept in memory: after a start the lists that are asked for are checked anew, page by page and beside
everything else. Until then the gateway looks at the copies of every record that it serves.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock
from typing import Final, NamedTuple

from msgspec.structs import replace
from sqlalchemy import Connection

from syncer.domain.gateway.copy_places import copied_tables
from syncer.domain.gateway.list_query import ListQuery
from syncer.domain.stream_key import StreamKey
from syncer.environments.environment import Environment
from syncer.operations.gateway_records import ListedRecords
from syncer.store.reading.copy_check import CopyCheck, begin_check, can_be_checked, caught_up
from syncer.store.reading.list_page import RowsWanted, read_row_page
from syncer.store.reading.list_states import read_list_states

#: Suspects of one list: with more, its pages are looked at as they are served.
MOST_SUSPECTS: Final = 10_000
#: Lists whose checks are kept: those that were asked for last.
MOST_LISTS: Final = 64
#: Time after which a list is checked anew: suspects may have become well.
AGAIN_AFTER: Final = timedelta(days=1)
#: Time after which a list is checked anew of which too much was written for a check to follow.
RETRY_AFTER: Final = timedelta(minutes=1)
#: Records that are looked at in one transaction.
_AT_ONCE: Final = 250


class CheckedKey(NamedTuple):
    """Name of a list that can be checked."""

    environment: str
    stream: StreamKey


class CopyChecks:
    """Checks by list, and the lists that wait for one. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._checks = OrderedDict[CheckedKey, CopyCheck]()
        self._wanted = OrderedDict[CheckedKey, Environment]()
        self._not_before = dict[CheckedKey, datetime]()

    def suspects(
        self, connection: Connection, environment: Environment, stream: StreamKey, now: datetime
    ) -> frozenset[str] | None:
        """Give the ids of all records of a list whose copies may be stale; None: it can be any.

        now: by the database's clock, of the connection's transaction.
        """
        key = CheckedKey(environment.name, stream)
        with self._lock:
            found = self._checks.get(key)
        if found is None:
            self._want(key, environment, now)
            return None
        check = caught_up(connection, environment.name, stream, found, now)
        if check is None or len(check.suspects) > MOST_SUSPECTS:
            with self._lock:
                self._checks.pop(key, None)
            self._want(key, environment, now)
            return None
        with self._lock:
            if key in self._checks and self._checks[key].moment <= check.moment:
                self._checks[key] = check
                self._checks.move_to_end(key)
        if now >= self._not_before[key]:
            self._want(key, environment, now)
        return check.suspects

    @property
    def are_wanted(self) -> bool:
        """Tell whether a list waits for its check."""
        return bool(self._wanted)

    def next(self) -> CopyScan | None:
        """Begin with the list that has waited longest for its check; None where none does."""
        with self._lock:
            if not self._wanted:
                return None
            key, environment = self._wanted.popitem(last=False)
        return CopyScan(environment, key.stream)

    def keep(self, scan: CopyScan) -> None:
        """Keep what a scan has found that has come to its end."""
        key = CheckedKey(scan.environment.name, scan.key)
        with self._lock:
            if scan.check is None:
                return
            self._not_before[key] = scan.check.moment + AGAIN_AFTER
            if len(scan.check.suspects) > MOST_SUSPECTS:
                self._checks.pop(key, None)
                return
            self._checks[key] = scan.check
            self._checks.move_to_end(key)
            while len(self._checks) > MOST_LISTS:
                self._checks.popitem(last=False)

    def _want(self, key: CheckedKey, environment: Environment, now: datetime) -> None:
        if not can_be_checked(key.stream.model):
            return
        with self._lock:
            if now >= self._not_before.get(key, now):
                self._not_before[key] = now + RETRY_AFTER
                self._wanted[key] = environment


class CopyScan:
    """Look at the copies of all records of one list, in transactions of their own.

    check: as far as it has come; None: before the first step, or where it was given up.
    """

    def __init__(self, environment: Environment, key: StreamKey) -> None:
        self.environment = environment
        self.key = key
        self.check: CopyCheck | None = None
        self._after = ""

    def step(self) -> bool:
        """Look at some records; tell whether others follow. Synchronous. Raises DatabaseError."""
        environment, key = self.environment, self.key
        with environment.database.read() as connection:
            states = read_list_states(connection, environment.name, key.integration_id, [key.model])
            if self.check is None:
                now = environment.database.now(connection)
                self.check = begin_check(connection, environment.name, key, now)
            if self.check is None or key.model not in states:
                self.check = None
                return False
            wanted = RowsWanted(
                environment.name, key, ListQuery("", page_size=_AT_ONCE, include_deleted=True), self._after
            )
            page = read_row_page(connection, wanted)
            kombo_ahead = states[key.model].kombo_ahead
            records = ListedRecords(connection, key, copied_tables(key.model), None, kombo_ahead)
            stale = records.stale(page.rows)
        self.check = replace(self.check, suspects=self.check.suspects | stale)
        if not page.has_more or len(self.check.suspects) > MOST_SUSPECTS:
            return False
        self._after = page.rows[-1].id
        return True
