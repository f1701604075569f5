"""Fingerprints of plain values."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any


def fingerprint_of(value: Any) -> str:
    """Digest a value of JSON: 32 hexadecimal digits, whatever the order of members.

    The database keeps fingerprints: with another form of them all that bears one would count as changed.
    """
    return blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()


def key_fingerprint(api_key: str) -> str:
    """Hash the API key to the name of its budget row, which does not give the key away."""
    return blake2b(api_key.encode(), digest_size=8, person=b"syncer-budget").hexdigest()
