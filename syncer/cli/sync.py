"""``syncer sync``: one incremental pass."""

from __future__ import annotations

import click

from syncer.cli.options import json_option, pass_session, stream_options
from syncer.cli.session import Session
from syncer.cli.stream_pass import run_pass


@click.command()
@stream_options
@json_option
@pass_session
def sync(
    session: Session,
    integrations: tuple[str, ...],
    models: tuple[str, ...],
    environments: tuple[str, ...],
    as_json: bool,
) -> int:
    """Fetch what has changed, then end: for cron.

    A stream that was never read is read whole.

    \b
    syncer sync
    syncer sync --model hris_absences --json
    """
    from syncer.domain.streams.stream import Mode

    return run_pass(
        session, Mode.SYNC, environments, integrations, models, as_json=as_json, resume_with="sync"
    )
