"""Surroundings of the environments: what all of one process have in common."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct, field

from syncer.domain.ratelimit.sent import Sent
from syncer.process.identity import this_process


class Surroundings(Struct):
    """Parts that all environments of a process share, and what stands in for the world in tests.

    transport, sleep, monotonic and uniform: the network, waiting, elapsed time in seconds, and chance.
    environ: variables that may name a proxy and the certificates to trust. on_wait: told for how many
    seconds requests have to wait for a limit, as long as they do. on_sent: told of each
    attempt to send a request to Kombo, with the environment.
    """

    transport: Any = None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
    uniform: Callable[[], float] = random.random
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    owner: str = field(default_factory=this_process)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    on_wait: Callable[[float], None] = lambda _: None
    on_sent: Callable[[str, Sent], None] = lambda _, __: None
