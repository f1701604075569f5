"""Files that the secrets of a configuration stand in, whose modes are worth a look."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from syncer.config.secrets import passwords

#: Settings that are secrets, and those that name a file with one; the sections are looked through for them.
_SECRETS = {"api_key", "secret", "secrets", "token", "webhook_secrets"}
_FILES = {
    *("api_key_file", "pseudonym_key_file", "secret_file", "secret_files", "token_file", "url_file"),
    "webhook_secret_files",
}


def find_secret_files(
    toml: Path | None,
    values: Mapping[str, Any],
    merged: Mapping[str, Any],
    known: Collection[str],
    mounted: Path,
) -> Iterator[Path]:
    """Find the TOML file, where a secret is in it, and the files that settings name.

    values: of the TOML file; merged: of all sources; known: texts that must not be shown. What is mounted as
    secrets has the mode that its orchestrator gives it, and is passed over.
    """
    if toml is not None and any(_is_secret(name, text, known) for name, text in _texts(values)):
        yield toml.absolute()
    folder = toml.parent.absolute() if toml is not None else Path.cwd()
    for name, text in _texts(merged):
        if name in _FILES:
            path = folder / Path(text).expanduser()
            if not path.is_relative_to(mounted):
                yield path


def _is_secret(name: str, text: str, known: Collection[str]) -> bool:
    """Tell whether a setting is or holds a secret, also where another source has replaced it."""
    if name in _SECRETS or any(secret in text for secret in known):
        return True
    return name == "url" and any(_passwords(text))


def _passwords(url: str) -> Iterator[str]:
    try:
        yield from (each for each in passwords(url) if each)
    except ValueError:
        # It is not used: another source has replaced it.
        return


def _texts(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Walk through all texts that are not empty, with the name of the member that each is in."""
    match value:
        case str() if value:
            yield name, value
        case Mapping():
            for key, inner in value.items():
                yield from _texts(inner, str(key))
        case list() | tuple():
            for inner in value:
                yield from _texts(inner, name)
