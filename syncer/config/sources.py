"""Sources of settings: the TOML file, environment variables, secret files.

pydantic-settings decodes what variables say (``variables.py``). What it does not do is done here: remember
which source gave a value, find names that are no setting, and let a secret replace the file of a lower source
that holds one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from syncer.config.keys import Loc, is_setting, nearest_variable
from syncer.domain.errors import UsageError

PREFIX = "SYNCER_"
#: Variables of this prefix that are no settings: where the file is, what tests use, and what Kubernetes
#: sets in every pod next to a service that is called syncer.
_NO_SETTING = re.compile(
    r"SYNCER_(CONFIG|TEST_\w+|SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)"
)


class Source(Struct, frozen=True):
    """Values of one source, as nested tables.

    place: where they are from, for people. variables: names of the variables or files that hold a setting
    each, by location; none for a TOML file. faults: what is wrong with the source itself, one sentence each.
    """

    place: str
    values: dict[str, Any]
    variables: dict[Loc, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()

    def depth(self, loc: Loc) -> int:
        """Count the steps of the location that lead into these values."""
        inside: Any = self.values
        for depth, key in enumerate(loc):
            try:
                inside = inside[key]
            except (KeyError, IndexError, TypeError):
                return depth
        return len(loc)

    def where(self, loc: Loc) -> str:
        """Name what to mend for that location: the variable that holds it, else one inside of it."""
        for end in range(len(loc), 0, -1):
            if loc[:end] in self.variables:
                return f"{self.place}{self.variables[loc[:end]]}"
        inside = (name for where, name in self.variables.items() if where[: len(loc)] == loc)
        return self.place + next(inside, "")


def read_toml(path: Path) -> Source:
    """Read the settings of a TOML file.

    Raises UsageError that names the file, and line and column where it is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"Cannot read the configuration {path}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}.") from None
    except tomllib.TOMLDecodeError as error:
        hint = ""
        if re.search(r"^\s*\[\s*sync\.models\.", text, re.MULTILINE):
            hint = " (beside a list sync.models, the table of one model is called [sync.model.NAME])"
        raise UsageError(f"{path} is not TOML: {error}{hint}.") from None
    return Source(str(path), _with_model_tables(values))


def read_variables(place: str, variables: Mapping[str, str]) -> Source:
    """Read the settings among variables called ``SYNCER_SECTION__KEY``; an empty one sets nothing."""
    texts: dict[str, str] = {}
    names: dict[Loc, str] = {}
    faults: list[str] = []
    for name, text in variables.items():
        upper = name.upper()
        if not upper.startswith(PREFIX) or _NO_SETTING.fullmatch(upper) or not text:
            continue
        loc = tuple(upper.removeprefix(PREFIX).lower().split("__"))
        if loc[:2] == ("sync", "models") and len(loc) > 2:
            loc = ("sync", "model", *loc[2:])
        if is_setting(loc):
            texts["__".join(loc)] = text
            names[loc] = name
        else:
            faults.append(f"{place}{name}: there is no such setting.{nearest_variable(loc, PREFIX)}")
    return Source(place, _with_model_tables(_decode(texts)), names, tuple(faults))


def read_secret_files(folder: Path) -> Source:
    """Read the settings among files called ``SYNCER_SECTION__KEY``, as Docker and Kubernetes mount secrets.

    Other files are left alone: they may be anybody's, of any form and size.
    """
    texts: dict[str, str] = {}
    faults: list[str] = []
    for path in sorted(folder.glob("*")):
        if path.name.upper().startswith(PREFIX) and path.is_file():
            try:
                texts[path.name] = path.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                faults.append(f"{path}: cannot be read as UTF-8 text.")
    source = read_variables(f"{folder}/", texts)
    return Source(source.place, source.values, source.variables, (*source.faults, *faults))


def merge(sources: Sequence[Source]) -> dict[str, Any]:
    """Merge the values of sources; they come in order, and the first that gives a value wins."""
    result: dict[str, Any] = {}
    for source in reversed(sources):
        _overlay(result, source.values)
    return result


def _overlay(base: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key in over:
        # A secret and the file that holds it are one thing: who gives the one takes back the other.
        other = key.removesuffix("_file") if key.endswith("_file") else f"{key}_file"
        if other not in over:
            base.pop(other, None)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _overlay(base[key], value)
        else:
            base[key] = dict(value) if isinstance(value, dict) else value


def _decode(texts: Mapping[str, str]) -> dict[str, Any]:
    if not texts:
        return {}
    # The library is not read where all settings stand in the file.
    from syncer.config.variables import decode_texts

    return decode_texts(texts)


def _with_model_tables(values: dict[str, Any]) -> dict[str, Any]:
    """Rename ``[sync.models.NAME]`` to ``[sync.model.NAME]``: a key cannot be a list of globs and tables."""
    sync = values.get("sync")
    if not isinstance(sync, dict) or not isinstance(sync.get("models"), dict):
        return values
    tables = {**sync["models"], **sync.get("model", {})}
    rest = {key: value for key, value in sync.items() if key != "models"}
    return {**values, "sync": {**rest, "model": tables}}
