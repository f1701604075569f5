"""Find the lists that a write has changed, by its path. Pure.

Sources: the paths of Kombo's Python SDK 1.4.0 and of its OpenAPI document.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from syncer.domain.catalogue.model import Model

#: Lists that a write changes beside those that its path names: {} is any id.
_ALSO: Mapping[str, tuple[str, ...]] = {
    "/ats/candidates": ("/ats/applications",),
    "/ats/candidates/{}/result-links": ("/ats/applications",),
    "/ats/import-tracked-application": ("/ats/applications", "/ats/candidates"),
    "/ats/jobs/{}/applications": ("/ats/candidates",),
    "/ats/applications/{}/result-links": ("/ats/candidates",),
    "/hris/absences": ("/hris/time-off-balances",),
    "/hris/absences/{}": ("/hris/time-off-balances",),
    "/hris/employees": ("/hris/employments",),
    "/hris/employees/form": ("/hris/employments",),
    "/hris/employees/{}": ("/hris/employments",),
}
#: Paths whose first segment is a list, and which change nothing of it.
_CHANGE_NOTHING = ("/hris/employees/{}/documents",)


def written_lists(path: str, lists: Mapping[str, Model]) -> frozenset[str]:
    """Name the lists whose records a successful write to a path has made, changed or removed.

    lists: those of Kombo's that can be mirrored, by their paths.

    A segment that is a list of its part of the API is one of them: ``/ats/applications/ID/notes`` is of
    applications and of notes. None for calls of a tool's own API, and for what concerns no list.
    """
    if any(_fits(each, path) for each in _CHANGE_NOTHING):
        return frozenset()
    _, category, *rest = path.rstrip("/").split("/") if path.count("/") > 1 else ("", "")
    named = {f"/{category}/{segment}" for segment in rest}
    also = {each for pattern, paths in _ALSO.items() if _fits(pattern, path) for each in paths}
    return frozenset(lists[each].name for each in named | also if each in lists)


def _fits(pattern: str, path: str) -> bool:
    return re.fullmatch(pattern.replace("{}", "[^/]+"), path.rstrip("/")) is not None
