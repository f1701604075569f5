"""Exclusions of the configuration: they name members of models and of native lists, and leave keys alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncer.domain.catalogue.members import KEPT
from syncer.domain.errors import UsageError
from syncer.domain.native.key_members import KeyMember, key_members, parent_member
from syncer.domain.native.read_members import ANYTHING_INSIDE
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.records.exclusions import exclusions


@dataclass(frozen=True, slots=True)
class GivenExclusion:
    """Exclusion as it was written, with the lists that only the configuration has, and it may name.

    native_lists: None where these are not readable. added: names of the added lists.
    """

    text: object
    native_lists: Sequence[NativeListSpec] | None
    added: Sequence[str] = ()


def exclusion(given: object) -> object:
    """Check an exclusion; give it as it was written. Raises ValueError."""
    native_lists: Sequence[NativeListSpec] | None = (
        given.native_lists if isinstance(given, GivenExclusion) else ()
    )
    added = given.added if isinstance(given, GivenExclusion) else ()
    text = given.text if isinstance(given, GivenExclusion) else given
    if isinstance(text, str) and native_lists is not None:
        try:
            found = exclusions([text], [*added, *(each.name for each in native_lists)])
        except UsageError as error:
            raise ValueError(str(error)) from None
        for one in found:
            if one.table in added and one.path[0] in KEPT:
                raise ValueError(f"{text!r} keeps out {one.path[0]}, by which the mirror keeps its rows")
        for each in native_lists:
            for member in sorted(key_members(each)):
                if member.excluded_by(found):
                    raise ValueError(_conflict(text, each, member))
    return text


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
    privacy: object, native_lists: Sequence[NativeListSpec] | None, added: Sequence[str]
) -> object:
    """Tell the exclusions of the section which native lists there are, and the names of added lists."""
    if not isinstance(privacy, dict) or not isinstance(privacy.get("exclude"), list | tuple):
        return privacy
    return {**privacy, "exclude": [GivenExclusion(each, native_lists, added) for each in privacy["exclude"]]}
