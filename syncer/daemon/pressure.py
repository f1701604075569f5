"""Monitor the load of the schedule: keep the stretch of its intervals current, and log a backlog.

``planning/capacity.py`` measures, ``domain/scheduling/intervals.py`` is the rule, ``schedule.py`` applies it.
"""

from __future__ import annotations

from sqlalchemy import Connection

from syncer.domain.errors import DatabaseError
from syncer.domain.scheduling.intervals import Backlog
from syncer.domain.streams.forecast import Allowance, Demand
from syncer.planning.capacity import Capacity
from syncer.process.log import Logger
from syncer.store.db.database import Database

log = Logger()

#: Seconds between two looks at the backlog, and how many looks there are for one at what is needed.
LOOK_EVERY = 60.0
LOOKS = 5


class LoadMonitor:
    """Load of the schedule as last measured; logs once that it fell behind, and once that it caught up."""

    def __init__(self, capacity: Capacity, database: Database) -> None:
        self._database = database
        self._needs = 0.0
        self._permits = 0.0
        self._looks = 0
        self._was_behind = False
        self.capacity = capacity
        self.stretch = 0.0

    async def look(self) -> None:
        """Measure the backlog, and every LOOKS times what is needed and permitted."""
        try:
            if self._looks % LOOKS == 0:
                demand, allowed = await self._database.ask(self._weigh)
                self.stretch = demand.stretch(allowed)
                self._needs, self._permits = demand.needs(self.stretch), allowed.a_second
            found = await self._database.ask(
                lambda connection: self.capacity.backlog(connection, self.stretch)
            )
        except DatabaseError:
            # Callers that depend on the database report its failure themselves.
            return
        self._looks += 1
        self._log(found)

    def _weigh(self, connection: Connection) -> tuple[Demand, Allowance]:
        return self.capacity.demand(connection), self.capacity.allowance(connection)

    def _log(self, found: Backlog | None) -> None:
        if (found is not None) == self._was_behind:
            return
        self._was_behind = found is not None
        rates = {"needs_a_minute": round(self._needs * 60), "permits_a_minute": round(self._permits * 60)}
        if found is None:
            log.info("caught_up", **rates)
        else:
            log.warning("fell_behind", streams=found.streams, longest_seconds=round(found.longest), **rates)
