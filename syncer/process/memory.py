"""Memory of a process that runs for years: settings of malloc and of the garbage collector."""

from __future__ import annotations

import gc

#: Parameters of glibc's mallopt(3), with what they are set to. By default each thread may get an arena of its
#: own, and larger and larger blocks are kept for later: pages of records come in all sizes and from many
#: threads, so that holes between them grow for hours.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_BLOCK = 128 * 1024
_ARENAS = 2
#: New objects from which garbage is collected: while the program runs, and while it starts, which makes some
#: 100,000 that stay. Python itself looks after 700, which a page of records has many times over, and of which
#: none is garbage that only the collector finds: 5 % of a first load.
_RUNNING = 10_000
_STARTING = 250_000


def tune_malloc() -> None:
    """Return large blocks to the system as soon as they are free. Does nothing without glibc."""
    # Heavy, and for a process that has an app alone.
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_ARENA_MAX, _ARENAS)
    mallopt(_MMAP_THRESHOLD, _BLOCK)
    mallopt(_TRIM_THRESHOLD, _BLOCK)


def gc_while_starting() -> None:
    """Collect no garbage while the program is imported, unless there is very much.

    Looking through what stays anyway takes an eighth of the time in which the program is imported.
    """
    gc.set_threshold(_STARTING)


def gc_while_running() -> None:
    """Collect garbage more seldom than Python does by itself."""
    gc.set_threshold(_RUNNING)


def gc_freeze() -> None:
    """Exempt all objects that exist by now from garbage collection: modules, tables and models, which stay.

    A collection of these stops the process for a tenth of a second, and under load there is one after the
    other. Call it once everything is imported.
    """
    gc.freeze()
