"""``syncer integrations``: the integrations that are mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from syncer.cli.completion_values import complete_integrations, complete_models
from syncer.cli.interrupt import INTERRUPTED, run_interruptible
from syncer.cli.options import environment_option, json_option, pass_session
from syncer.cli.output import print_json, print_line, print_note, print_rich
from syncer.cli.session import Session
from syncer.cli.tables import report_table
from syncer.domain.texts.printable import printable

if TYPE_CHECKING:
    from syncer.store.state.integrations import IntegrationRow


@click.group()
def integrations() -> None:
    """List, add and remove integrations. Those of the configuration are changed there.

    \b
    syncer integrations list
    """


@integrations.command("list")
@environment_option
@json_option
@pass_session
def list_(session: Session, environments: tuple[str, ...], as_json: bool) -> int:
    """List the integrations that are mirrored.

    \b
    syncer integrations list
    """
    from syncer.operations import integrations as operation

    with session.opened_app() as app:
        found = operation.list_integrations(app, environments)
        has_several = len(app.environments) > 1
    if as_json:
        print_json([_value(each) for each in found])
        return 0
    if not found:
        print_line("No integration is mirrored: `syncer integrations add ID` adds one.")
        return 0
    rows = [
        (
            each.id,
            *([each.environment] if has_several else []),
            printable(each.tool or "?"),
            printable(each.organisation or ""),
            each.status or "",
            ", ".join(each.models or ("as configured",)),
            each.origin,
        )
        for each in found
    ]
    named = ("environment",) if has_several else ()
    columns = ("integration", *named, "tool", "organisation", "status", "models", "from")
    print_rich(
        report_table(columns, rows, drop=("from", "tool", "models", "organisation"), folds=("models",))
    )
    return 0


@integrations.command()
@click.argument("integration_id", metavar="ID")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="GLOB",
    shell_complete=complete_models,
    help="Only these models of it; may be given more than once.",
)
@environment_option
@click.option("--no-check", is_flag=True, help="Do not ask Kombo whether it knows the integration.")
@pass_session
def add(
    session: Session,
    integration_id: str,
    models: tuple[str, ...],
    environments: tuple[str, ...],
    no_check: bool,
) -> int:
    """Mirror one more integration; a running service takes it up within a minute.

    Kombo is asked whether it knows the integration; where it cannot be asked, that is said.

    \b
    syncer integrations add personio:8d1hpPsbjxUkoCoa1veLZGe5
    syncer integrations add hibob:7YqAd3 --model 'hris_*'
    """
    from syncer.operations import integrations as operation

    app = session.app()
    asks = not no_check
    work = operation.add_integration(app, integration_id, models, asks=asks, environments=environments)
    added = run_interruptible(app, work)
    if added is None:
        print_note("Interrupted.")
        return INTERRUPTED
    facts = printable(operation.describe_facts(added.integration, added.models))
    print_line(f"{added.integration.id} is mirrored from now on{f': {facts}' if facts else ''}.")
    if added.not_asked is not None:
        print_note(printable(added.not_asked))
    return 0


@integrations.command()
@click.argument("integration_id", metavar="ID", shell_complete=complete_integrations)
@pass_session
def remove(session: Session, integration_id: str) -> int:
    """Mirror an integration no more; what is in the mirror stays there.

    \b
    syncer integrations remove personio:8d1hpPsbjxUkoCoa1veLZGe5
    """
    from syncer.operations import integrations as operation

    with session.opened_app() as app:
        operation.remove_integration(app, integration_id)
    print_line(f"{integration_id} is not mirrored any more; its rows stay.")
    return 0


def _value(integration: IntegrationRow) -> dict[str, Any]:
    return {
        "id": integration.id,
        "environment": integration.environment,
        "from": integration.origin,
        "models": None if integration.models is None else list(integration.models),
        "tool": integration.tool,
        "category": integration.category,
        "organisation": integration.organisation,
        "status": integration.status,
        "setup_status": integration.setup_status,
        "state": integration.state,
    }
