"""Plugin of pytest: the fixture ``kombo_simulator``.

pytest imports this file in every project where syncer is installed: nothing else is imported until a test
asks for the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from syncer.testing.kombo_simulator import KomboSimulator


def pytest_configure(config: pytest.Config) -> None:
    """Name the mark that says what is simulated."""
    config.addinivalue_line(
        "markers", "kombo(integrations=1, records=300, seed=0): what the fixture kombo_simulator serves"
    )


@pytest.fixture
def kombo_simulator(request: pytest.FixtureRequest) -> Iterator[KomboSimulator]:
    """A made-up Kombo that is served on this machine while the test runs, for this test alone."""
    from syncer.testing.kombo_simulator import simulated

    mark = request.node.get_closest_marker("kombo")
    with simulated(**({} if mark is None else mark.kwargs)) as simulator:
        yield simulator
