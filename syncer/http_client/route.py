"""Way to an address: certificates and proxy as the environment names them, and clients that go it."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from http.cookiejar import CookieJar
from typing import Any

# What connections stand on; it takes a while to be read, and httpcore would do so in the first request.
import anyio._backends._asyncio  # noqa: F401
import httpcore
from msgspec import Struct

from syncer.http_client.connect_errors import check_headers
from syncer.http_client.library import httpx
from syncer.http_client.proxy import Proxy, find_proxy, not_an_address
from syncer.http_client.tls import make_tls_context

# httpx logs addresses with their queries, httpcore the headers of answers: nothing for a log file.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

#: Bytes that are read from a connection at once: as many as asyncio gives. A page has half a million.
_READ_BYTES = 256 * 1024
httpcore.AsyncHTTP11Connection.READ_NUM_BYTES = _READ_BYTES


class Route(Struct, frozen=True):
    """Way to an address; proxy: None where it is reached directly, http_proxy: the same for the library."""

    tls: ssl.SSLContext
    proxy: Proxy | None
    http_proxy: httpx.Proxy | None


class _NoCookies(CookieJar):
    """Jar that keeps nothing: what one answer sets is no part of the next request."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Look for no cookies: with a policy that takes none each answer's headers would be parsed."""


def find_route(url: str, environ: Mapping[str, str], *, is_direct: bool = False) -> Route:
    """Find the way to an address; is_direct: no proxy is looked for.

    Raises UsageError that names the variable which cannot be followed.
    """
    proxy = None if is_direct else find_proxy(url, environ)
    is_encrypted = url.startswith("https:") or (proxy is not None and proxy.scheme == "https")
    tls = make_tls_context(environ, is_used=is_encrypted)
    return Route(tls, proxy, None if proxy is None else _http_proxy(proxy, tls))


def make_client(
    route: Route,
    *,
    timeout: float,
    connect_timeout: float,
    connections: int,
    keepalive: float,
    headers: Mapping[str, str],
    base_url: httpx.URL | str = "",
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """Make a client that goes this way, follows no redirection and keeps no cookie.

    timeout: seconds of silence; connect_timeout: seconds to connect, where timeout is not shorter; keepalive:
    seconds that a connection is kept unused. transport replaces the network.
    """
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=httpx.Timeout(timeout, connect=min(connect_timeout, timeout)),
        limits=httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=keepalive
        ),
        follow_redirects=False,
        event_hooks={"response": [check_headers]},
        cookies=_NoCookies(),
        transport=transport,
        # Variables are read by find_route alone: those that httpx cannot read would end the program.
        trust_env=False,
        verify=route.tls,
        proxy=route.http_proxy,
    )


def _http_proxy(proxy: Proxy, tls: ssl.SSLContext) -> httpx.Proxy:
    """Make httpx's proxy. Raises UsageError where its name cannot be one of a host."""
    url, is_https = f"{proxy.scheme}://{proxy.host}", proxy.scheme == "https"
    try:
        return httpx.Proxy(url, ssl_context=tls if is_https else None, auth=proxy.auth)
    except httpx.InvalidURL:
        raise not_an_address(proxy.variable) from None
