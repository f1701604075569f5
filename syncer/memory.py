"""What the C library keeps of the memory that is done with: little, in a process that runs for years."""

from __future__ import annotations

import ctypes

#: Parameters of glibc's mallopt(3), with what they are set to. By default each thread may get an arena of its
#: own, and larger and larger blocks are kept for later: pages of records come in all sizes and from many
#: threads, so that holes between them grow for hours.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_BLOCK = 128 * 1024
_ARENAS = 2


def keep_little() -> None:
    """Have large blocks given back to the system as soon as they are free. Does nothing without glibc."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_ARENA_MAX, _ARENAS)
    mallopt(_MMAP_THRESHOLD, _BLOCK)
    mallopt(_TRIM_THRESHOLD, _BLOCK)
