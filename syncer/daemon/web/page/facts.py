"""Facts of the process that serves the status page."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime

from msgspec import Struct

from syncer import __version__
from syncer.app import App


class ProcessFacts(Struct, frozen=True):
    """Facts of this process. database, kombo: addresses, without passwords."""

    host: str
    pid: int
    version: str
    started_at: datetime
    database: str
    kombo: str


def process_facts(app: App) -> ProcessFacts:
    """Collect the facts of this process, which has just begun to serve pages."""
    return ProcessFacts(
        socket.gethostname(),
        os.getpid(),
        __version__,
        datetime.now(UTC),
        app.database.shown_url,
        app.settings.base_url,
    )
