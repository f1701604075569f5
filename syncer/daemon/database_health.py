"""Health of the database, as the parts of the service report it; logged once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from copy import copy
from typing import Self

from syncer.domain.errors import DatabaseError
from syncer.process.log import Logger

log = Logger()

#: Seconds to leave the database alone after it could not be used.
DATABASE_PAUSE = 5.0


class DatabaseHealth:
    """Failures by the part of the service that met them.

    A failure begins with the first part that meets it and is over when the last of them has got through. One
    that gets through alone proves little: a full disk still takes what is small, and a server that takes no
    writes answers questions.
    """

    def __init__(self) -> None:
        self._errors: dict[Hashable, str] = {}
        self._recovery_callbacks: list[Callable[[], None]] = []
        self._scope: Hashable = None

    def within(self, scope: Hashable) -> Self:
        """Give the same health for parts of which there are several, told apart by what they work on."""
        made = copy(self)
        made._scope = scope
        return made

    @property
    def error(self) -> str | None:
        """Latest error, in a sentence; None where the database can be used, as far as is known."""
        return next(reversed(self._errors.values()), None)

    def on_recovery(self, callback: Callable[[], None]) -> None:
        """Register a call for the end of every failure."""
        self._recovery_callbacks.append(callback)

    def begin_anew(self) -> None:
        """Forget who reported: those who work with the database now are others."""
        self._recovery_callbacks.clear()
        if self._errors:
            self._errors.clear()
            log.info("database_back")

    def report_failure(self, part: Hashable, error: DatabaseError) -> None:
        """Note that the database could not be used by this part."""
        if not self._errors:
            log.error("database_unavailable", error=str(error))
        self._errors.pop((self._scope, part), None)
        self._errors[self._scope, part] = str(error)

    def report_success(self, part: Hashable) -> None:
        """Note that this part has got through, or wants nothing any more."""
        if self._errors.pop((self._scope, part), None) is not None and not self._errors:
            log.info("database_back")
            for callback in self._recovery_callbacks:
                callback()
