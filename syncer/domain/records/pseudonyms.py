"""Pseudonyms: texts that stand for values, the same for equal values, told by nobody without the key. Pure.

A pseudonym is ``p_`` and 32 hexadecimal digits. The first 24 are those of HMAC-SHA-256 of the value, the
last 8 those of the same HMAC of what stands before them: by these whoever has the key tells a pseudonym from
any other text. So a value that is replaced twice, or while other processes do the same, is replaced once.
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass, field
from typing import Any

import msgspec

PREFIX = "p_"
#: Digits that tell one value from another, of which two in 10^9 are the same with a chance of 10^-11, and
#: those that check.
VALUE_DIGITS, CHECK_DIGITS = 24, 8

_FORM = re.compile(rf"{PREFIX}[0-9a-f]{{{VALUE_DIGITS + CHECK_DIGITS}}}")
_canonical = msgspec.json.Encoder(decimal_format="number", order="sorted")


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """The pseudonyms of one key. fingerprint: tells one key from another, and gives none away.

    secret: the key; None where no more is known of it than its fingerprint: then there is no pseudonym.
    """

    fingerprint: str
    secret: bytes | None = field(default=None, repr=False)

    @classmethod
    def of_key(cls, key: str) -> Pseudonyms:
        """Give the pseudonyms of a key."""
        secret = key.encode()
        return cls(_digits(secret, "fingerprint of a key of pseudonyms", 16), secret)

    def replace(self, value: Any) -> Any:
        """Replace a JSON value by its pseudonym; what is a pseudonym already stays, as null and "" do.

        Of a list each entry is replaced. What is no text stands for its JSON: 17 has the pseudonym of "17".
        Raises RecursionError.
        """
        match value:
            case None | "":
                return value
            case str():
                return value if self.is_own(value) else self._of(value)
            case list():
                return [self.replace(each) for each in value]
            case _:
                return self._of(_json(value))

    def renew(self, value: Any) -> Any:
        """Replace a stored JSON value: as ``replace``, and null for a pseudonym under another key.

        Nobody can tell what that one stood for. Raises RecursionError.
        """
        if isinstance(value, list):
            return [self.renew(each) for each in value]
        is_other = isinstance(value, str) and _FORM.fullmatch(value) and not self.is_own(value)
        return None if is_other else self.replace(value)

    def is_own(self, text: str) -> bool:
        """Tell whether a text is a pseudonym under this key."""
        if not _FORM.fullmatch(text):
            return False
        return hmac.compare_digest(text[-CHECK_DIGITS:], self._hmac(text[:-CHECK_DIGITS], CHECK_DIGITS))

    def _of(self, text: str) -> str:
        start = PREFIX + self._hmac(text, VALUE_DIGITS)
        return start + self._hmac(start, CHECK_DIGITS)

    def _hmac(self, text: str, digits: int) -> str:
        if self.secret is None:
            raise ValueError("no more is known of the key than its fingerprint")
        return _digits(self.secret, text, digits)


def _json(value: Any) -> str:
    try:
        return _canonical.encode(value).decode()
    except UnicodeEncodeError:
        # With halves of characters, as records in quarantine may have them.
        return json.dumps(value, sort_keys=True, default=str)


def _digits(secret: bytes, text: str, digits: int) -> str:
    # A text of JSON may have halves of characters.
    return hmac.digest(secret, text.encode("utf-8", "surrogatepass"), "sha256").hex()[:digits]
