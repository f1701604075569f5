"""Build and read calls of a tool's own API through Kombo: request out, the tool's answer in. No I/O.

An error of the tool is a success of Kombo: only ``NativeAnswer.status`` tells.

Sources: Kombo's OpenAPI document and its Python SDK 1.4.0, ``send_passthrough_request``.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote

import msgspec

from syncer.domain.errors import Doubtful, KomboError, Transient, UsageError
from syncer.domain.native.base64_text import read_base64
from syncer.domain.native.call import Call, File
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.records.record import text_hash
from syncer.kombo.concurrency import Slots
from syncer.kombo.envelope import Envelope
from syncer.kombo.errors import RequestInfo, error_from_response, unreadable
from syncer.kombo.headers import read_free_slots, read_served_at
from syncer.kombo.request import Request
from syncer.kombo.retry import is_undone

#: A header's value that is shorter is no secret, and taking it out of a text would spoil the text.
SHORTEST_SECRET = 6

_ADDRESS = re.compile(r"(?P<scheme>https?://)(?:[^\s/?#@]*@)?(?P<rest>[^\s?#]*)[^\s]*")


@dataclass(frozen=True)
class NativeAnswer:
    """Answer of a tool to a call of its own API.

    status: the tool's HTTP status; 400 and above is its failure. headers: a list where the tool sent one
    several times. body: the JSON text of the body as Kombo passed it on, None where there was none.
    is_base64: the body is base64 text, as was asked for. warnings: Kombo's, for people. url: what was called;
    may hold secrets. served_at: Kombo's time (UTC), None if not told.
    """

    status: int
    headers: dict[str, str | list[str]] = field(repr=False)
    body: bytes | None = field(repr=False)
    url: str = field(default="", repr=False)
    warnings: tuple[str, ...] = field(default=(), repr=False)
    is_base64: bool = False
    served_at: datetime | None = field(default=None, repr=False)

    @property
    def is_well(self) -> bool:
        """Tell whether the tool did what it was asked for."""
        return self.status < 400

    @cached_property
    def data(self) -> Any:
        """Decode the body: object or list where it was JSON, else a string; None where there is none."""
        return None if self.body is None else json.loads(self.body.decode(errors="replace"), strict=False)

    @property
    def content(self) -> bytes:
        """Return the body as bytes: base64 is decoded, text is UTF-8, JSON as Kombo passed it on."""
        if self.is_base64:
            return base64.b64decode(self.data)
        if isinstance(self.data, str):
            return self.data.encode(errors="replace")
        return self.body or b""


def native_request(
    call: Call,
    integration_id: str,
    slots: Slots,
    hide: Callable[[str], str],
    *,
    quotes: bool = False,
) -> Request[NativeAnswer]:
    """Build the request of a call; quotes: errors go to the person who made it.

    Raises UsageError where its data cannot be written as JSON.
    """
    tool, _, api = call.api.partition("/")
    return Request(
        path=f"/passthrough/{quote(tool, safe='')}/{quote(api, safe='')}",
        read=partial(
            read_native_answer,
            call=call,
            integration_id=integration_id,
            told=slots.told,
            hide=hide,
            quotes=quotes,
        ),
        # A write goes first and may use the reserve.
        purpose=Purpose.INCREMENTAL if call.is_read else Purpose.WRITE,
        integration_id=integration_id,
        headers={b"X-Integration-Id": integration_id.encode(), b"Content-Type": b"application/json"},
        body=native_body(call),
        slots=slots,
        once=not call.is_read,
    )


def native_body(call: Call) -> bytes:
    """Write the body for Kombo; parts that the call does not have are left out. Raises UsageError."""
    body: dict[str, Any] = {"method": call.method, "path": call.path}
    for name, part in (("headers", call.headers), ("params", call.params), ("api_options", call.options)):
        if part:
            body[name] = dict(part)
    if call.data is not None:
        body["data"] = call.data
    if call.form:
        body["multipart_form_data"] = [{"name": name, "value": _form_value(part)} for name, part in call.form]
    if call.wants_base64:
        body["response_as_base64"] = True
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        raise UsageError("The data of the call cannot be written as JSON.") from None


def _form_value(part: str | File) -> str | dict[str, str]:
    if isinstance(part, str):
        return part
    content = base64.b64encode(part.content).decode()
    return {"name": part.name, "content_type": part.content_type, "data": content}


def read_native_answer(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    call: Call,
    integration_id: str,
    told: Callable[[int | None], None] = lambda _: None,
    hide: Callable[[str], str] = str,
    quotes: bool = False,
) -> NativeAnswer:
    """Read the tool's answer in Kombo's.

    headers: lower-case names. told hears how many more calls may begin.

    Raises a KomboError by the answer's code and status; Transient for a success without an answer in it.
    """
    told(read_free_slots(headers))
    request = RequestInfo(
        f"{call.method} through {call.api} of {integration_id}",
        integration_id,
        is_call=True,
        hide=lambda text: _without_secrets(hide(text), call),
        quotes=quotes,
    )
    if status // 100 != 2:
        raise error_from_response(status, headers, body, request)
    try:
        answer = replace(_answer(body), served_at=read_served_at(headers))
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise unreadable(status, headers, body, "it holds no answer of the tool", request) from None
    if not call.wants_base64 or not isinstance(answer.data, str):
        return answer
    try:
        return replace(answer, is_base64=read_base64(answer.data) is not None)
    except ValueError as error:
        # The report of a failure need not be base64, and what a write has done is not to be hidden.
        if answer.is_well and call.is_read:
            raise _cut_off(unreadable(status, headers, body, str(error), request), body) from None
        return answer


def _cut_off(error: KomboError, body: bytes) -> KomboError:
    """Note the answer, so that the same one is not asked for again and again."""
    if isinstance(error, Transient):
        error.answer = text_hash(body)
    return error


def doubtful(error: KomboError, call: Call) -> KomboError:
    """Turn the error of a call into Doubtful where it may have been carried out."""
    if call.is_read or is_undone(error):
        return error
    return Doubtful(
        f"{str(error).rstrip('.')}. The {call.method} may have been carried out all the same: "
        "look there before you send it again.",
        code=error.code,
        status=error.status,
        integration_id=error.integration_id,
    )


def _answer(body: bytes) -> NativeAnswer:
    """Read the answer in a success. Raises ValueError or msgspec.DecodeError where there is none."""
    try:
        envelope = _decoder.decode(body)
        text = bytes(envelope.data.data) or None
    except (msgspec.DecodeError, UnicodeDecodeError):
        # A lone surrogate or the like in a tool's text must not hide what a call has done.
        value = json.loads(body.decode(errors="surrogateescape"), strict=False)
        data = value.get("data") if isinstance(value, dict) else None
        text = None
        if isinstance(data, dict) and "data" in data:
            text = json.dumps(data.pop("data")).encode()
        envelope = msgspec.convert(value, Envelope[_Native])
    if envelope.status != "success":
        raise ValueError("it does not say success")
    return NativeAnswer(
        status=envelope.data.status,
        headers={name: _header(value) for name, value in (envelope.data.headers or {}).items()},
        body=text,
        url=envelope.data.url or "",
        warnings=tuple(
            each["message"]
            for each in (envelope.warnings if isinstance(envelope.warnings, list) else ())
            if isinstance(each, dict) and isinstance(each.get("message"), str)
        ),
    )


def _header(value: Any) -> str | list[str]:
    return [str(each) for each in value] if isinstance(value, list) else str(value)


def _without_secrets(text: str, call: Call) -> str:
    """Remove queries of addresses and values of the call's headers from a text of the server's."""
    for value in call.headers.values():
        if len(value) >= SHORTEST_SECRET:
            text = text.replace(value, "[header]")
    return _ADDRESS.sub(r"\g<scheme>\g<rest>", text)


class _Native(msgspec.Struct):
    status: int
    url: str | None = None
    headers: dict[str, Any] | None = None
    data: msgspec.Raw = msgspec.Raw(b"")


_decoder = msgspec.json.Decoder(Envelope[_Native])
