"""What a process does about its memory."""

import gc
import weakref

from syncer.process.memory import pass_over_what_stays


class Ring:
    """An object that only the collector can free."""

    def __init__(self) -> None:
        self.itself = self


def test_the_collector_passes_over_what_was_there_and_frees_what_comes_later() -> None:
    before = Ring()
    pass_over_what_stays()
    try:
        assert not any(each is before for each in gc.get_objects())
        later = weakref.ref(Ring())
        gc.collect()
        assert later() is None
    finally:
        gc.unfreeze()
