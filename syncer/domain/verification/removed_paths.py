"""Members that a list's records lack in the mirror, or have pseudonyms in, as paths.

A digest from the API has to leave them out, or to replace their values.
"""

from __future__ import annotations

from collections.abc import Iterator

from syncer.domain.records.exclude import Excluded

#: Members of copies inside copies are as deep as the catalogue describes any.
DEPTH = 3


def removed_paths(excluded: Excluded | None) -> tuple[str, ...]:
    """List the paths from a record to what is excluded of it, copies of other records included.

    Names are joined by dots; lists on the way are entered. ``*`` begins a path that holds at any depth. What
    the catalogue does not describe is not told: there every object loses what is excluded of its family.
    """
    return _all_paths(excluded, replaced=False)


def replaced_paths(excluded: Excluded | None) -> tuple[str, ...]:
    """List likewise the paths to what is pseudonymised."""
    return _all_paths(excluded, replaced=True)


def _all_paths(excluded: Excluded | None, *, replaced: bool) -> tuple[str, ...]:
    if excluded is None:
        return ()
    anywhere = (f"*.{'.'.join(each.path)}" for each in excluded.anywhere if each.is_replaced is replaced)
    return tuple(sorted({*anywhere, *_paths(excluded, excluded.table, DEPTH, replaced=replaced)}))


def _paths(excluded: Excluded, table: str, depth: int, *, replaced: bool) -> Iterator[str]:
    for target in excluded.paths.get(table, ()):
        if target.is_replaced is replaced:
            yield ".".join(target.path)
    if depth:
        for embed, _ in excluded.inside.get(table, ()):
            for inner in _paths(excluded, embed.table, depth - 1, replaced=replaced):
                yield ".".join((*embed.path, inner))
