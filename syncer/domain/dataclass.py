"""Data classes as the standard library's, whose ``__init__`` is compiled when the first object is made.

``dataclasses.dataclass`` composes and compiles up to seven methods of a class when its module is read. A
short command reads two hundred such classes and makes objects of fifty: that was an eighth of its time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(
        cls: type | None = None, /, *, frozen: bool = False, slots: bool = False, eq: bool = True
    ) -> Any:
        """Make a class a data class, as the standard library's decorator of this name does."""

        def make(cls: type) -> type:
            return _complete(cls, frozen=frozen, slots=slots, eq=eq)

        return make if cls is None else make(cls)


__all__ = ["dataclass"]


def _complete(cls: type, *, frozen: bool, slots: bool, eq: bool) -> type:
    """Add what makes a data class of it, but for methods that it has of its own."""
    own = set(vars(cls))
    # It finds the fields, and compiles nothing.
    made: type = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots)(cls)
    methods: dict[str, Any] = {"__init__": _first_init(made, frozen=frozen), "__repr__": _repr}
    if eq:
        compared = _values_of(each.name for each in fields(made) if each.compare)
        methods |= {"__eq__": _eq(compared), "__hash__": _hash(compared) if frozen else None}
    if frozen:
        methods |= {"__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}
    if frozen and slots:
        methods |= {"__getstate__": _state, "__setstate__": _set_state}
    for name, method in methods.items():
        # A class with an __eq__ of its own has None here.
        if name not in own or (name == "__hash__" and vars(made)[name] is None):
            setattr(made, name, method)
    return made


def _first_init(cls: type, *, frozen: bool) -> Callable[..., None]:
    def __init__(self: Any, /, *args: Any, **named: Any) -> None:
        composed = _compose_init(fields(cls), frozen=frozen, is_followed=hasattr(cls, "__post_init__"))
        composed.__qualname__ = f"{cls.__qualname__}.__init__"
        cls.__init__ = composed  # type: ignore[misc]
        composed(self, *args, **named)

    return __init__


def _compose_init(of_class: Iterable[Field[Any]], *, frozen: bool, is_followed: bool) -> Callable[..., None]:
    """Compose and compile the ``__init__`` of a class with these fields.

    is_followed: the class has a ``__post_init__``.
    """
    known: dict[str, Any] = {"_set": object.__setattr__, "_missing": MISSING}
    parameters: dict[bool, list[str]] = {False: [], True: []}
    lines = []
    for each in of_class:
        name, value, default = each.name, each.name, ""
        if each.default_factory is not MISSING:
            known[f"_make_{name}"] = each.default_factory
            made, default = f"_make_{name}()", "=_missing"
            value = f"{made} if {name} is _missing else {name}" if each.init else made
        elif each.default is not MISSING:
            known[f"_default_{name}"] = each.default
            default = f"=_default_{name}"
            value = name if each.init else f"_default_{name}"
        elif not each.init:
            continue
        if each.init:
            parameters[bool(each.kw_only)].append(f"{name}{default}")
        lines.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if is_followed:
        lines.append("self.__post_init__()")
    named = ["*", *parameters[True]] if parameters[True] else []
    head = ", ".join(["self", *parameters[False], *named])
    exec(f"def __init__({head}):\n    " + "\n    ".join(lines or ["pass"]), known)
    composed: Callable[..., None] = known["__init__"]
    return composed


def _values_of(names: Iterable[str]) -> Callable[[Any], Any]:
    """Make a function that gives the values of these fields: what objects are compared by."""
    wanted = tuple(names)
    return attrgetter(*wanted) if wanted else lambda _: ()


def _eq(values: Callable[[Any], Any]) -> Callable[[Any, object], Any]:
    def __eq__(self: Any, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return values(self) == values(other)

    return __eq__


def _hash(values: Callable[[Any], Any]) -> Callable[[Any], int]:
    def __hash__(self: Any) -> int:
        return hash(values(self))

    return __hash__


@recursive_repr()
def _repr(self: Any) -> str:
    shown = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{type(self).__qualname__}({shown})"


def _refuse_to_set(_self: object, name: str, _value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, each.name) for each in fields(self)]


def _set_state(self: Any, state: Iterable[Any]) -> None:
    for each, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)
