"""Body of a request that is kept until it is sent: it may have to be sent again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from tempfile import SpooledTemporaryFile
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from syncer.domain.limits import MIB, MOST_CALL_BYTES

#: Bytes of a body that are kept in memory; a longer one is in a file without a name, which ends with it.
IN_MEMORY = MIB
#: Bytes that are read of it at once.
PIECE = 256 * 1024
#: Bytes of all bodies of a process together.
MOST_TOGETHER = 8 * MOST_CALL_BYTES

_T = TypeVar("_T")


class NoRoom(Exception):
    """There is no room for another body."""


class Spools:
    """Room for the bodies of a process. used: bytes."""

    def __init__(self, *, most: int = MOST_TOGETHER) -> None:
        self.most = most
        self.used = 0


class Spool:
    """One body. size: its bytes so far."""

    def __init__(self, room: Spools) -> None:
        self._room = room
        self._file = SpooledTemporaryFile[bytes](IN_MEMORY)
        self.size = 0

    def close(self) -> None:
        """Forget it."""
        if not self._file.closed:
            self._room.used -= self.size
            self._file.close()

    async def read(self, receive: Receive) -> None:
        """Take all of a request's body. Raises ClientDisconnect, NoRoom."""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            await self._add(message.get("body", b""))
            more = message.get("more_body", False)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Read it from its beginning."""
        self._file.seek(0)
        while piece := await self._do(lambda: self._file.read(PIECE)):
            yield piece

    async def _add(self, piece: bytes) -> None:
        if self._room.used + len(piece) > self._room.most:
            raise NoRoom
        self._room.used += len(piece)
        self.size += len(piece)
        try:
            await self._do(lambda: self._file.write(piece))
        except OSError:
            # No disk that takes it, or a full one.
            raise NoRoom from None

    async def _do(self, work: Callable[[], _T]) -> _T:
        """Use the file, in a thread where it is on a disk."""
        return work() if self.size <= IN_MEMORY else await asyncio.to_thread(work)
