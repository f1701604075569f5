"""Sentences on why a stream is not complete, and what can be done about it. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from syncer.domain.stream_key import StreamKey

#: Reason of an integration that Kombo does not know, whichever request found it out.
UNKNOWN_INTEGRATION = "Kombo does not know this integration: check its id and the region."


def selecting(key: StreamKey) -> str:
    """Spell the options of a command that select one stream, ready for a shell."""
    return selecting_integration(key.integration_id) + selecting_models([key.model])


def selecting_integration(integration_id: str) -> str:
    """Spell the option of a command that selects an integration, ready for a shell."""
    return f"--integration {shlex.quote(integration_id)}"


def selecting_models(models: Iterable[str]) -> str:
    """Spell the options that select models, to follow others."""
    return "".join(f" --model {shlex.quote(each)}" for each in models)


def describe_share(part: int, whole: int) -> str:
    """Describe a part of some rows: ``160 of 384 rows (42%)``.

    It is never 0% of something, nor 100% of less than all.
    """
    percent = f"{part / whole:.0%}" if whole else "0%"
    if part and percent == "0%":
        percent = "<1%"
    elif part < whole and percent == "100%":
        percent = ">99%"
    return f"{part:,} of {whole:,} row{'' if whole == 1 else 's'} ({percent})"


def describe_held(rows: int, live: int) -> str:
    """Describe held rows of so many live ones, without an end: ``160 of 384 rows (42%) are missing …``."""
    return f"{describe_share(rows, live)} {'is' if rows == 1 else 'are'} missing at Kombo and held back"


def held_reason(rows: int, live: int, key: StreamKey) -> str:
    """Make the sentence on held rows."""
    return (
        f"{describe_held(rows, live)}: `syncer reconcile --approve {selecting(key)}` marks what is still "
        "missing as deleted."
    )


def quarantine_reason(records: int, integration_id: str) -> str:
    """Make the sentence on records in quarantine; models of one integration with as many share it."""
    what = "1 record is" if records == 1 else f"{records:,} records are"
    command = f"syncer quarantine list {selecting_integration(integration_id)}"
    return f"{what} in quarantine: `{command}` shows why."
