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

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from syncer.config.keys import dotted, nearest_key
from syncer.config.secret_files import find_secret_files
from syncer.config.settings import Settings
from syncer.config.sources import Source, merge, read_secret_files, read_toml, read_variables
from syncer.domain.errors import UsageError

#: Where Docker and Kubernetes put secrets.
SECRETS = Path("/run/secrets")


def load_settings(
    config: Path | None = None, environ: Mapping[str, str] = os.environ, secrets: Path = SECRETS
) -> Settings:
    """Load the settings of this process: of config, else $SYNCER_CONFIG, else ./config.toml if there is one.

    Raises UsageError that tells every fault, and where it has to be mended.
    """
    sources = [read_variables("environment variable ", environ), read_secret_files(secrets)]
    named = config or (Path(environ["SYNCER_CONFIG"]) if environ.get("SYNCER_CONFIG") else None)
    path = named or Path("config.toml")
    toml = None
    if named is not None or path.exists():
        toml = read_toml(path)
        sources.append(toml)
    faults = [text for source in sources for text in source.faults]
    settings = None
    merged = merge(sources)
    try:
        # A section that is not there would take its defaults without validation, which locates their paths.
        settings = Settings.model_validate(
            {"database": {}, **merged}, context=None if toml is None else path.parent.absolute()
        )
    except ValidationError as error:
        # Without the input: it may be a secret.
        faults += [_describe(each, sources) for each in error.errors(include_input=False, include_url=False)]
    if settings is None or faults:
        head = f"The configuration has {len(faults)} faults:\n  " if len(faults) > 1 else ""
        raise UsageError(head + "\n  ".join(faults))
    return settings.found_in(
        find_secret_files(
            None if toml is None else path,
            {} if toml is None else toml.values,
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
