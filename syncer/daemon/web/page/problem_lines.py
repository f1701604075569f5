"""Lines on problems for the status page: what many integrations share is one line. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from syncer.domain.streams.state import MEANINGS, StreamState

#: Lines that are shown at most, and integrations with one problem from which on they share a line.
MOST_LINES = 12
SHARED_FROM = 4
#: Models that are named in a line.
MOST_NAMES = 4

_MOST_URGENT_FIRST = {state: place for place, state in enumerate(MEANINGS)}


class ProblemLine(Struct, frozen=True):
    """One problem, of one integration or of several.

    streams: how many have it. since, due_at: ISO text, the earliest of all. failures: in a row, the most.
    retry: the command that tries again; None where that is no way out.
    """

    state: StreamState
    integrations: tuple[str, ...]
    models: tuple[str, ...]
    streams: int
    reason: str
    since: str | None
    failures: int
    due_at: str | None
    retry: str | None

    @property
    def key(self) -> str:
        """Name of the line, which stays the same while the problem does."""
        return f"{self.state} {self.integrations[0] if len(self.integrations) == 1 else ''} {self.reason}"

    @property
    def shown_models(self) -> str:
        """The models, or the number of many and the first of them."""
        names = self.models
        if len(names) <= MOST_NAMES + 1:
            return ", ".join(names)
        return f"{len(names):,} models: {', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES:,} more"


def problem_lines(problems: Iterable[Mapping[str, Any]]) -> list[ProblemLine]:
    """Make the lines of the problems of a status report, the most urgent first."""
    alike: dict[tuple[StreamState, str], list[Mapping[str, Any]]] = defaultdict(list)
    for each in problems:
        alike[StreamState(each["state"]), each["reason"]].append(each)
    lines = []
    for group in alike.values():
        # Commands of problems that no run can mend are for one integration.
        is_shared = len(group) >= SHARED_FROM and all(each["retry"] for each in group)
        lines += [_line(group)] if is_shared else [_line([each]) for each in group]
    return sorted(lines, key=lambda each: (_MOST_URGENT_FIRST[each.state], -len(each.integrations)))


def _line(group: list[Mapping[str, Any]]) -> ProblemLine:
    first = group[0]
    return ProblemLine(
        state=StreamState(first["state"]),
        integrations=tuple(each["integration"] for each in group),
        models=tuple(dict.fromkeys(model for each in group for model in each["models"])),
        streams=sum(len(each["models"]) for each in group),
        reason=first["reason"],
        since=min((each["since"] for each in group if each["since"]), default=None),
        failures=max(each["failures"] for each in group),
        due_at=min((each["due_at"] for each in group if each["due_at"]), default=None),
        # No command is for several integrations and for no others.
        retry=first["retry"] if len(group) == 1 else None,
    )
