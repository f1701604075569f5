"""Words for what a setting takes, which its type bears for the reference of the configuration."""

from __future__ import annotations

from msgspec import Struct


class Written(Struct, frozen=True):
    """Form of a value in the configuration, such as "duration"; metadata of the type."""

    form: str
