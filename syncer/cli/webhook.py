"""``syncer webhook``: try a receiver of webhooks by hand."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import click

from syncer.cli.completion_values import complete_environments
from syncer.cli.options import pass_session
from syncer.cli.output import print_line
from syncer.cli.session import Session
from syncer.domain.errors import UsageError
from syncer.domain.suggestions import did_you_mean


@click.group()
def webhook() -> None:
    """Sign bodies of webhooks, to try a receiver by hand.

    \b
    syncer webhook sign event.json
    """


@webhook.command()
@click.argument("body", metavar="[FILE]", type=click.File("rb"), default="-")
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file that holds the secret; the first one of the configuration unless given.",
)
@click.option(
    "--environment",
    metavar="NAME",
    shell_complete=complete_environments,
    help="The environment whose first secret signs; the first one that has any unless given.",
)
@pass_session
def sign(session: Session, body: BinaryIO, secret_file: Path | None, environment: str | None) -> int:
    """Print the header that Kombo sends with a body.

    FILE holds the body, - or nothing means standard input. Every byte of it is signed, a line break at the
    end included: send the same bytes, as curl's --data-binary does.

    \b
    curl --data-binary @event.json -H "$(syncer webhook sign event.json)" \\
      http://127.0.0.1:8484/webhooks/kombo
    """
    from syncer.cli.webhook_options import read_secret_file
    from syncer.domain.webhooks.signature import SIGNATURE_HEADER, sign

    secret = read_secret_file(secret_file) if secret_file else _configured_secret(session, environment)
    print_line(f"{SIGNATURE_HEADER}: {sign(body.read(), secret)}")
    return 0


def _configured_secret(session: Session, environment: str | None) -> str:
    """Give the first secret of an environment, else of the first that has one. Raises UsageError."""
    settings = session.settings()
    names = settings.environment_names
    if environment is not None and environment not in names:
        hint = did_you_mean(environment, names)
        raise UsageError(f"There is no environment {environment!a} in the configuration.{hint}")
    chosen = names if environment is None else (environment,)
    secrets = [each for name in chosen for each in settings.of_environment(name).webhooks.all_secrets]
    if not secrets:
        raise UsageError(
            "No secret of webhooks is configured: set webhooks.secrets, webhooks.secret_files or "
            "SYNCER_WEBHOOKS__SECRETS, or name a file with --secret-file."
        )
    return secrets[0]
