"""Digest of records: the same for whoever has the same records, from wherever.

    record  ->  canonical JSON  ->  SHA-256
    sorted by id: "<id> <SHA-256 in hex>\n" …  ->  SHA-256

``docs/verify.md`` has a script that makes it from the API alone, in the same words of the standard library.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256


def _number(text: str) -> float:
    # JavaScript, which Kombo writes its JSON in, has no other numbers; and -0 is 0 in a database.
    return float(text) + 0.0


def canonical_json(text: bytes) -> bytes:
    """Write a JSON text in its canonical form: members sorted, no white space, ASCII, numbers as doubles.

    Raises ValueError, RecursionError.
    """
    value = json.loads(text, parse_int=_number, parse_float=_number)
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def record_hash(text: bytes) -> bytes:
    """Hash a record's JSON text: 32 bytes. Raises as ``canonical_json``."""
    return sha256(canonical_json(text)).digest()


def digest(records: Iterable[tuple[str, bytes]]) -> str:
    """Make the digest of records, in hex: of each id and hash, sorted by id."""
    lines = sha256()
    for record_id, hashed in records:
        lines.update(f"{record_id} {hashed.hex()}\n".encode())
    return lines.hexdigest()
