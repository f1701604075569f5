"""Members that a list's records lack in the mirror, as paths: what a digest from the API has to leave out."""

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
    if excluded is None:
        return ()
    anywhere = (f"*.{'.'.join(path)}" for path in excluded.anywhere)
    return tuple(sorted({*anywhere, *_paths(excluded, excluded.table, DEPTH)}))


def _paths(excluded: Excluded, table: str, depth: int) -> Iterator[str]:
    for path in excluded.paths.get(table, ()):
        yield ".".join(path)
    if depth:
        for embed, _ in excluded.inside.get(table, ()):
            for inner in _paths(excluded, embed.table, depth - 1):
                yield ".".join((*embed.path, inner))
