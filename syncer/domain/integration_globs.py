"""Selection of integrations by ids and globs. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from syncer.domain.errors import UsageError
from syncer.domain.suggestions import did_you_mean


def select_integrations(patterns: Sequence[str], known: Collection[str], where: str = "") -> list[str]:
    """Select ids by globs such as ``personio:*``, in the order of those known; all where there is no glob.

    where: the environments, as the end of a clause. Raises UsageError for a glob that fits none.
    """
    selected: set[str] = set()
    for pattern in patterns or ("*",):
        found = {each for each in known if fnmatchcase(each, pattern)}
        if not found and patterns:
            hint = did_you_mean(pattern, known) or _of_tool(pattern, known)
            raise UsageError(
                f"{pattern} is not mirrored{where}.{hint} `syncer integrations list` shows what is."
            )
        selected |= found
    return [each for each in known if each in selected]


def _of_tool(name: str, known: Collection[str]) -> str:
    """Suggest a glob to somebody who names a tool alone."""
    return f" Did you mean '{name}:*'?" if any(each.startswith(f"{name}:") for each in known) else ""
