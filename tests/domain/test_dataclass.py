"""Our data classes are the standard library's in whatever their users can see."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field, fields, replace
from typing import Any

import pytest

from syncer.domain.dataclass import dataclass
from tests.support.for_each import for_each


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2
    names: list[str] = field(default_factory=list, compare=False)
    secret: str = field(default="hidden", repr=False, kw_only=True)


@dataclass(slots=True)
class Counter:
    count: int = 0
    doubled: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.doubled = self.count * 2


@dataclass(frozen=True, slots=True, eq=False)
class Same:
    value: int


@dataclass
class Nothing:
    pass


@dataclass(frozen=True)
class Named(Same):
    name: str = "some"

    def __repr__(self) -> str:
        return self.name


#: Bodies of classes, with the arguments of the decorator and of two objects of each.
CASES: dict[str, tuple[dict[str, bool], dict[str, Any], list[dict[str, Any]]]] = {
    "frozen": ({"frozen": True, "slots": True}, {"x": int, "y": int}, [{"x": 1, "y": 2}, {"x": 1, "y": 3}]),
    "one field": ({"frozen": True, "slots": True}, {"x": int}, [{"x": 1}, {"x": 2}]),
    "no field": ({"frozen": True, "slots": True}, {}, [{}, {}]),
    "mutable": ({"slots": True}, {"x": int}, [{"x": 1}, {"x": 1}]),
    "plain": ({}, {"x": int}, [{"x": 1}, {"x": 2}]),
    "by identity": ({"frozen": True, "slots": True, "eq": False}, {"x": int}, [{"x": 1}, {"x": 1}]),
}


def seen(decorator: Callable[..., Any], name: str) -> list[object]:
    """All that can be seen of a case's class and of its two objects."""
    options, annotations, arguments = CASES[name]
    made = decorator(**options)(type("Made", (), {"__annotations__": annotations, "__module__": __name__}))
    one, other = (made(**each) for each in arguments)
    hashable = made.__hash__ is not None
    found = [
        repr(one),
        one == other,
        one == made(**arguments[0]),
        one != 1,
        hashable,
        hashable and hash(one) == hash(made(**arguments[0])),
        made.__match_args__,
        dataclasses.asdict(one),
        hasattr(one, "__dict__"),
        [(each.name, each.type) for each in fields(made)],
    ]
    for wrong in ((1, 2, 3), ()):
        try:
            made(*wrong)
            found.append("taken")
        except TypeError as error:
            found.append(str(error).rpartition(".")[2])
    return found


@for_each("name", list(CASES))
def test_a_class_is_as_the_standard_library_makes_it(name: str) -> None:
    assert seen(dataclass, name) == seen(dataclasses.dataclass, name)


def test_defaults_factories_and_keywords_are_followed() -> None:
    assert (Point(1).y, Point(1, 5).y, Point(1, secret="s").secret) == (2, 5, "s")
    assert Point(1).names == []
    assert Point(1).names is not Point(1).names
    assert Point(1, names=["a"]) == Point(1)
    assert repr(Point(1)) == "Point(x=1, y=2, names=[])"
    assert (Counter(3).doubled, Nothing() == Nothing()) == (6, True)


def test_nothing_of_a_frozen_object_can_be_set_or_deleted() -> None:
    point = Point(1)
    with pytest.raises(FrozenInstanceError, match="x"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="x"):
        del point.x
    assert point.x == 1


def test_a_frozen_object_can_be_copied_replaced_and_pickled() -> None:
    point = Point(1, names=["a"])
    for made in (copy.copy(point), copy.deepcopy(point), pickle.loads(pickle.dumps(point)), replace(point)):
        assert made == point
        assert made.names == ["a"]
    assert replace(point, x=3).x == 3


def test_a_class_keeps_its_own_methods_and_may_extend_another() -> None:
    named = Named(1)
    assert (named.value, repr(named), repr(Named(1, "other"))) == (1, "some", "other")
    assert named == Named(1)
    assert Same(1) != Same(1)
