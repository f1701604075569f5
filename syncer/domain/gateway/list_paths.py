"""Find the list that the path of a request leads to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.model import Model


def list_at(path: str, added: Iterable[Model] = ()) -> Model | None:
    """Find the list of Kombo's that a path leads to; None where it leads to none.

    path: below the API's address, as it came, percent-encoded. added: lists that the catalogue lacks. Servers
    differ in what they take for one path: every spelling by which one of them may find the list leads to it.
    """
    wanted = _plain(path)
    return next((each for each in (*catalogue().values(), *added) if _plain(each.path) == wanted), None)


def _plain(path: str) -> str:
    """Spell a path in one way: decoded, in lower case, without what many servers do not look at."""
    return "/".join(map(_decoded, path.rstrip("/").split("/"))).lower()


def _decoded(segment: str) -> str:
    """Decode a segment as often as it is encoded, without what some servers take for parameters."""
    decoded = unquote(segment)
    return decoded.partition(";")[0].strip() if decoded == segment else _decoded(decoded)
