"""Values of settings from texts, as environment variables have them: pydantic-settings decodes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from syncer.config.settings import Settings


def decode_texts(texts: Mapping[str, str]) -> dict[str, Any]:
    """Decode settings as nested tables from their texts by name, such as ``kombo__api_key``."""
    return _Texts(texts)()


class _Readable(Settings, BaseSettings):
    """The settings in the form that sources of pydantic-settings take."""

    model_config = SettingsConfigDict(env_nested_delimiter="__")


class _Texts(EnvSettingsSource):
    """Settings from texts, wherever these are from."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        super().__init__(_Readable)
        self.env_vars = texts

    def decode_complex_value(self, field_name: str, field: Any, value: Any) -> Any:
        """Decode JSON; what is none stays text, for the validation to say what is expected there."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value
