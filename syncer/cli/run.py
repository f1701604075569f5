"""``syncer run``: the service."""

from __future__ import annotations

import asyncio
import sys

import click

from syncer.cli.options import pass_session
from syncer.cli.session import Session
from syncer.cli.streams import drop_stalled_output

#: Seconds that a thread keeps the interpreter while others wait for it. Who is answered passes it to and fro
#: several times, and with Python's own 5 ms waits that long each time while pages are projected.
SWITCH_INTERVAL = 0.0005


@click.command()
@pass_session
def run(session: Session) -> int:
    """Run the service that keeps the mirror up to date.

    SIGTERM or Ctrl-C ends it: the pages under way are finished first.

    \b
    syncer run
    syncer run --config /etc/syncer/config.toml
    """
    from syncer.daemon.service import run_service
    from syncer.process.logging import flush_log

    async def serve() -> None:
        async with session.app(is_service=True) as app:
            await run_service(app)

    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        asyncio.run(serve())
    finally:
        # What is said from here on comes behind the log.
        if not flush_log():
            drop_stalled_output()
    return 0
