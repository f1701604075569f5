"""Answers to the questions of ``syncer init``: given as options, or asked for on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
from msgspec import Struct
from msgspec.structs import replace

from syncer.cli.output import print_note
from syncer.cli.streams import read_stdin
from syncer.domain.errors import DatabaseError, KeyRefused, UsageError

STDIN = "-"
#: Variables that answer in place of an option.
KEY_VARIABLE, DATABASE_VARIABLE = "SYNCER_KOMBO__API_KEY", "SYNCER_DATABASE__URL"
DEFAULT_DATABASE = "sqlite:///kombo.db"


class Answers(Struct, frozen=True):
    """Answers so far. key: the API key itself; None: the environment has it, or it is not known yet."""

    key_file: str | None
    region: str | None
    base_url: str | None
    database: str | None
    integrations: tuple[str, ...]
    key: str | None = None

    @property
    def writes_key(self) -> bool:
        """True where the key is in no file yet that the configuration could name."""
        return self.key is not None and self.key_file in (None, STDIN)


class Asker(Struct, frozen=True):
    """Completes answers: by the environment and by questions, where somebody can be asked."""

    environ: Mapping[str, str]
    can_ask: bool

    def complete(self, given: Answers) -> Answers:
        """Complete the answers. Raises UsageError that names what is missing where nobody can be asked."""
        if given.region is not None and given.base_url is not None:
            raise UsageError("--region and --base-url exclude each other: an address is that of a region.")
        answers = given
        if given.key_file is not None:
            answers = replace(answers, key=_read_key(given.key_file))
        has_key = answers.key is not None or bool(self.environ.get(KEY_VARIABLE))
        if not self.can_ask:
            missing = [] if has_key else [f"--key-file FILE (- is standard input) or {KEY_VARIABLE}"]
            missing += [] if given.integrations else ["--integration ID"]
            if missing:
                raise UsageError(f"There is no terminal to ask on: add {', and '.join(missing)}.")
        if answers.region is None and answers.base_url is None and self.can_ask:
            answers = replace(answers, region=_ask("Where is your Kombo environment: eu, us or ca", "eu"))
        if not has_key:
            answers = replace(answers, key=_ask_key())
        if answers.database is None and not self.environ.get(DATABASE_VARIABLE):
            database = self._ask_database() if self.can_ask else DEFAULT_DATABASE
            answers = replace(answers, database=database)
        if not answers.integrations:
            answers = replace(answers, integrations=_ask_integrations())
        return answers

    def again(self, answers: Answers, error: UsageError | KeyRefused | DatabaseError) -> Answers | None:
        """Ask again for the answer that has led to an error; None where nobody can, or it is not known."""
        from syncer.operations.integrations import UnknownIntegration

        if not self.can_ask:
            return None
        if isinstance(error, KeyRefused) and answers.writes_key:
            print_note(str(error))
            return replace(answers, key=_ask_key())
        if isinstance(error, UnknownIntegration):
            print_note(str(error))
            return replace(answers, integrations=_ask_integrations())
        if isinstance(error, DatabaseError) and answers.database is not None:
            print_note(str(error))
            return replace(answers, database=self._ask_database())
        return None

    def _ask_database(self) -> str:
        return _ask("Database: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE", DEFAULT_DATABASE)


def _ask(question: str, default: str) -> str:
    answer: str = click.prompt(question, default=default, err=True)
    return answer.strip()


def _ask_key() -> str:
    key: str = click.prompt("API key (it is not shown)", hide_input=True, err=True)
    return key.strip()


def _ask_integrations() -> tuple[str, ...]:
    question = "Ids of integrations to mirror, from Kombo's dashboard (with blanks between; or none yet)"
    answer: str = click.prompt(question, default="", show_default=False, err=True)
    return tuple(dict.fromkeys(answer.replace(",", " ").split()))


def _read_key(name: str) -> str:
    """Read the key from a file, or from standard input. Raises UsageError."""
    try:
        text = read_stdin() if name == STDIN else Path(name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"The API key in {_named(name)} is not a text in UTF-8.") from None
    except OSError as error:
        raise UsageError(f"--key-file {name} cannot be read: {error.strerror}.") from None
    if not text.strip():
        raise UsageError(f"There is no API key in {_named(name)}.")
    return text.strip()


def _named(name: str) -> str:
    return "standard input" if name == STDIN else name
