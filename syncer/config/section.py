"""Base of the sections of the configuration, and checks that several of them have."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from syncer.config.list_names import check_glob
from syncer.config.values import list_of_texts
from syncer.config.written import Written
from syncer.domain.errors import UsageError


class Section(BaseModel):
    """Table of the configuration without unknown keys; each field has a description."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


def passes(check: Callable[[str], object]) -> AfterValidator:
    """Validate a text by a function that raises UsageError."""

    def validated(value: str) -> str:
        try:
            check(value)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return value

    return AfterValidator(validated)


#: Globs over the models of the catalogue and the added lists.
Globs = Annotated[
    tuple[Annotated[str, passes(check_glob)], ...],
    BeforeValidator(partial(list_of_texts, example="hris_*")),
    Field(min_length=1),
    Written("list of globs"),
]
