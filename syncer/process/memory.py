"""Memory of a process that runs for years: what the C library keeps, what the collector looks through."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def without_collecting() -> Iterator[None]:
    """Let the garbage collector rest while much is made that stays: to look through it is an eighth of the
    time that it takes to import the program.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def pass_over_what_stays() -> None:
    """Have the garbage collector leave alone what there is by now: modules, tables and models, which stay.

    Going through these takes it a tenth of a second in which nothing else happens, and a load has it do so
    again and again. Call it once everything is imported.
    """
    gc.freeze()
