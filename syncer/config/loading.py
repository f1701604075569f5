"""Where settings come from, and what is wrong with them in words: file, environment, secret files.

A source turns into nested tables of plain values. Which of them gave a value is remembered, so that a
fault can be told where it has to be mended.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource

from syncer.domain.errors import UsageError

Loc = tuple[str | int, ...]

PREFIX = "SYNCER_"
#: Variables of this prefix that are no settings: where the file is, what tests use, and what Kubernetes
#: sets in every pod next to a service that is called syncer.
_NO_SETTING = re.compile(
    r"SYNCER_(CONFIG|TEST_\w+|SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)"
)
#: Two ways to give one thing: a source that gives one of them takes back the other of the sources below.
_TWINS = {
    "api_key": "api_key_file",
    "api_key_file": "api_key",
    "webhook_secret": "webhook_secret_file",
    "webhook_secret_file": "webhook_secret",
}


@dataclass(frozen=True)
class Source:
    """Values from one place.

    place says where that is. variables are the names of settings that are files or environment
    variables of their own, by location; a TOML file has none.
    """

    place: str
    values: dict[str, Any]
    variables: dict[Loc, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()

    def depth(self, loc: Loc) -> int:
        """How far down the location leads into these values."""
        inside: Any = self.values
        for depth, key in enumerate(loc):
            try:
                inside = inside[key]
            except (KeyError, IndexError, TypeError):
                return depth
        return len(loc)

    def where(self, loc: Loc) -> str:
        """What to mend for that location: the variable that holds it, else one inside of it."""
        for end in range(len(loc), 0, -1):
            if loc[:end] in self.variables:
                return f"{self.place}{self.variables[loc[:end]]}"
        inside = (name for where, name in self.variables.items() if where[: len(loc)] == loc)
        return self.place + next(inside, "")


def read_toml(path: Path) -> Source:
    """The settings of a TOML file.

    Raises UsageError when it cannot be read.
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


def read_variables(
    place: str, variables: Mapping[str, str], settings: type[BaseSettings], keys: Sequence[str]
) -> Source:
    """The settings among variables called ``SYNCER_SECTION__KEY``; an empty one is as good as none.

    keys are all settings there are, as ``setting_keys`` gives them.
    """
    known: dict[str, str] = {}
    names: dict[Loc, str] = {}
    faults: list[str] = []
    for name, text in variables.items():
        upper = name.upper()
        if not upper.startswith(PREFIX) or _NO_SETTING.fullmatch(upper) or not text:
            continue
        loc = tuple(upper.removeprefix(PREFIX).lower().split("__"))
        if loc[:2] == ("sync", "models") and len(loc) > 2:
            loc = ("sync", "model", *loc[2:])
        if not _is_setting(loc, keys):
            hint = _nearest(upper, [PREFIX + "__".join(map(str, key)).upper() for key in _filled(keys, loc)])
            faults.append(f"{place}{name}: there is no such setting.{hint}")
            continue
        known[PREFIX + "__".join(loc)] = text
        names[loc] = name
    values = _Variables(settings, known)()
    return Source(place, _with_model_tables(values), names, tuple(faults))


def read_secret_files(folder: Path, settings: type[BaseSettings], keys: Sequence[str]) -> Source:
    """The settings among files called ``SYNCER_SECTION__KEY``, as Docker and Kubernetes mount secrets."""
    texts: dict[str, str] = {}
    faults: list[str] = []
    for path in sorted(folder.glob("*")):
        if path.name.upper().startswith(PREFIX) and path.is_file():
            try:
                texts[path.name] = path.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                faults.append(f"{path}: cannot be read as UTF-8 text.")
    source = read_variables(f"{folder}/", texts, settings, keys)
    return Source(source.place, source.values, source.variables, (*source.faults, *faults))


def merged(sources: Sequence[Source]) -> dict[str, Any]:
    """One table of all; the sources come in order, and the first that gives a value wins."""
    result: dict[str, Any] = {}
    for source in reversed(sources):
        _overlay(result, source.values)
    return result


def fault(error: ErrorDetails, sources: Sequence[Source], keys: Sequence[str]) -> str:
    """One fault as a line: where it is, which setting, what is expected."""
    loc = _as_given(tuple(part for part in error["loc"] if part != "[key]"), sources)
    # max() keeps the first of equals: the source that won.
    source = max(sources, key=lambda each: each.depth(loc), default=None)
    where = f"{source.where(loc)}: " if source is not None and source.depth(loc) else ""
    key = dotted(loc)
    if error["type"] == "extra_forbidden":
        return (
            f"{where}there is no setting {key}.{_nearest(key, [dotted(each) for each in _filled(keys, loc)])}"
        )
    if error["type"] == "missing":
        return f"{where}{key} is missing."
    text = re.sub(r"^(Value error, |\w+ (?=should ))|, unable to .*| after validation, .*", "", error["msg"])
    text = re.sub("a valid dictionary.*", "a table", text.replace("a valid tuple", "a list"))
    end = "" if text.endswith((".", "?")) else "."
    return f"{where}{key}{' ' if text[:1].islower() else ': '}{text}{end}"


def _as_given(loc: Loc, sources: Sequence[Source]) -> Loc:
    """The location, or that of its twin where only this is given: a secret by the file that holds it."""
    twin = (*loc[:-1], _TWINS.get(str(loc[-1]), ""))
    places = (each for each in (loc, twin) if any(source.depth(each) == len(each) for source in sources))
    return next(places, loc)


def dotted(loc: Loc) -> str:
    """``("integrations", 0, "id")`` -> ``integrations[0].id``"""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


class _Variables(EnvSettingsSource):
    """Environment variables out of a mapping that is given."""

    def __init__(self, settings: type[BaseSettings], variables: Mapping[str, str]) -> None:
        self.given = variables
        super().__init__(settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): text for name, text in self.given.items()}

    def decode_complex_value(self, field_name: str, field: Any, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            # Left as it is: the validation says what is expected there, and in which variable.
            return value


def _with_model_tables(values: dict[str, Any]) -> dict[str, Any]:
    """``[sync.models.NAME]`` as ``[sync.model.NAME]``: a key cannot be a list of globs and tables at once."""
    sync = values.get("sync")
    if not isinstance(sync, dict) or not isinstance(sync.get("models"), dict):
        return values
    tables = {**sync["models"], **sync.get("model", {})}
    rest = {key: value for key, value in sync.items() if key != "models"}
    return {**values, "sync": {**rest, "model": tables}}


def _overlay(base: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key in over:
        if key in _TWINS and _TWINS[key] not in over:
            base.pop(_TWINS[key], None)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _overlay(base[key], value)
        else:
            base[key] = dict(value) if isinstance(value, dict) else value


def _is_setting(loc: Loc, keys: Sequence[str]) -> bool:
    """Whether the location is a setting or a table of settings. NAME in a key stands for any name."""
    return any(
        len(parts) >= len(loc) and all(part in ("NAME", name) for part, name in zip(parts, loc, strict=False))
        for parts in (key.split(".") for key in keys)
    )


def _filled(keys: Sequence[str], loc: Loc) -> list[Loc]:
    """All settings and tables of names by location, with the names and the places in lists of this one."""
    tables = [key.removesuffix(".NAME") for key in keys if key.endswith(".NAME")]
    return [_filled_key(key.split("."), loc) for key in (*tables, *keys)]


def _filled_key(parts: Sequence[str], loc: Loc) -> Loc:
    filled: Loc = ()
    for part in parts:
        at = len(filled)
        filled += (loc[at] if part == "NAME" and at < len(loc) else part,)
        if filled == loc[: at + 1] and isinstance(next(iter(loc[at + 1 :]), ""), int):
            filled += (loc[at + 1],)
    return filled


def _nearest(name: str, names: Sequence[str]) -> str:
    near = get_close_matches(name, names, n=1, cutoff=0.7)
    return f" Did you mean {near[0]}?" if near else ""
