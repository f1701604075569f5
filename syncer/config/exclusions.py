"""Exclusions of the configuration: they name members of models and of native lists, and leave keys alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from syncer.domain.added.spec import AddedList
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.members import KEPT
from syncer.domain.errors import UsageError
from syncer.domain.native.key_members import KeyMember, key_members, parent_member
from syncer.domain.native.read_members import ANYTHING_INSIDE, read_members
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.records.exclude import excluded_from
from syncer.domain.records.exclusions import ANYWHERE, Exclusion, Path, exclusions, replaceable


class GivenExclusion(Struct, frozen=True):
    """Exclusion as it was written, with the lists that only the configuration has, and it may name.

    native_lists: None where these, or the added ones, are not readable.
    """

    text: object
    native_lists: Sequence[NativeListSpec] | None
    added: Sequence[AddedList] = ()


def exclusion(given: object) -> object:
    """Check an exclusion; give it as it was written. Raises ValueError."""
    text, native_lists, added = _read(given)
    if isinstance(text, str) and native_lists is not None:
        try:
            found = exclusions([text], _names(native_lists, added))
        except UsageError as error:
            raise ValueError(str(error)) from None
        _check_keys(text, found, native_lists, added)
    return text


def pseudonymised(given: object) -> object:
    """Check a member to pseudonymise; give it as it was written. Raises ValueError."""
    text, native_lists, added = _read(given)
    if isinstance(text, str) and native_lists is not None:
        try:
            found = replaceable([text], _names(native_lists, added))
        except UsageError as error:
            raise ValueError(str(error)) from None
        _check_keys(text, found, native_lists, added)
        lists: list[NativeListSpec | AddedList] = [*native_lists, *added]
        for each in lists:
            _check_columns(text, found, each)
    return text


def check_filters(
    patterns: Iterable[str], names: Collection[str], filters: Mapping[str, Collection[str]]
) -> None:
    """Check that no filter, which the database keeps, holds plain values of what is pseudonymised.

    names: of the lists that only the configuration has. filters: names of the filters that each model has.
    Raises ValueError.
    """
    for pattern in patterns:
        found = replaceable([pattern], names)
        for model, given in filters.items():
            for each in catalogue()[model].filters if model in catalogue() else ():
                if each.name in given and each.member and _meets(model, each.member, found):
                    raise ValueError(
                        f"{pattern!r} cannot be pseudonymised: the filter {each.name} of sync.model.{model}"
                        " names its values, and is kept in the database. Leave out one of them."
                    )


def _meets(model: str, path: Path, found: frozenset[Exclusion]) -> bool:
    excluded = excluded_from(model, found)
    inside = (each.path[: len(path)] == path for each in found if each.table in (ANYWHERE, model))
    return excluded is not None and (excluded.hides(path) or any(inside))


def _read(given: object) -> tuple[object, Sequence[NativeListSpec] | None, Sequence[AddedList]]:
    """Take apart what was written and the lists that it may name; None: these are not readable."""
    if isinstance(given, GivenExclusion):
        return given.text, given.native_lists, given.added
    return given, (), ()


def _names(native_lists: Iterable[NativeListSpec], added: Iterable[AddedList]) -> list[str]:
    return [*(each.name for each in added), *(each.name for each in native_lists)]


def _check_keys(
    text: str,
    found: Collection[Exclusion],
    native_lists: Iterable[NativeListSpec],
    added: Iterable[AddedList],
) -> None:
    """Check that nothing is kept out by which rows are kept, or keys and positions are made."""
    names = {each.name for each in added}
    for one in found:
        if one.table in names and one.path[0] in KEPT:
            raise ValueError(f"{text!r} keeps out {one.path[0]}, by which the mirror keeps its rows")
    for each in native_lists:
        for member in sorted(key_members(each)):
            if member.excluded_by(found):
                raise ValueError(_conflict(text, each, member))


def _check_columns(text: str, found: Collection[Exclusion], native_list: NativeListSpec | AddedList) -> None:
    """Check that no column with a type of numbers or times is read from what is replaced by a text."""
    kind = "added" if isinstance(native_list, AddedList) else "native"
    for column in native_list.columns:
        paths = read_members(column.source[0]) if column.type not in ("text", "json") else ()
        for path in paths:
            if KeyMember(native_list.name, path).excluded_by(found):
                raise ValueError(
                    f"{text!r} cannot be pseudonymised: the column {column.name} of the {kind} list"
                    f" {native_list.name} is made of it, and has the type {column.type}. Exclude it instead."
                )


def _conflict(text: str, native_list: NativeListSpec, member: KeyMember) -> str:
    """Say why a member cannot be excluded, and what can be done."""
    name, each = native_list.name, native_list.for_each
    if each is not None and member == parent_member(each):
        return (
            f"{text!r} keeps out {member}, and the native list {name} asks for each of its values:"
            " take another column for its for_each, or leave the member in"
        )
    path = ".".join(name for name in member.path if name != ANYTHING_INSIDE)
    what = f"{path!r} of its records" if path else "its whole records"
    return (
        f"{text!r} keeps out what the native list {name} makes its keys or positions of, {what}: take another"
        " key, or leave the member in"
    )


def with_configured_lists(
    privacy: object, native_lists: Sequence[NativeListSpec] | None, added: Sequence[AddedList]
) -> object:
    """Tell the exclusions of the section which native and added lists there are."""
    if not isinstance(privacy, dict):
        return privacy
    given = {
        name: [GivenExclusion(each, native_lists, added) for each in privacy[name]]
        for name in ("exclude", "pseudonymise")
        if isinstance(privacy.get(name), list | tuple)
    }
    return {**privacy, **given}
