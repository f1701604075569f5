"""Load the settings of a process, or describe every fault in them.

A value comes from the first of: environment variable (``SYNCER_KOMBO__API_KEY``), secret file of that name in
/run/secrets, TOML file. ``config.example.toml`` explains every key. Wherever a path comes from, a relative
one starts at the folder of the TOML file, or at the working directory where there is none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from syncer.config.keys import dotted, nearest_key
from syncer.config.secret_files import find_secret_files
from syncer.config.settings import Settings
from syncer.config.sources import Source, merge, read_secret_files, read_toml, read_variables
from syncer.domain.errors import UsageError

#: The configuration where none is named.
CONFIG = Path("config.toml")
#: Where Docker and Kubernetes put secrets.
SECRETS = Path("/run/secrets")


def load_settings(
    config: Path | None = None, environ: Mapping[str, str] = os.environ, secrets: Path = SECRETS
) -> Settings:
    """Load the settings of this process: of config, else $SYNCER_CONFIG, else ./config.toml if there is one.

    Raises UsageError that tells every fault, and where it has to be mended.
    """
    path = find_config(config, environ)
    return _settings(None if path is None else (path, read_toml(path)), environ, secrets)


def settings_of(
    values: dict[str, Any], path: Path, environ: Mapping[str, str] = os.environ, secrets: Path = SECRETS
) -> Settings:
    """Make the settings of a process as they would be if the file of that path had these values.

    Raises UsageError as ``load_settings``.
    """
    return _settings((path, Source(str(path), values)), environ, secrets)


def load_sources(
    config: Path | None = None, environ: Mapping[str, str] = os.environ, secrets: Path = SECRETS
) -> list[Source]:
    """Read the sources of the settings, the first of which wins. Raises UsageError for one that is faulty."""
    path = find_config(config, environ)
    return _sources(None if path is None else read_toml(path), environ, secrets)


def find_config(config: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Find the configuration file of this process; None where there is none and none is named."""
    named = config or (Path(environ["SYNCER_CONFIG"]) if environ.get("SYNCER_CONFIG") else None)
    if named is not None:
        return named
    return CONFIG if CONFIG.exists() else None


def _sources(toml: Source | None, environ: Mapping[str, str], secrets: Path) -> list[Source]:
    sources = [read_variables("environment variable ", environ), read_secret_files(secrets)]
    return sources if toml is None else [*sources, toml]


def _settings(toml: tuple[Path, Source] | None, environ: Mapping[str, str], secrets: Path) -> Settings:
    path, of_file = (None, None) if toml is None else toml
    sources = _sources(of_file, environ, secrets)
    faults = [text for source in sources for text in source.faults]
    settings = None
    merged = merge(sources)
    try:
        # A section that is not there would take its defaults without validation, which locates their paths.
        settings = Settings.model_validate(
            {"database": {}, **merged}, context=None if path is None else path.parent.absolute()
        )
    except ValidationError as error:
        # Without the input: it may be a secret.
        faults += [_describe(each, sources) for each in error.errors(include_input=False, include_url=False)]
    if settings is None or faults:
        head = f"The configuration has {len(faults)} faults:\n  " if len(faults) > 1 else ""
        raise UsageError(head + "\n  ".join(faults))
    return settings.found_in(
        find_secret_files(
            path,
            {} if of_file is None else of_file.values,
            merged,
            settings.secrets(),
            secrets,
        )
    )


def _describe(error: ErrorDetails, sources: Sequence[Source]) -> str:
    """Describe a fault in one line: where it is, which setting, what is expected."""
    loc = tuple(part for part in error["loc"] if part != "[key]")
    # max() keeps the first of equals: the source that won.
    source = max(sources, key=lambda each: each.depth(loc))
    where = f"{source.where(loc)}: " if source.depth(loc) else ""
    key = dotted(loc)
    if error["type"] == "extra_forbidden":
        return f"{where}there is no setting {key}.{nearest_key(loc)}"
    if error["type"] == "missing":
        return f"{where}{key} is missing."
    # In the words of TOML, and as the end of a sentence that begins with the key.
    text = re.sub(r"^(Value error, |\w+ (?=should ))|, unable to .*| after validation, .*", "", error["msg"])
    text = re.sub("a valid dictionary.*", "a table", text.replace("a valid tuple", "a list"))
    end = "" if text.endswith((".", "?")) else "."
    return f"{where}{key}{' ' if text[:1].islower() else ': '}{text}{end}"
