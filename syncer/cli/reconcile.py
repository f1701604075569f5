"""``syncer reconcile``: full walks and sweeps now, and approval of held deletions."""

from __future__ import annotations

import click

from syncer.cli.options import json_option, pass_session, stream_options
from syncer.cli.session import Session
from syncer.cli.stream_pass import run_pass


@click.command()
@stream_options
@click.option("--approve", is_flag=True, help="Mark what is held back, after asking Kombo for it once more.")
@json_option
@pass_session
def reconcile(
    session: Session, integrations: tuple[str, ...], models: tuple[str, ...], approve: bool, as_json: bool
) -> int:
    """Read everything whole now, and look into what is missing.

    Rows that Kombo does not know any more are marked deleted, unless there are so many that they are held
    back. With --approve only the streams that have such rows are looked at, all of them or those selected.
    """
    from syncer.domain.streams.stream import Mode

    mode = Mode.APPROVE if approve else Mode.RESTART
    # A second reconcile would begin anew: a backfill finishes the walks.
    resume_with = "reconcile --approve" if approve else "backfill"
    return run_pass(session, mode, integrations, models, as_json=as_json, resume_with=resume_with)
