"""Way to an address: trusted certificates and the proxy, as the environment names them."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

# What connections stand on; it takes a while to be read, and httpcore would do so in the first request.
import anyio._backends._asyncio  # noqa: F401
import httpx

from syncer.http_client.proxy import Proxy, find_proxy, not_an_address
from syncer.http_client.tls import make_tls_context

# httpx logs addresses with their queries, httpcore the headers of answers: nothing for a log file.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Route:
    """Way to an address; proxy: None where it is reached directly, http_proxy: the same for the library."""

    tls: ssl.SSLContext
    proxy: Proxy | None
    http_proxy: httpx.Proxy | None


def find_route(url: str, environ: Mapping[str, str], *, is_direct: bool = False) -> Route:
    """Find the way to an address; is_direct: no proxy is looked for.

    Raises UsageError that names the variable which cannot be followed.
    """
    tls = make_tls_context(environ)
    proxy = None if is_direct else find_proxy(url, environ)
    return Route(tls, proxy, None if proxy is None else _http_proxy(proxy, tls))


def no_cookies() -> CookieJar:
    """Make a jar that stays empty."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


def _http_proxy(proxy: Proxy, tls: ssl.SSLContext) -> httpx.Proxy:
    """Make httpx's proxy. Raises UsageError where its name cannot be one of a host."""
    url, is_https = f"{proxy.scheme}://{proxy.host}", proxy.scheme == "https"
    try:
        return httpx.Proxy(url, ssl_context=tls if is_https else None, auth=proxy.auth)
    except httpx.InvalidURL:
        raise not_an_address(proxy.variable) from None
