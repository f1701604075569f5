"""The library that the queue is made of, which only the extra ``workers`` installs."""

from __future__ import annotations

from importlib.util import find_spec

from syncer.domain.errors import UsageError


def require_library() -> None:
    """Raise UsageError where the library is not installed."""
    if find_spec("procrastinate") is None:
        raise UsageError(
            'workers.engine = "procrastinate" needs a library that is not installed: '
            "`pip install 'kombo-syncer[workers]'`, on every host that runs syncer."
        )
