"""Addresses of receivers that messages are posted to.

They may hold a token: nothing of a refused one is repeated.
"""

from __future__ import annotations

from urllib.parse import urlsplit


def check_receiver(url: str, *, example: str, instead: str) -> None:
    """Check the address of a receiver. Raises ValueError.

    instead: what is done in place of a user and a password.
    """
    try:
        parts = urlsplit(url)
        is_readable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_readable = False
    is_text = url.isascii() and url.isprintable() and " " not in url
    if not is_readable or not is_text or parts.scheme not in ("http", "https"):
        raise ValueError(f"should be a URL such as {example}")
    if "@" in parts.netloc:
        raise ValueError(f"should be a URL without user and password: {instead}")
    if parts.fragment:
        raise ValueError("should be a URL without a fragment")
