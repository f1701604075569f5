"""``syncer run``: the service."""

from __future__ import annotations

import click

from syncer.cli.options import pass_session
from syncer.cli.serving import serve
from syncer.cli.session import Session


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

    serve(session, run_service)
    return 0
