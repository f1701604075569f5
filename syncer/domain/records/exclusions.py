"""Exclusions of the configuration: the values of which members of which lists never enter the mirror.

A member is removed or, where the exclusion has pseudonyms, its value is replaced by one.

An exclusion is written ``LIST.MEMBER`` or, for a member inside a member, ``LIST.MEMBER.MEMBER``; LIST is a
glob over models, tables of children and native lists. ``*`` as LIST holds for every object at any depth of
every record.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.members import KEPT, all_members, members, tables_at
from syncer.domain.catalogue.model import Column
from syncer.domain.errors import UsageError
from syncer.domain.records.pseudonyms import Pseudonyms
from syncer.domain.records.replaceable import why_not_replaceable, why_not_replaceable_anywhere
from syncer.domain.suggestions import did_you_mean

ANYWHERE = "*"

Path = tuple[str, ...]


#: Text of an exclusion that has pseudonyms: it tells the fingerprint of their key.
_WITH_KEY = re.compile(r"(?P<name>.*)=p_(?P<fingerprint>[0-9a-f]{16})", re.DOTALL)


class Exclusion(Struct, frozen=True):
    """A member of the records of one list, or (table ``*``) of whatever object has it.

    table: name of a model, of a table of children or of a native list. pseudonyms: those that values are
    replaced by; None: the member is removed.
    """

    table: str
    path: Path
    pseudonyms: Pseudonyms | None = None

    def __str__(self) -> str:
        name = ".".join((self.table, *self.path))
        return name if self.pseudonyms is None else f"{name}=p_{self.pseudonyms.fingerprint}"

    @classmethod
    def read(cls, text: str) -> Exclusion:
        """Parse the exclusion that was shown as this text; of a key it tells the fingerprint alone."""
        with_key = _WITH_KEY.fullmatch(text)
        table, *path = (text if with_key is None else with_key["name"]).split(".")
        pseudonyms = None if with_key is None else Pseudonyms(with_key["fingerprint"])
        return cls(table, tuple(path), pseudonyms)

    def covers(self, other: Exclusion) -> bool:
        """True where nothing that the other keeps out would stay, and its pseudonyms are the same."""
        if self.table not in {ANYWHERE, other.table}:
            return False
        if self.pseudonyms is None:
            return other.path[: len(self.path)] == self.path
        return other.path == self.path and _fingerprint(self) == _fingerprint(other)


def _fingerprint(exclusion: Exclusion) -> str | None:
    return None if exclusion.pseudonyms is None else exclusion.pseudonyms.fingerprint


def exclusions(patterns: Iterable[str], native_lists: Collection[str] = ()) -> frozenset[Exclusion]:
    """Resolve patterns to exclusions, one for each table. Raises UsageError for one that names nothing.

    native_lists: names of those that there are. Nobody describes their records: any member may be named.
    """
    return frozenset(each for pattern in patterns for each in _named(pattern, native_lists))


def replaceable(patterns: Iterable[str], native_lists: Collection[str] = ()) -> frozenset[Exclusion]:
    """Resolve patterns as ``exclusions`` does, for members whose values can be replaced by pseudonyms.

    Raises UsageError also for a member that is an id or no text: a number, a date, a time, an object or a
    list of such.
    """
    found = [
        (pattern, each) for pattern in patterns for each in _named(pattern, native_lists, "pseudonymised")
    ]
    for pattern, each in found:
        reason = _why_not(each)
        if reason is not None:
            raise UsageError(f"{pattern!r} cannot be pseudonymised: {reason}")
    return frozenset(each for _, each in found)


def _why_not(exclusion: Exclusion) -> str | None:
    if exclusion.table == ANYWHERE:
        return why_not_replaceable_anywhere(exclusion.path)
    # Nobody describes the records of native lists.
    return why_not_replaceable(exclusion.table, exclusion.path) if exclusion.table in members() else None


def with_pseudonyms(
    removed: frozenset[Exclusion], replaced: frozenset[Exclusion], pseudonyms: Pseudonyms
) -> frozenset[Exclusion]:
    """Join exclusions that remove with others that replace; what is removed is not replaced."""
    return removed | {
        replace(each, pseudonyms=pseudonyms)
        for each in replaced
        if not any(other.covers(each) for other in removed)
    }


def _named(
    pattern: str, native_lists: Collection[str], participle: str = "excluded"
) -> tuple[Exclusion, ...]:
    glob, *rest = pattern.split(".")
    path = tuple(rest)
    if not all((glob, *path)) or not path:
        what = "An exclusion" if participle == "excluded" else f"What can be {participle}"
        raise UsageError(
            f"{what} is MODEL.MEMBER, such as hris_employees.ssn or *.remote_data, not {pattern!r}."
        )
    tables = [table for table in members() if fnmatchcase(table, glob)]
    native = [name for name in native_lists if fnmatchcase(name, glob)]
    if not tables and not native:
        raise UsageError(f"There is no model {glob!r}.{did_you_mean(glob, (*native_lists, *members()))}")
    if any(path[-1] in KEPT and tables_at(table, path[:-1]) for table in tables):
        raise UsageError(f"The mirror keeps its rows by {path[-1]}: {pattern!r} cannot be {participle}.")
    if not glob.strip("*"):
        if path[0] in all_members():
            return (Exclusion(ANYWHERE, path),)
        # Of every list at any depth: a misspelt name must not pass for a member of a native list.
        native = []
    having = [*(table for table in tables if _has(table, path)), *native]
    if not having:
        raise UsageError(_no_member(pattern, glob, tables, path))
    return tuple(Exclusion(table, path) for table in having)


def _has(table: str, path: Path) -> bool:
    """True where the table's records can have this member; below a json column everything is possible."""
    if path[0] not in members()[table]:
        return False
    is_scalar = any(column.source == path[:1] and column.type != "json" for column in _columns(table))
    return len(path) == 1 or not is_scalar


def _no_member(pattern: str, glob: str, tables: list[str], path: Path) -> str:
    for table in tables:
        for column in _columns(table):
            if column.name == path[0] != column.source[0]:
                # An id goes with the copy that it is the id of.
                source = column.source[:-1] if column.source[-1] in KEPT else column.source
                return (
                    f"There is no member {column.name!r} in {table}: the column is taken from "
                    f"{'.'.join(column.source)}; exclude {table}.{'.'.join(source)}."
                )
    if any(path[0] in members()[table] for table in tables):
        return f"There is nothing inside {path[0]} that {pattern!r} could exclude."
    known = sorted({member for table in tables for member in members()[table]} - KEPT)
    whose = glob if glob in members() else f"any model of {glob!r}"
    return f"There is no member {path[0]!r} in {whose}.{did_you_mean(path[0], known)}"


def _columns(table: str) -> tuple[Column, ...]:
    for model in catalogue().values():
        if model.name == table:
            return model.columns
        for child in model.children:
            if child.table == table:
                return child.columns
    return ()
