"""Reasons why there is no answer, in words that say what to do: name, network, proxy, TLS."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus

from syncer.domain.limits import MOST_HEADER_BYTES
from syncer.domain.texts.scrub import scrub
from syncer.http_client.library import httpx
from syncer.http_client.proxy import Proxy

#: OpenSSL's codes for a chain that ends with nobody whom we trust.
_UNKNOWN_ISSUER = {2, 18, 19, 20, 21}

#: httpx's texts may quote the peer; these do not.
_REASONS: dict[type[Exception], str] = {
    httpx.ConnectTimeout: "it took too long to connect",
    httpx.PoolTimeout: "all connections were busy for too long",
    httpx.TimeoutException: "it was silent for too long",
    httpx.LocalProtocolError: "the integration's id cannot be sent",
    httpx.InvalidURL: "the address cannot be sent",
    httpx.ProtocolError: "it broke off or was not HTTP",
    httpx.ReadError: "the connection broke while reading",
    httpx.WriteError: "the connection broke while sending",
}
_BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


def is_unsent(error: Exception) -> bool:
    """Tell whether the request has not left this host, or has come no further than a proxy."""
    return isinstance(error, _BEFORE_SENDING)


def is_lasting(error: Exception) -> bool:
    """Tell whether no retry mends the error: what cannot be sent, and whom a proxy or we do not trust."""
    if isinstance(error, httpx.ProxyError):
        return 400 <= _status(error) < 500
    is_not_sendable = isinstance(error, httpx.LocalProtocolError | httpx.InvalidURL)
    return is_not_sendable or any(isinstance(each, ssl.SSLCertVerificationError) for each in _causes(error))


class HeadersTooLarge(httpx.RemoteProtocolError):
    """Error of a response whose headers came at once: of others the parser refuses what is too large."""


async def check_headers(response: httpx.Response) -> None:
    """Raise HeadersTooLarge where the headers have more bytes than the parser holds until they end."""
    if sum(len(name) + len(value) for name, value in response.headers.raw) > MOST_HEADER_BYTES:
        raise HeadersTooLarge("too large headers", request=response.request)


def has_too_large_headers(error: Exception) -> bool:
    """Tell whether the headers were too large, or did not end within what the parser of HTTP holds."""
    hint = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    given_up = any(getattr(each, "error_status_hint", None) == hint for each in _causes(error))
    return given_up or isinstance(error, HeadersTooLarge)


def describe_error(error: Exception, proxy: Proxy | None) -> str:
    """Describe why there is no answer, as the end of a sentence."""
    if isinstance(error, httpx.ProxyError) and proxy is not None:
        return describe_refusal(_status(error), proxy)
    reason = next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), None)
    if reason is None:
        return _describe_connect_error(error, proxy)
    return reason if proxy is None or not is_unsent(error) else f"{reason} to {proxy.shown}"


def _describe_connect_error(error: Exception, proxy: Proxy | None) -> str:
    causes = list(_causes(error))
    for each in causes:
        if isinstance(each, ssl.SSLCertVerificationError):
            return _certificate(each, proxy)
        if isinstance(each, ssl.SSLError):
            reason = (each.reason or "it broke off").lower().replace("_", " ")
            return f"TLS failed{_through(proxy)} (SSL: {reason})"
    system = [each for each in causes if isinstance(each, OSError) and each.errno is not None]
    # What was tried last, and nearest to the system.
    reason = _words(system[-1]) if system else scrub(str(error)) or type(error).__name__
    return reason if proxy is None else f"{proxy.shown} cannot be reached: {reason}"


def describe_refusal(status: int, proxy: Proxy) -> str:
    """Describe why the proxy does not let a request through, as the end of a sentence."""
    if status == 407:
        what = "user name and password" if proxy.auth is None else "another user name and password"
        return f"{proxy.shown} wants {what} (HTTP 407)"
    return f"{proxy.shown} does not let it through (HTTP {status})"


def _status(error: httpx.ProxyError) -> int:
    """Read the status with which the proxy refused; 502 where it gave none."""
    code = str(error)[:3]
    return int(code) if code.isdecimal() else 502


def _certificate(error: ssl.SSLCertVerificationError, proxy: Proxy | None) -> str:
    said = error.verify_message.rstrip(".")
    if error.verify_code in _UNKNOWN_ISSUER:
        return (
            f"the certificate{_through(proxy)} is signed by nobody who is trusted ({said}): "
            "name the file with the certificate of your CA in SSL_CERT_FILE"
        )
    return f"the certificate{_through(proxy)} is not valid ({said})"


def _through(proxy: Proxy | None) -> str:
    return "" if proxy is None else f" through {proxy.shown}"


def _words(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"its name cannot be found ({error.strerror})"
    return os.strerror(error.errno or 0).lower()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk from an error to what caused it; of several connections that were tried, all."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            for each in cause.exceptions:
                yield from _causes(each)
        cause = cause.__cause__ or cause.__context__
