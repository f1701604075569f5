"""Calls of a tool's own API: Kombo's checks and envelope around what the simulated tools answer.

What Kombo does not document is decided here: an API that it does not have, or that is of another tool than
the integration's, a body that it cannot read and a missing option are 400 and PLATFORM.INPUT_INVALID. An API
that no file here plays answers with what it was asked.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from syncer.domain.gateway.kombo_words import InvalidInput
from syncer.domain.native.call import METHODS
from syncer.domain.native.tools import apis
from syncer.simulator.server.faults import Reply, native_answer
from syncer.simulator.server.integration import SimIntegration
from syncer.simulator.tools import greenhouse as native_greenhouse
from syncer.simulator.tools import hibob as native_hibob
from syncer.simulator.tools import nmbrs as native_nmbrs
from syncer.simulator.tools import personio as native_personio
from syncer.simulator.tools import teamtailor as native_teamtailor
from syncer.simulator.tools import workday as native_workday
from syncer.simulator.tools.call import NativeCall, NativeReply

#: What each API answers, by name.
PLAYED: Mapping[str, Callable[[NativeCall], NativeReply]] = {
    "greenhouse/harvest": native_greenhouse.harvest,
    "hibob/v1": native_hibob.v1,
    "nmbrs/soap": native_nmbrs.soap,
    "personio/jobboard": native_personio.jobboard,
    "personio/personnel": native_personio.personnel,
    "teamtailor/v1": native_teamtailor.v1,
    "workday/custom-report": native_workday.custom_report,
    "workday/rest": native_workday.rest,
    "workday/soap": native_workday.soap,
}
_TEXTS = ("headers", "params", "api_options")


def called(body: bytes) -> tuple[str | None, dict[str, str]]:
    """Read the method and path of a call, ``GET /people``, and its parameters, those in the path too.

    None and no parameters where it cannot be read.
    """
    try:
        request = json.loads(body)
        in_path = parse_qsl(urlsplit(request["path"]).query)
        return f"{request['method']} {request['path']}", {**dict(in_path), **request.get("params", {})}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, {}


def carry_out(integration: SimIntegration, api: str, body: bytes) -> Reply:
    """Carry out a call and wrap the tool's response into a success. Raises InvalidInput."""
    call, wants_base64 = _read(integration, api, body)
    reply = PLAYED.get(api, _echo)(call)
    data = reply.data
    if wants_base64 and data is not None:
        data = base64.b64encode(data if isinstance(data, bytes) else _text(data).encode()).decode()
    elif isinstance(data, bytes):
        # What becomes of a file that is taken for text.
        data = data.decode(errors="replace")
    return native_answer(reply.status, data, reply.headers, url=_url(api, call))


def _read(integration: SimIntegration, api: str, body: bytes) -> tuple[NativeCall, bool]:
    if api not in apis():
        raise InvalidInput(f"There is no passthrough API {api}.")
    if api.partition("/")[0] != integration.tool:
        raise InvalidInput(f"The integration {integration.id} is not one of {api.partition('/')[0]}.")
    try:
        request = json.loads(body)
    except ValueError:
        raise InvalidInput("The body is not JSON.") from None
    if not isinstance(request, dict) or request.get("method") not in METHODS:
        raise InvalidInput("body.method: expected one of GET, POST, DELETE, PUT, PATCH.")
    if not isinstance(request.get("path"), str):
        raise InvalidInput("body.path: expected a string.")
    for name in _TEXTS:
        part = request.get(name, {})
        if not isinstance(part, dict) or not all(isinstance(value, str) for value in part.values()):
            raise InvalidInput(f"body.{name}: expected an object of strings.")
    if not isinstance(request.get("data"), dict | list | str | None):
        raise InvalidInput("body.data: expected an array, an object or a string.")
    options = request.get("api_options", {})
    for option in apis()[api].required:
        if not options.get(option):
            raise InvalidInput(f"body.api_options.{option}: required for {api}.")
    call = NativeCall(
        company=integration.company,
        api=api,
        method=request["method"],
        path=request["path"],
        params=request.get("params", {}),
        headers=request.get("headers", {}),
        data=request.get("data"),
        form=_form(request.get("multipart_form_data", [])),
        options=options,
    )
    return call, request.get("response_as_base64") is True


def _form(parts: Any) -> dict[str, str | bytes]:
    try:
        return {
            part["name"]: part["value"]
            if isinstance(part["value"], str)
            else base64.b64decode(_typed(part["value"])["data"], validate=True)
            for part in parts
        }
    except (KeyError, TypeError, ValueError):
        raise InvalidInput("body.multipart_form_data: expected names with texts or files.") from None


def _typed(file: Any) -> Any:
    """Check that a file says what it is. Raises KeyError."""
    return {**file, "name": file["name"], "content_type": file["content_type"]}


def _echo(call: NativeCall) -> NativeReply:
    if isinstance(call.data, str):
        return NativeReply(200, call.data, {"content-type": "text/plain"})
    request = {"method": call.method, "path": call.path, "params": call.query, "data": call.data}
    return NativeReply(200, request)


def _text(data: Any) -> str:
    return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)


def _url(api: str, call: NativeCall) -> str:
    """Build the URL as Kombo does; with a token in it, as some tools want it."""
    base = next(iter(apis()[api].base_urls), f"https://{api.replace('/', '.')}.example")
    return f"{base.rstrip('/')}{call.path}{'&' if '?' in call.path else '?'}access_token=t0ken-of-the-tool"
