"""Paging of a ``[[passthrough]]``: its keys and their checks are those that the paging styles declare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field, create_model, model_validator

from syncer.config.section import Section
from syncer.domain.native.paging.base import PagingStyle
from syncer.domain.native.paging.keys import Key, keys_of, keys_of_all
from syncer.domain.native.paging.single import SinglePageStyle
from syncer.domain.native.paging.styles import STYLES


def _with_keys_of(styles: Mapping[str, type[PagingStyle]]) -> Callable[[type[PageTable]], type[PageTable]]:
    """Add the keys of all styles to a table; which of them belong to its style is checked afterwards."""
    fields: dict[str, Any] = {key.field: _field(key) for key in keys_of_all(styles.values())}
    fields["style"] = (cast(Any, Literal)[tuple(styles)], SinglePageStyle.style)

    def add(table: type[PageTable]) -> type[PageTable]:
        return create_model(table.__name__, __base__=table, __module__=table.__module__, **fields)

    return add


def _field(key: Key) -> tuple[Any, Any]:
    """Translate a key for pydantic; the default that counts is that of the style."""
    type_: Any = key.type
    if key.least is not None:
        type_ = Annotated[type_, Field(ge=key.least)]
    if key.check is not None:
        type_ = Annotated[type_, AfterValidator(_passing(key.check))]
    return type_ | None, Field(default=None, alias=None if key.name == key.field else key.name)


def _passing(check: Callable[[Any], object]) -> Callable[[Any], Any]:
    """Make a validator of a check: what passes it stays as it is."""

    def validate(value: Any) -> Any:
        if value is not None:
            check(value)
        return value

    return validate


@_with_keys_of(STYLES)
class PageTable(Section):
    """Paging of a native list."""

    style: str = SinglePageStyle.style

    @model_validator(mode="after")
    def _has_the_keys_of_the_style(self) -> PageTable:
        style = STYLES[self.style]
        given = self._given()
        if missing := [key.name for key in keys_of(style) if key.is_required and key.field not in given]:
            raise ValueError(f"of style {self.style} needs {' and '.join(missing)}")
        own = {key.field for key in keys_of(style)}
        names = {name: field.alias or name for name, field in type(self).model_fields.items()}
        if superfluous := sorted(names[field] for field in given.keys() - own):
            raise ValueError(f"of style {self.style} takes no {' and no '.join(superfluous)}")
        return self

    def paging(self) -> PagingStyle:
        """Return the style with the values of its keys."""
        return STYLES[self.style](**self._given())

    def _given(self) -> dict[str, Any]:
        fields = self.model_fields_set - {"style"}
        return {name: value for name in fields if (value := getattr(self, name)) is not None}
