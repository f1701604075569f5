"""Names of consumers of the change feed."""

from __future__ import annotations

import re

from syncer.domain.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_consumer_name(name: str) -> str:
    """Return a name that a consumer may have. Raises UsageError."""
    if _NAME.fullmatch(name) is None:
        raise UsageError(
            f"{name[:100]!a} cannot be the name of a consumer: letters, digits, '.', '_' and '-' can, "
            "100 at most, and it begins with a letter or digit."
        )
    return name
