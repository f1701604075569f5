"""Signature of webhooks: https://docs.kombo.dev/guides/webhooks.

It covers the raw body: a body that was parsed and written again is another one.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable

#: Header that bears the signature.
SIGNATURE_HEADER = "X-Kombo-Signature"


def sign(body: bytes, secret: str) -> str:
    """Sign a body: the HMAC-SHA256 in base64 for URLs, without padding. The secret's text is the key."""
    digest = hmac.digest(secret.encode(), body, "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_signed(body: bytes, signature: str | None, secrets: Iterable[str]) -> bool:
    """Tell whether one of the secrets has signed the body.

    It takes as long whatever is wrong, and whichever secret it was. The signature counts as it came: one in
    hexadecimal digits, with padding or with blanks is none.
    """
    given = (signature or "").encode("utf-8", "surrogatepass")
    matches = [hmac.compare_digest(given, sign(body, secret).encode()) for secret in secrets]
    return any(matches)
