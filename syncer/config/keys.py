"""Names of settings: dotted keys, locations in nested tables, environment variables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from syncer.config.settings import Settings
from syncer.domain.suggestions import did_you_mean

#: Location of a setting: names of tables and settings, and places in lists.
Loc = tuple[str | int, ...]
#: Names of settings have much in common already: only near ones are worth suggesting.
_LIKENESS = 0.7


@cache
def setting_keys() -> tuple[str, ...]:
    """List every setting by its dotted key; NAME stands for a name that the user puts there."""
    return tuple(_keys_of(Settings, ""))


def table_of(field: FieldInfo) -> type[BaseModel] | None:
    """Find the table that a field holds, alone, in a list or under names; None: it is a setting."""
    kinds: tuple[Any, ...] = (field.annotation, *get_args(field.annotation))
    return next((each for each in kinds if isinstance(each, type) and issubclass(each, BaseModel)), None)


def dotted(loc: Loc) -> str:
    """Write a location as a key: ``("integrations", 0, "id")`` -> ``integrations[0].id``"""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


def is_setting(loc: Loc) -> bool:
    """Tell whether the location is a setting or a table of settings."""
    return any(
        len(parts) >= len(loc) and all(part in ("NAME", name) for part, name in zip(parts, loc, strict=False))
        for parts in (key.split(".") for key in setting_keys())
    )


def nearest_key(loc: Loc) -> str:
    """Suggest the setting that resembles the location most, as a sentence; empty if none does."""
    return did_you_mean(dotted(loc), map(dotted, _locations(loc)), at_most=1, cutoff=_LIKENESS)


def nearest_variable(loc: Loc, prefix: str) -> str:
    """Suggest the variable that resembles the location most, as a sentence; empty if none does."""
    names = [_variable(each, prefix) for each in _locations(loc)]
    return did_you_mean(_variable(loc, prefix), names, at_most=1, cutoff=_LIKENESS)


def _variable(loc: Loc, prefix: str) -> str:
    return prefix + "__".join(map(str, loc)).upper()


def _keys_of(section: type[BaseModel], before: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        inner = table_of(field)
        key = before + (field.alias or name)
        if get_origin(field.annotation) is dict:
            key += ".NAME"
        if inner is not None:
            yield from _keys_of(inner, f"{key}.")
        else:
            yield key


def _locations(loc: Loc) -> list[Loc]:
    """List settings and tables by location, with the user's names and the places in lists of this one."""
    tables = [key.removesuffix(".NAME") for key in setting_keys() if key.endswith(".NAME")]
    return [_located(key.split("."), loc) for key in (*tables, *setting_keys())]


def _located(parts: Sequence[str], loc: Loc) -> Loc:
    found: Loc = ()
    for part in parts:
        at = len(found)
        found += (loc[at] if part == "NAME" and at < len(loc) else part,)
        if found == loc[: at + 1] and isinstance(next(iter(loc[at + 1 :]), ""), int):
            found += (loc[at + 1],)
    return found
