"""Headers of answers."""

import pytest

from syncer.domain.ratelimit.budget import Rate
from syncer.kombo.headers import read_rate


def rate(limit: str, remaining: str, reset: str) -> Rate | None:
    return read_rate({"ratelimit-limit": limit, "ratelimit-remaining": remaining, "ratelimit-reset": reset})


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (("300", "298", "57"), Rate(300, 298, 57.0)),
        ((" 300 ", "298.0", "56.5"), Rate(300, 298, 56.5)),
        (("300;w=60", "298", "57"), Rate(300, 298, 57.0)),
        (("300, 300;w=60", "298", "57"), Rate(300, 298, 57.0)),
        (("300", "-2", "-1"), Rate(300, 0, 0.0)),
        (("300", "400", "57"), Rate(300, 300, 57.0)),
    ],
)
def test_the_budget_is_read_from_three_headers(told: tuple[str, str, str], expected: Rate) -> None:
    assert rate(*told) == expected


@pytest.mark.parametrize(
    "told",
    [
        ("0", "0", "57"),
        ("-300", "1", "57"),
        ("many", "298", "57"),
        ("300", "", "57"),
        ("300", "298", "soon"),
        ("300", "298", "1795253415"),
        ("nan", "298", "57"),
        ("300", "inf", "57"),
        ("300", "298", "1e3"),
        ("9" * 400, "298", "57"),
        ("٣٠٠", "298", "57"),
    ],
)
def test_headers_that_make_no_sense_tell_nothing(told: tuple[str, str, str]) -> None:
    assert rate(*told) is None


def test_a_missing_header_tells_nothing() -> None:
    assert read_rate({}) is None
    assert read_rate({"ratelimit-limit": "300", "ratelimit-remaining": "298"}) is None
