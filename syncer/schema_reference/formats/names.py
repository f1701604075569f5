"""Names of classes, variables and members after names of tables and columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable

#: Plurals in -es whose singular has none.
_SIBILANT = ("sses", "uses", "xes", "ches", "shes")
_LIVE = "_live"


def singular(name: str) -> str:
    """Write a plural as its singular; a name that is none stays as it is."""
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    if name.endswith(_SIBILANT):
        return name[:-2]
    if name.endswith("s") and not name.endswith(("ss", "us", "is")):
        return name[:-1]
    return name


def pascal(name: str) -> str:
    """Write a_name as AName."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def camel(name: str) -> str:
    """Write a_name as aName."""
    written = pascal(name)
    return written[:1].lower() + written[1:]


def class_names(tables: Iterable[str]) -> dict[str, str]:
    """Name a class for each table or view: in the singular, unless another has that name."""
    found: dict[str, str] = {}
    for table in tables:
        base = table.removesuffix(_LIVE)
        suffix = "Live" if table != base else ""
        found[table] = unused(
            (f"{pascal(singular(base))}{suffix}", f"{pascal(base)}{suffix}"), found.values()
        )
    return found


def unused(choices: Iterable[str], taken: Collection[str]) -> str:
    """Choose the first name that is not taken; of the last one with a number where all are."""
    last = ""
    for last in choices:
        if last not in taken:
            return last
    return next(f"{last}_{number}" for number in range(2, len(taken) + 3) if f"{last}_{number}" not in taken)
