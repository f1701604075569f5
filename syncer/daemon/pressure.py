"""How fast the schedule may go: how far intervals are stretched, and whether it is behind all the same."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy import Connection

from syncer.domain.errors import DatabaseError
from syncer.domain.scheduling.intervals import Behind, Seen, interval, next_turn
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.forecast import Allowance, Demand
from syncer.planning.capacity import Planning
from syncer.store.db.database import Database

log = structlog.get_logger("syncer")

#: Seconds between two looks at who is behind, and how many looks there are for one at what is needed.
LOOK_EVERY = 60.0
LOOKS = 5
#: What the arithmetic with fractions may lose, in seconds.
ROUNDING = 0.001


class Tempo:
    """Looks at the database now and then, and says once that the schedule falls behind or has caught up."""

    def __init__(self, planning: Planning, database: Database) -> None:
        self._planning = planning
        self._database = database
        self._needs = 0.0
        self._permits = 0.0
        self._looks = 0
        self._was_behind = False
        self.stretch = 0.0

    def has_passed(self, key: StreamKey, seen: Seen, last: datetime, at: datetime) -> bool:
        """Whether the stream's interval has passed since the tick that marked it last."""
        if self.stretch <= 0:
            return True
        pace = self._planning.paces[key.model]
        if interval(key.integration_id, pace, seen.rate, self.stretch) <= pace.every:
            # Also a cron expression, whose turns are not all equally far apart.
            return True
        turn = next_turn(key.integration_id, pace, seen.rate, self.stretch, last.timestamp())
        return turn <= at.timestamp() + ROUNDING

    async def look(self) -> None:
        """Find out how the schedule stands."""
        try:
            if self._looks % LOOKS == 0:
                demand, allowed = await self._database.ask(self._weigh)
                self.stretch = demand.stretch(allowed)
                self._needs, self._permits = demand.needs(self.stretch), allowed.a_second
            found = await self._database.ask(
                lambda connection: self._planning.behind(connection, self.stretch)
            )
        except DatabaseError:
            # Those who cannot wait for the next look tell of it.
            return
        self._looks += 1
        self._tell(found)

    def _weigh(self, connection: Connection) -> tuple[Demand, Allowance]:
        return self._planning.demand(connection), self._planning.allowance(connection)

    def _tell(self, found: Behind | None) -> None:
        if (found is not None) == self._was_behind:
            return
        self._was_behind = found is not None
        rates = {"needs_a_minute": round(self._needs * 60), "permits_a_minute": round(self._permits * 60)}
        if found is None:
            log.info("caught_up", **rates)
        else:
            log.warning("fell_behind", streams=found.streams, longest_seconds=round(found.longest), **rates)
