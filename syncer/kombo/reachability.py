"""Reachability of the API from this process: an outage is met once for all requests, then probed."""

from __future__ import annotations

from collections.abc import Callable

from syncer.domain.errors import Unreachable
from syncer.process.log import Logger

log = Logger()

#: Seconds of the first pause between two probes of an outage; it doubles with every probe up to the longest.
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 60.0


class Reachability:
    """Known state of the line to the API. clock gives monotonic seconds.

    was_reached: an answer has come in this process; until then an address that is wrong is as likely as an
    outage. error: the one that began the outage; None where there is none, as far as is known.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pause = FIRST_PAUSE
        self._probe_at = 0.0
        self.was_reached = False
        self.error: Unreachable | None = None

    @property
    def probe_in(self) -> float:
        """Seconds until a request may probe the outage; 0 where one may go out now."""
        return 0.0 if self.error is None else max(self._probe_at - self._clock(), 0.0)

    def check(self) -> None:
        """Let a request go out, in an outage as a probe. Raises Unreachable where it is too early for one."""
        if self.error is None:
            return
        if self.probe_in > 0:
            raise Unreachable(self.error.reason)
        # The others wait for what this one finds.
        self._probe_at = self._clock() + self._pause

    def report_answer(self) -> None:
        """Note that an answer has come, whatever it says."""
        self.was_reached = True
        if self.error is not None:
            self.error, self._pause = None, FIRST_PAUSE
            log.info("kombo_back")

    def report_failure(self, error: Unreachable) -> None:
        """Note that a request has used up its tries to connect."""
        if self.error is None:
            log.warning("kombo_unreachable", error=error.reason)
            self.error = error
        else:
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._probe_at = self._clock() + self._pause
