"""Tests that go through many small cases at once: a test of its own for each costs more than it does."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeAlias

Test: TypeAlias = Callable[..., None]


def for_each(
    names: str | tuple[str, ...], cases: Iterable[Any], *, called: Callable[[Any], str] = str
) -> Callable[[Test], Test]:
    """Have a test go through all cases, and fail with each that fails, by what it is called.

    names: of the arguments that a case is, or of the one. What fixtures give is the same for all cases.
    """
    arguments = (names,) if isinstance(names, str) else names
    listed = list(cases)
    assert listed, "no cases show nothing"

    def decorate(test: Test) -> Test:
        @wraps(test)
        def go_through(**fixtures: Any) -> None:
            failed: list[Exception] = []
            for case in listed:
                values = (case,) if isinstance(names, str) else case
                try:
                    test(**fixtures, **dict(zip(arguments, values, strict=True)))
                except Exception as error:
                    error.add_note(f"This is of {called(case)}.")
                    failed.append(error)
            if failed:
                raise ExceptionGroup(f"{len(failed)} of {len(listed)} fail", failed)

        given = inspect.signature(test)
        kept = [each for name, each in given.parameters.items() if name not in arguments]
        vars(go_through)["__signature__"] = given.replace(parameters=kept)
        return go_through

    return decorate
