"""Keep a local SQL database equal to what the Kombo unified HR API holds.

    from syncer import Mirror

    mirror = Mirror("config.toml")
    for result in mirror.sync():
        print(result.key, result.outcome)

What ``__all__`` names is the API that keeps its shape within a major version. Everything else may change.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Mirror", "Outcome", "Result", "SyncerError", "UsageError", "__version__"]

if TYPE_CHECKING:
    from syncer.domain.errors import SyncerError, UsageError
    from syncer.domain.streams.state import Outcome
    from syncer.library.mirror import Mirror
    from syncer.sync.context import Result

#: Where each name is, to be imported once it is used: the command line starts without any of it.
_HOMES = {
    "Mirror": "syncer.library.mirror",
    "Outcome": "syncer.domain.streams.state",
    "Result": "syncer.sync.context",
    "SyncerError": "syncer.domain.errors",
    "UsageError": "syncer.domain.errors",
}


def __getattr__(name: str) -> Any:
    """Import a name of the public API. Raises AttributeError for any other."""
    if name not in _HOMES:
        raise AttributeError(f"module 'syncer' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
