"""Proxy on the way to an address, as the usual environment variables name it.

HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are read as urllib reads them: in either case, lower case
first. NO_PROXY also takes addresses and networks of IPv4 and IPv6; an entry without meaning exempts nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

from syncer.domain.errors import UsageError

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """HTTP proxy. variable: the one that names it; host: with its port; auth: user name and password."""

    variable: str
    scheme: str
    host: str
    auth: tuple[str, str] | None = field(repr=False)

    @property
    def shown(self) -> str:
        """Name of it for people."""
        return f"the proxy {self.host} of {self.variable}"


def find_proxy(base_url: str, environ: Mapping[str, str]) -> Proxy | None:
    """Find the proxy for an address; None where it is reached directly.

    Raises UsageError that names the variable, and repeats nothing of it: it may hold a password.
    """
    url = urlsplit(base_url)
    variable = _variable(f"{url.scheme}_proxy", environ) or _variable("all_proxy", environ)
    exempt = _variable("no_proxy", environ)
    host, port = url.hostname or "", url.port or _PORTS[url.scheme]
    if variable is None or (exempt and _is_exempt(host.rstrip("."), port, environ[exempt])):
        return None
    return _parse(variable, environ[variable].strip())


def _variable(name: str, environ: Mapping[str, str]) -> str | None:
    """Find the variable by that name in either case; None where it is not set, or to nothing."""
    named = [name] if name in environ else [each for each in environ if each.lower() == name]
    return next((each for each in named if environ[each].strip()), None)


def _parse(variable: str, text: str) -> Proxy:
    try:
        url = urlsplit(text if "://" in text else f"http://{text}")
        host, port = url.hostname, url.port
    except ValueError:
        raise not_an_address(variable) from None
    if url.scheme not in _PORTS:
        kind = "SOCKS" if url.scheme.startswith("socks") else "no HTTP"
        raise UsageError(
            f"{variable} names a proxy that speaks {kind}: only those at http:// or https:// can be used."
        )
    # What comes behind the address may be the rest of a password.
    if not host or url.query or url.fragment or "@" in url.path or not text.isprintable() or " " in text:
        raise not_an_address(variable)
    name = f"[{host}]" if ":" in host else host
    auth = None if url.username is None else (unquote(url.username), unquote(url.password or ""))
    return Proxy(variable, url.scheme, name if port is None else f"{name}:{port}", auth)


def not_an_address(variable: str) -> UsageError:
    """Make the error of a variable that holds something else, or a password that is not escaped."""
    return UsageError(
        f"{variable} is not the address of a proxy: write http://HOST:PORT or "
        "http://USER:PASSWORD@HOST:PORT, with %23 for #, %2F for /, %3F for ? and %40 for @ in the password."
    )


def _is_exempt(host: str, port: int, entries: str) -> bool:
    """Tell whether one of the entries means the host: a name, its domain, an address or a network."""
    return any(_means(entry, host.lower(), port) for entry in re.split(r"[,\s]+", entries.lower()) if entry)


def _means(entry: str, host: str, port: int) -> bool:
    name = entry.rpartition("://")[2]
    with_port = re.fullmatch(r"(\[.*\]|[^:]*):(\d+)", name)
    if with_port:
        name = with_port[1]
        if int(with_port[2]) != port:
            return False
    name = name.strip("[]").removeprefix("*").removeprefix(".").rstrip(".")
    if not name:
        return entry == "*"
    try:
        return ip_address(host) in ip_network(name, strict=False)
    except ValueError:
        return host == name or host.endswith(f".{name}")
