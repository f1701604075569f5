"""Settings of malloc and of the garbage collector."""

import gc
import weakref

from syncer.process.memory import gc_freeze


class Ring:
    """An object that only the collector can free."""

    def __init__(self) -> None:
        self.itself = self


def test_the_collector_ignores_what_was_frozen_and_frees_what_comes_later() -> None:
    before = Ring()
    gc_freeze()
    try:
        assert not any(each is before for each in gc.get_objects())
        later = weakref.ref(Ring())
        gc.collect()
        assert later() is None
    finally:
        gc.unfreeze()
