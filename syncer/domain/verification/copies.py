"""Copies of other records inside a record: what is left of it when they are left out."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.members import embeds
from syncer.domain.catalogue.model import Embed
from syncer.domain.records.record import canonical

Path = tuple[str, ...]


def leave_out_copies(model: str, record: dict[str, Any]) -> None:
    """Reduce a record to what is its own, in place: of a list of copies only tells which there are.

    Kombo does not send a record again for every change of what it shows of others, nor when it drops what was
    deleted 14 days ago. Children that a record owns are its own, as long as they live; of what these show of
    others nothing is left. Raises RecursionError.
    """
    if model not in catalogue():
        # Of the records of an added list nobody says what is a copy.
        return
    owned = _owned(model)
    for embed in embeds().get(model, ()):
        if embed.table in owned:
            _replace(record, embed.path, _living)
            for inner in embeds().get(embed.table, ()):
                # The whole member: of a list there nobody is told what comes and goes.
                _replace(record, embed.path + inner.path[:1], lambda _: None)
        else:
            _replace(record, embed.path, partial(_reduced, keep=_beside(model, embed)))


@cache
def _owned(model: str) -> frozenset[str]:
    return frozenset(child.table for child in catalogue()[model].children if child.owner is not None)


@cache
def _beside(model: str, embed: Embed) -> frozenset[str]:
    """List the members of an entry that say which record it is, or are said of it by the carrier."""
    found = {"id"}
    for link in catalogue()[model].links:
        if link.member == embed.path:
            found.add(link.target_path[0])
            found.update(column.source[0] for column in link.columns)
    return frozenset(found)


def _reduced(value: Any, keep: frozenset[str]) -> Any:
    """Reduce a list of copies to a list, in no order, of what is kept; a single copy to nothing."""
    if not isinstance(value, list):
        return None
    entries = [
        {name: each[name] for name in keep & each.keys()} if isinstance(each, dict) else each
        for each in _living(value)
    ]
    return sorted(entries, key=canonical)


def _living(value: Any) -> Any:
    """Leave out the entries of a list that are marked deleted."""
    if not isinstance(value, list):
        return value
    return [each for each in value if not isinstance(each, dict) or each.get("remote_deleted_at") is None]


def _replace(value: Any, path: Path, change: Callable[[Any], Any]) -> None:
    """Change what stands at the end of the path; lists on the way are entered."""
    if isinstance(value, list):
        for item in value:
            _replace(item, path, change)
    elif isinstance(value, dict) and path[0] in value:
        if len(path) == 1:
            value[path[0]] = change(value[path[0]])
        else:
            _replace(value[path[0]], path[1:], change)
