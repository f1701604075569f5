"""Section ``[verify]``: how often the service verifies the mirror."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

from syncer.config.section import Section
from syncer.config.values import positive
from syncer.config.written import Written
from syncer.domain.durations import parse_duration

#: Value that switches it off.
OFF = "off"


def interval(value: object) -> timedelta | None:
    """Parse the time between two verifications; None: there are none."""
    if value is None or value == OFF:
        return None
    try:
        return positive(parse_duration(value))
    except ValueError:
        raise ValueError('should be "off" or a duration such as "30d"') from None


class Verify(Section):
    """Verification by the service."""

    every: Annotated[timedelta | None, BeforeValidator(interval), Written('duration or "off"')] = Field(
        default=None,
        description='Time between two verifications of a stream by `syncer run`, such as "30d"; "off": none.'
        " Each takes as many requests as a full walk, after all others.",
    )
