"""Define a call of a tool's own API, and check its parts, whatever the tool. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncer.domain.errors import UsageError

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

# RFC 9110, section 5.6.2.
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True, slots=True)
class File:
    """File in a form. content_type: such as application/pdf."""

    name: str
    content: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class Call:
    """Call of a tool's own API.

    api: tool and API, such as ``hibob/v1``. method: one of METHODS. path: what follows the API's base URL,
    such as ``/bulk/people/work``; may hold a query. params: a query on top of it. headers: without those of
    authentication, which Kombo adds. data: the body; an object or a list goes out as JSON, a string as it
    is. form: (name, text or File) pairs of a multipart body instead. options: what Kombo needs to know
    beyond that, such as ``service_name`` for ``workday/rest``. wants_base64: have the answer's body sent as
    base64, which keeps files whole. is_listing: it only lists, whatever its method says, as searches by POST
    and most of SOAP do.

    Only api and method are shown where the call is: the rest may hold secrets.
    """

    api: str
    method: str
    path: str = field(repr=False)
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    data: Any = field(default=None, repr=False)
    form: Sequence[tuple[str, str | File]] = field(default=(), repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    wants_base64: bool = False
    is_listing: bool = field(default=False, repr=False)

    @property
    def is_read(self) -> bool:
        """Tell whether the call may be sent again whatever became of it."""
        return self.method == "GET" or self.is_listing


def is_xml(data: object) -> bool:
    """Tell whether a body is XML as far as its beginning tells."""
    return isinstance(data, str) and data.lstrip("\ufeff \t\r\n").startswith("<")


def check_parts(call: Call) -> None:
    """Check what holds for every API. Raises UsageError."""
    tool, slash, api = call.api.partition("/")
    if not slash or "/" in api or {tool, api} & {"", ".", ".."}:
        raise UsageError(f"{call.api!r} names no API: write TOOL/API, such as hibob/v1.")
    if call.method not in METHODS:
        raise UsageError(f"{call.method!r} is no method: it is one of {', '.join(METHODS)}.")
    if not call.path.startswith("/"):
        raise UsageError("The path begins with a slash and follows the API's base URL: /company/employees.")
    if not call.path.isprintable() or " " in call.path:
        raise UsageError("The path holds a blank or a control character: write %20 for a blank.")
    if call.data is not None and call.form:
        raise UsageError("A call has either data or a form as its body, not both.")
    for name, value in call.headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise UsageError(f"{name!r} cannot be the name of a header.")
        if any(ord(character) < 32 or ord(character) == 127 for character in value.replace("\t", "")):
            raise UsageError(f"The value of the header {name} holds a control character.")
    for name, part in call.form:
        if isinstance(part, File) and not re.fullmatch(r"[^/\s]+/[^/\s]+(\s*;.*)?", part.content_type):
            raise UsageError(f"The file {part.name} of the form ({name}) needs a type, such as text/plain.")
