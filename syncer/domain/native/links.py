"""Follow a link to the next page: turn it into the path of the next call. Pure.

https://www.rfc-editor.org/rfc/rfc8288
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, unquote, unquote_plus, urljoin, urlsplit

from syncer.domain.native.call import Call
from syncer.domain.native.row_values import has_dot_segment

_PARAMETER = r"""\s*;\s*([^\s=;,"]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s",;]*))?"""
_PARAMETERS = re.compile(_PARAMETER)
_LINK = re.compile(rf"<([^>]*)>((?:{_PARAMETER})*)")


def next_in_header(headers: Mapping[str, str | list[str]]) -> str | None:
    """Find the address that the header Link names as the next one; None where it names none."""
    for link in _LINK.finditer(", ".join(_values(headers, "link"))):
        relations = [text for name, text in _PARAMETERS.findall(link[2]) if name.lower() == "rel"]
        # Only the first one counts.
        if relations and "next" in relations[0].strip('"').lower().split():
            return link[1].strip()
    return None


def path_of(link: str, call: Call, url: str) -> str:
    """Return the path and query of the link behind the API's base URL.

    url: what was called. Parameters that Kombo has added there, such as keys, are not in the path. Raises
    ValueError where the link leads elsewhere; nothing of it is repeated, it may hold secrets or a person.
    """
    called, asked = urlsplit(url), urlsplit(call.path)
    base = _base(called.path, asked.path)
    if not called.netloc or base is None:
        raise ValueError("cannot be followed: the answer does not say what was called")
    target = urlsplit(urljoin(url, link.replace(" ", "%20")))
    is_there = (
        # A tool behind a proxy may call itself http; Kombo goes on as before.
        target.scheme in ("http", "https")
        and target.netloc.lower() == called.netloc.lower()
        and target.path.startswith(f"{base}/")
        and not has_dot_segment(target.path)
    )
    if not is_there:
        is_same_host = target.netloc.lower() == called.netloc.lower()
        where = "another path" if is_same_host else "another host"
        raise ValueError(f"leads elsewhere: to {where}, not below that of the call")
    own = {name for name, _ in parse_qsl(asked.query, keep_blank_values=True)} | set(call.params)
    added = {name for name, _ in parse_qsl(called.query, keep_blank_values=True)} - own
    query = "&".join(
        part for part in target.query.split("&") if unquote_plus(part.partition("=")[0]) not in added
    )
    return target.path.removeprefix(base) + (f"?{query}" if query else "")


def _base(called: str, asked: str) -> str | None:
    """Return the path of the base URL: the called path without the requested one."""
    if called.endswith(asked):
        return called.removesuffix(asked).rstrip("/")
    # Some write characters of a path as %XX and others do not.
    plain, end = unquote(called), unquote(asked)
    return plain.removesuffix(end).rstrip("/") if plain.endswith(end) else None


def _values(headers: Mapping[str, str | list[str]], name: str) -> Iterable[str]:
    for each, value in headers.items():
        if each.lower() == name:
            yield from [value] if isinstance(value, str) else value
