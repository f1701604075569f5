"""Connection to PostgreSQL that does not wait for ever where a server, a proxy or the network is silent.

A statement may take as long as it takes, but somebody must be at work on it: when no answer has come for
a while, a second connection asks the server. Where that does not confirm it, the first one is given up.
"""

from __future__ import annotations

import select
from collections.abc import Generator
from typing import Any, ClassVar, Self, TypeVar

import psycopg
from psycopg.pq.abc import PGconn

from syncer.store.db.interpreter_turns import without_turn

_T = TypeVar("_T")
_Waiting = Generator[Any, Any, _T]

#: What the system notices by itself: a host that takes nothing any more, or that does not know us.
_KEEPALIVES = {
    "keepalives": 1,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
#: Seconds after which the driver comes back to us while nothing has come.
_ROUND = 0.1
#: Whether the server works on a statement, and waits neither for more of it nor for a taker of the answer.
_IS_ACTIVE = (
    "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'active' "
    "AND wait_event IS DISTINCT FROM 'ClientRead' AND wait_event IS DISTINCT FROM 'ClientWrite'"
)


class _Watching:
    """Connection whose every call of the driver ends, when the server is silent."""

    #: Seconds without an answer after which the server is asked if it works on one, again and again.
    answer_within: ClassVar[float] = 15.0

    pgconn: PGconn

    def _watched(self, gen: _Waiting[_T], interval: float) -> _Waiting[_T]:
        """Wait for the server. Raises OperationalError when it is silent."""
        silence = 0.0
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                silence = 0.0 if ready else silence + interval
                if silence > self.answer_within:
                    if not self._is_answer_coming() and not self.has_come():
                        self.pgconn.finish()
                        raise psycopg.OperationalError(
                            f"the server has not answered for {self.answer_within:g} s"
                        )
                    silence = 0.0
                wanted = gen.send(ready)
        except StopIteration as end:
            result: _T = end.value
            return result

    def _is_answer_coming(self) -> bool:
        """Tell whether the server works on what this connection waits for."""
        return False

    def has_come(self) -> bool:
        """Tell whether something of the server's is here, or the end of the session, without asking it."""
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN)
        return bool(poll.poll(0))


class PatientConnection(_Watching, psycopg.Connection[Any]):
    """Connection of the pool.

    backend_pid: of the server's process that has the transaction, where a pooler has given another number.
    """

    backend_pid: int | None = None
    _parameters: dict[str, Any]

    @classmethod
    def open(cls, **parameters: Any) -> Self:
        """Connect with these parameters of the driver's and libpq's."""
        with without_turn():
            connection = cls.connect(**{**_KEEPALIVES, **parameters})
        connection._parameters = parameters
        return connection

    def wait(self, gen: _Waiting[_T], interval: float = _ROUND, *arguments: Any, **named: Any) -> _T:
        """Wait for the server, in every call of the driver. Raises OperationalError when it is silent."""
        with without_turn():
            return super().wait(self._watched(gen, interval), interval, *arguments, **named)

    def _is_answer_coming(self) -> bool:
        """Ask the server, on another connection."""
        parameters = {**self._parameters, "autocommit": True, "prepare_threshold": None}
        try:
            with _SecondConnection.open(**{**parameters, "connect_timeout": 5}) as second:
                return second.execute(_IS_ACTIVE, (self.backend_pid or self.info.backend_pid,)).rowcount > 0
        except psycopg.Error:
            return False


class _SecondConnection(PatientConnection):
    """Connection that asks for another one, and is answered at once or never."""

    answer_within = 5.0

    def _is_answer_coming(self) -> bool:
        return False


class ImpatientConnection(_Watching, psycopg.AsyncConnection[Any]):
    """Connection of an event loop's, for statements that are answered soon or never.

    pooled_settings: what each transaction begins with where a pooler may give it another session.
    """

    pooled_settings: bytes | None = None

    @classmethod
    async def open(cls, **parameters: Any) -> Self:
        """Connect with these parameters of the driver's and libpq's."""
        return await cls.connect(**{**_KEEPALIVES, **parameters})

    async def wait(self, gen: _Waiting[_T], interval: float = _ROUND, *arguments: Any, **named: Any) -> _T:
        """Wait for the server, in every call of the driver. Raises OperationalError when it is silent."""
        return await super().wait(self._watched(gen, interval), interval, *arguments, **named)
