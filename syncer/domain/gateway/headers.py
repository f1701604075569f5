"""Choose the headers that pass the gateway, on the way there and back. Pure.

Names are compared in lower case; headers keep their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from syncer.domain.errors import UsageError

Header = tuple[bytes, bytes]

#: Request header that asks for Kombo's own answer, and response header that says whose it is.
MIRROR = b"x-mirror"
#: Moment (ISO 8601, UTC) as of which an answer of the mirror's is complete.
COMPLETE_AS_OF = b"x-mirror-complete-as-of"
#: Environment of a call that names no integration.
ENVIRONMENT = b"x-mirror-environment"
INTEGRATION = b"x-integration-id"

#: Headers of one connection (RFC 9110, 7.6.1; RFC 9112), beside those that ``Connection`` names.
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
#: What is between the application and the gateway: its token, cookies, what proxies on the way have added.
#: The length is that of what is sent.
_OURS = frozenset(
    {
        b"authorization",
        b"content-length",
        b"cookie",
        b"expect",
        b"forwarded",
        b"host",
        b"via",
        b"x-real-ip",
        MIRROR,
        ENVIRONMENT,
    }
)
_OF_PROXIES = b"x-forwarded-"
#: What tells of the bytes of a body, and may be a hash of them.
_OF_BODY = frozenset(
    {
        b"accept-ranges",
        b"content-digest",
        b"content-encoding",
        b"content-length",
        b"content-md5",
        b"content-range",
        b"digest",
        b"etag",
        b"repr-digest",
        b"transfer-encoding",
    }
)
#: Encodings of an answer that can be looked into.
_KNOWN_ENCODINGS = ("gzip", "deflate", "identity")


def sole(headers: Iterable[Header], name: bytes) -> str | None:
    """Read a header that may be there once; None without it. Raises UsageError where it is there twice."""
    values = [value for each, value in headers if each.lower() == name]
    if len(values) > 1:
        raise UsageError(f"The header {name.decode()} is there {len(values)} times.")
    return values[0].decode("latin-1").strip() if values else None


def to_kombo(headers: Sequence[Header]) -> list[Header]:
    """Choose the headers of a request that Kombo is to see; ours for Kombo's connection come on top."""
    dropped = _named(headers)
    kept = [
        (name, value)
        for name, value in headers
        if name.lower() not in dropped
        and name.lower() not in _OURS
        and name.lower() != b"accept-encoding"
        and not name.lower().startswith(_OF_PROXIES)
    ]
    accepted = b", ".join(value for name, value in headers if name.lower() == b"accept-encoding")
    return [*kept, (b"accept-encoding", accepted_encodings(accepted))]


def to_application(headers: Sequence[Header]) -> list[Header]:
    """Choose the headers of an answer of Kombo's that the application is to see."""
    dropped = _named(headers)
    if any(name.lower() == b"transfer-encoding" for name, _ in headers):
        # Where both are there the length is not the body's.
        dropped = dropped | {b"content-length"}
    # Nothing but the gateway says what it has answered itself.
    dropped = dropped | {MIRROR, COMPLETE_AS_OF}
    return [(name, value) for name, value in headers if name.lower() not in dropped]


def of_another_body(headers: Sequence[Header], size: int | None) -> list[Header]:
    """Make the headers of an answer those of another body, which is not compressed.

    size: its bytes; None: there is none.
    """
    kept = [(name, value) for name, value in headers if name.lower() not in _OF_BODY]
    return kept if size is None else [*kept, (b"content-length", str(size).encode())]


def merged(headers: Iterable[Header]) -> dict[str, str]:
    """Read headers into one text for each name in lower case; values of a name are joined by commas."""
    found: dict[str, str] = {}
    for name, value in headers:
        key, text = name.lower().decode("latin-1"), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def accepted_encodings(accepted: bytes) -> bytes:
    """Leave of ``Accept-Encoding`` what can be looked into, with its weights; ``identity`` without any."""
    found = [
        part.strip()
        for part in accepted.decode("latin-1").split(",")
        if part.partition(";")[0].strip().lower() in _KNOWN_ENCODINGS
    ]
    return ", ".join(found).encode("latin-1") or b"identity"


def _named(headers: Iterable[Header]) -> frozenset[bytes]:
    """Name the headers that end at this hop."""
    return _HOP_BY_HOP | frozenset(_listed(headers))


def _listed(headers: Iterable[Header]) -> Iterator[bytes]:
    for name, value in headers:
        if name.lower() == b"connection":
            yield from (each.strip().lower() for each in value.split(b","))
