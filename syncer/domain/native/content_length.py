"""Compare a tool's body with the length that the tool promised: less than that may have come. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Bytes by which compression may make a short text longer; the length is that of the compressed one.
_OVERHEAD = 24
#: Encodings with more than a byte for letters of ASCII, unlike the UTF-8 in which the text is counted.
_WIDE = re.compile(r"charset\s*=\s*[\"']?(utf-?16|utf-?32|ucs)", re.IGNORECASE)


def check_length(headers: Mapping[str, str | list[str]], content: str | bytes) -> None:
    """Check a body that was passed on as text or base64. headers: the tool's. Raises ValueError."""
    promised = _header(headers, "content-length")
    if not promised.isdecimal() or _WIDE.search(_header(headers, "content-type")):
        return
    size = len(content if isinstance(content, bytes) else content.encode(errors="surrogatepass"))
    if int(promised) > size + _OVERHEAD:
        raise ValueError(f"it is cut off: {int(promised):,} bytes were promised, and {size:,} came")


def _header(headers: Mapping[str, str | list[str]], wanted: str) -> str:
    for name, value in headers.items():
        if name.lower() == wanted and isinstance(value, str):
            return value.strip()
    return ""
