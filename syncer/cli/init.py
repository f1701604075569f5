"""``syncer init``: a configuration for a new mirror, tried before it is written."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from syncer.cli.init_answers import Answers, Asker
from syncer.cli.interrupt import INTERRUPTED, run_interruptible
from syncer.cli.options import pass_session
from syncer.cli.output import print_line, print_note
from syncer.cli.session import Session
from syncer.domain.errors import DatabaseError, KeyRefused, UsageError
from syncer.domain.texts.printable import printable

if TYPE_CHECKING:
    from syncer.config.new_file import NewConfiguration
    from syncer.operations.init import Tried

#: The file that the key goes to, beside the configuration.
KEY_FILE = "kombo_api_key"


@click.command()
@click.option(
    "--key-file",
    metavar="FILE",
    help="The file that holds the API key; - reads it from standard input. Without: SYNCER_KOMBO__API_KEY.",
)
@click.option("--region", type=click.Choice(["eu", "us", "ca"]), help="Where your Kombo environment is.")
@click.option(
    "--base-url", metavar="URL", help="Another address of the API, such as `syncer simulate` prints."
)
@click.option("--database", metavar="URL", help="sqlite:///FILE or postgresql://USER@HOST/DATABASE.")
@click.option(
    "--integration",
    "integrations",
    multiple=True,
    metavar="ID",
    help="An integration to mirror, as Kombo's dashboard shows its id; may be given more than once.",
)
@click.option("--no-check", is_flag=True, help="Try neither the database nor Kombo.")
@click.option("--force", is_flag=True, help="Replace a configuration that is there.")
@pass_session
def init(
    session: Session,
    key_file: str | None,
    region: str | None,
    base_url: str | None,
    database: str | None,
    integrations: tuple[str, ...],
    no_check: bool,
    force: bool,
) -> int:
    """Set up a mirror: try what it needs, and write config.toml.

    On a terminal it asks for what no option says. Tables are made in the database, and Kombo is asked about
    the key and the integrations; where that fails nothing is written. The key goes into a file of its own.

    \b
    syncer init
    syncer init --key-file - --integration personio:8d1hpPsbjxUkoCoa1veLZGe5 < key
    """
    path = _target(session, force)
    asker = Asker(os.environ, can_ask=sys.stdin.isatty() and sys.stderr.isatty())
    answers = asker.complete(Answers(key_file, region, base_url, database, integrations))
    if answers.writes_key and not force and path.with_name(KEY_FILE).exists():
        raise UsageError(f"{path.with_name(KEY_FILE)} is there already: --force replaces it.")
    while True:
        try:
            new = _new(answers, path)
            tried = _try(session, new, answers, path, asks=not no_check)
        except (UsageError, KeyRefused, DatabaseError) as error:
            again = asker.again(answers, error)
            if again is None:
                raise
            answers = again
        else:
            break
    if tried is None and not no_check:
        print_note("Interrupted; nothing was written.")
        return INTERRUPTED
    _write(new, answers, tried, path)
    _tell(session, new, answers, tried, path)
    return 0


def _target(session: Session, force: bool) -> Path:
    """Find the path of the configuration to write, before anybody has answered a question."""
    from syncer.config.loading import CONFIG

    variable = os.environ.get("SYNCER_CONFIG")
    path = session.config or (Path(variable) if variable else CONFIG)
    if path.exists() and not force:
        raise UsageError(f"{path} is there already: --force replaces it.")
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent} for the configuration.")
    return path


def _new(answers: Answers, path: Path) -> NewConfiguration:
    from syncer.config.new_file import NewConfiguration, NewIntegration

    key_file = KEY_FILE if answers.writes_key else answers.key_file
    if key_file is not None and not answers.writes_key:
        # As it was named, from here on; in the file it is from the folder of that on.
        key_file = os.path.relpath(key_file, path.parent) if not Path(key_file).is_absolute() else key_file
    return NewConfiguration(
        key_file,
        answers.region or "eu",
        answers.base_url,
        answers.database,
        [NewIntegration(each) for each in answers.integrations],
    )


def _try(
    session: Session, new: NewConfiguration, answers: Answers, path: Path, *, asks: bool
) -> Tried | None:
    """Validate the configuration and try it; None where that is not wanted, or was interrupted."""
    from syncer.config.loading import settings_of

    settings = settings_of(new.values(answers.key), path)
    if not asks:
        return None
    from syncer.operations.init import try_settings

    print_note(f"Trying it at {settings.base_url} …")
    app = session.app(settings=settings)
    return run_interruptible(app, try_settings(app, answers.integrations))


def _write(new: NewConfiguration, answers: Answers, tried: Tried | None, path: Path) -> None:
    from syncer.process.private_files import write_private

    if tried is not None:
        described = [
            replace(each, facts=printable(tried.integrations.get(each.id, ""))) for each in new.integrations
        ]
        new = replace(new, integrations=described)
    files = {path: new.text()}
    if answers.writes_key:
        files = {path.with_name(KEY_FILE): f"{answers.key}\n", **files}
    for file, text in files.items():
        try:
            write_private(file, text.encode())
        except OSError as error:
            raise UsageError(f"{file} cannot be written: {error.strerror}.") from None


def _tell(session: Session, new: NewConfiguration, answers: Answers, tried: Tried | None, path: Path) -> None:
    """Tell what is written, and what to type next."""
    if tried is not None:
        print_line(f"Kombo takes the key, of environment {tried.environment}.")
        for each, facts in tried.integrations.items():
            print_line(f"{each}: {printable(facts)}")
    if answers.writes_key:
        print_line(f"{path} is written, with the key in {path.with_name(KEY_FILE)}: yours alone to read.")
    else:
        print_line(f"{path} is written: yours alone to read.")
    for variable in ("SYNCER_KOMBO__API_KEY", "SYNCER_DATABASE__URL"):
        wins = answers.key_file if variable.endswith("KEY") else answers.database
        if wins is not None and os.environ.get(variable):
            print_note(f"{variable} is set, and wins over what is written: unset it.")
    print_line("\nNext:\n")
    for command, does in _next_commands(session, new, tried, path):
        print_line(f"  {command:<30}  {does}")


def _next_commands(
    session: Session, new: NewConfiguration, tried: Tried | None, path: Path
) -> Sequence[tuple[str, str]]:
    config = f" --config {path}" if session.config is not None else ""
    commands = [] if tried is not None else [("check", "tries the key and the integrations")]
    if not new.integrations:
        commands.insert(0, ("integrations add ID", "names what to mirror"))
    commands += [
        ("backfill", "reads everything once"),
        ("status", "says how the mirror stands"),
        ("run", "keeps it current: the service, with a page at http://127.0.0.1:8484"),
    ]
    return [(f"syncer{config} {command}", does) for command, does in commands]
