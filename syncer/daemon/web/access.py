"""Access to the pages: the names to which the service answers, and the token that opens them."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from syncer.config.web import Web

#: Paths that are open to everybody: probes know neither the token nor a name. Webhooks are let in by their
#: signature alone, and come under the name that a proxy has for the world.
OPEN = frozenset({"/healthz", "/readyz", "/webhooks/kombo"})
#: Names that no server of names can lead elsewhere.
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
#: Nothing is loaded from anywhere but here, nothing runs but our script, no other page gets at it, and no
#: cache keeps it unless the response says otherwise.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
#: ``NAME``, ``NAME:PORT``, ``[IPv6]`` or ``[IPv6]:PORT``.
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]/@\s]+))(?::\d*)?")


def host_name(text: str) -> str | None:
    """Parse the name in a ``Host`` header, without the port; None where there is none."""
    found = _HOST.fullmatch(text)
    return comparable(found[1] or found[2]) if found is not None else None


def comparable(name: str) -> str:
    """Return a name or address in the form in which two are equal that mean the same."""
    try:
        address = ip_address(name)
    except ValueError:
        return name.lower().removesuffix(".")
    return str(getattr(address, "ipv4_mapped", None) or address)


def is_token(authorization: str, token: str) -> bool:
    """Tell whether an ``Authorization`` header has the token: as bearer, or as anybody's password.

    It takes as long whatever of it is wrong.
    """
    scheme, _, given = authorization.partition(" ")
    secret = given.strip().encode()
    match scheme.lower():
        case "bearer":
            pass
        case "basic":
            try:
                secret = base64.b64decode(secret, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        case _:
            return False
    return hmac.compare_digest(secret, token.encode())


def is_bearer(authorization: str, token: str) -> bool:
    """Tell whether an ``Authorization`` header has the token as bearer; it takes as long if it is wrong."""
    scheme, _, given = authorization.partition(" ")
    return hmac.compare_digest(given.strip().encode(), token.encode()) and scheme.lower() == "bearer"


class Access:
    """Rules of who is served."""

    def __init__(self, web: Web) -> None:
        self._names = {*LOOPBACK, *map(comparable, (web.host, *web.hosts))}
        self._token = web.token.get_secret_value()

    def refusal(self, scope: Scope) -> Response | None:
        """Make the response to a request that is not served; None for one that is."""
        headers = Headers(scope=scope)
        # A name that leads here only because its owner says so belongs to a page that wants to read this one.
        name = host_name(headers.get("host", ""))
        address = (scope.get("server") or ("",))[0]
        if name is None or (name not in self._names and name != comparable(address)):
            return PlainTextResponse(
                "The service does not answer to this name: add it to web.hosts.\n", status_code=421
            )
        if self._token and not is_token(headers.get("authorization", ""), self._token):
            refused = PlainTextResponse("The token is missing or wrong.\n", status_code=401)
            refused.headers["WWW-Authenticate"] = 'Basic realm="syncer", charset="UTF-8"'
            refused.headers.append("WWW-Authenticate", 'Bearer realm="syncer"')
            return refused
        return None


class Guard:
    """Middleware that refuses who may not see a page, and puts the headers on every response.

    apart: the beginning of paths that no page is below, and which have their own rules.
    """

    def __init__(self, app: ASGIApp, access: Access, apart: str | None = None) -> None:
        self._app = app
        self._access = access
        self._apart = apart

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with the refusal."""
        if scope["type"] != "http" or (self._apart is not None and scope["path"].startswith(self._apart)):
            return await self._app(scope, receive, send)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = None if scope["path"] in OPEN else self._access.refusal(scope)
        return await (refusal or self._app)(scope, receive, send_with_headers)
