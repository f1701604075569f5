"""Faults of size: answers that are larger than they look, or than anybody can hold."""

from __future__ import annotations

import gzip
import json
from typing import Any

from syncer.simulator.server.faults import Mangled, Reply, rewritten

_MIB = 1024 * 1024


def compressed_bomb(mib: int = 1024) -> Reply:
    """Reply with a small archive that becomes so many mebibytes of blanks."""
    return Reply(200, gzip.compress(b" " * _MIB) * mib, headers={"content-encoding": "gzip"})


def large_headers(size: int = 200_000) -> Reply:
    """Reply with a page that is empty, and headers that are not."""
    body = b'{"status":"success","data":{"next":null,"results":[]}}'
    return Reply(200, body, headers={"x-trace": "x" * size})


def large_records(size: int, records: int = 1) -> Mangled:
    """Give the first records of the true page a member of so many characters."""

    def enlarge(page: Any) -> Any:
        for record in page["data"]["results"][:records]:
            record["note"] = "x" * size
        return page

    return rewritten(enlarge)


def too_large_above(records: int, size: int = 65 * _MIB) -> Mangled:
    """Make pages of more than so many records so large; the others stay as they are."""

    def pad(body: bytes) -> bytes:
        return body.ljust(size) if len(json.loads(body)["data"]["results"]) > records else body

    return Mangled(pad)
