"""Configuration keys of a paging style, declared as metadata of its dataclass fields.

``first: int | None = field(default=None, metadata=key(least=0))`` is the optional key ``first`` of
``[passthrough.page]``; a field without a default is a key that the style needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from typing import Any, get_type_hints

from msgspec import Struct


class Key(Struct, frozen=True):
    """Configuration key of a paging style.

    name: as it is written. field: of the style. type: of its values. check: raises ValueError with the end of
    a sentence that begins with the key. least: of a number.
    """

    name: str
    field: str
    type: Any
    is_required: bool
    check: Callable[[Any], object] | None
    least: int | None


def key(
    *, name: str | None = None, check: Callable[[Any], object] | None = None, least: int | None = None
) -> dict[str, Any]:
    """Return the metadata of a field that is a key. name: where it is not the field's."""
    return {"name": name, "check": check, "least": least}


def keys_of(style: type) -> tuple[Key, ...]:
    """List the keys of a style in the order of its fields."""
    types = get_type_hints(style)
    return tuple(
        Key(
            name=each.metadata.get("name") or each.name,
            field=each.name,
            type=types[each.name],
            is_required=each.default is MISSING and each.default_factory is MISSING,
            check=each.metadata.get("check"),
            least=each.metadata.get("least"),
        )
        for each in fields(style)
    )


def keys_of_all(styles: Iterable[type]) -> tuple[Key, ...]:
    """Collect the keys of several styles, each key once.

    Raises TypeError where two styles declare one key in different ways: a key means one thing.
    """
    keys: dict[str, Key] = {}
    for style in styles:
        for key in keys_of(style):
            known = keys.setdefault(key.name, key)
            if _meaning(known) != _meaning(key):
                raise TypeError(f"{style.__name__} declares the key {key.name} in another way")
    return tuple(keys.values())


def _meaning(key: Key) -> tuple[object, ...]:
    return key.field, key.type | None, key.check, key.least
