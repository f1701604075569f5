"""Whether the database can be used: what the service's sides have met, said once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import structlog

from syncer.domain.errors import DatabaseError

log = structlog.get_logger("syncer")


class Availability:
    """Every side tells by its name when the database has failed it, and when it has got through since.

    A trouble begins with the first side that meets it and is over when the last of them has got through. One
    that gets through alone says little: a full disk still takes what is small, and a server that takes no
    writes answers questions.
    """

    def __init__(self) -> None:
        self._met: dict[Hashable, str] = {}
        self._when_back: list[Callable[[], None]] = []

    @property
    def error(self) -> str | None:
        """What was wrong with the database the last time, in a sentence; None: nothing that is known."""
        return next(reversed(self._met.values()), None)

    def when_back(self, call: Callable[[], None]) -> None:
        """Have something called at the end of every trouble."""
        self._when_back.append(call)

    def failed(self, side: Hashable, error: DatabaseError) -> None:
        """The database could not be used."""
        if not self._met:
            log.error("database_unavailable", error=str(error))
        self._met.pop(side, None)
        self._met[side] = str(error)

    def works(self, side: Hashable) -> None:
        """What this side wanted is done, or nobody wants it any more."""
        if self._met.pop(side, None) is not None and not self._met:
            log.info("database_back")
            for call in self._when_back:
                call()
