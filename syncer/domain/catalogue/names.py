"""Names that Kombo has for lists, in ``read_models`` and webhooks, and those that nobody here knows. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache

from syncer.domain.catalogue.lookup import catalogue

#: Form of a list's name; other texts are not repeated.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
#: Names in webhooks of what Kombo lists and embeds nowhere. Which lists have news then nobody knows.
WITHOUT_LIST = frozenset({"hris_skill_rating_providers"})


@cache
def lists_by_name() -> Mapping[str, str]:
    """Map each of Kombo's names to the model whose list has the records."""
    return {told: model.name for model in catalogue().values() for told in model.webhook_names}


def unknown_models(names: Iterable[str] | None, added: Collection[str] = ()) -> tuple[str, ...]:
    """Find the names of lists that neither the catalogue nor the configuration has. added: names of these."""
    known = lists_by_name().keys() | WITHOUT_LIST
    return tuple(
        each for each in names or () if each not in known and each not in added and _NAME.fullmatch(each)
    )


def suggested_path(name: str) -> str:
    """Guess the path of the list of that name, by the rule that most of Kombo's paths follow."""
    category, _, rest = name.partition("_")
    return f"/{category}/{rest.replace('_', '-')}"


def suggested_lines(name: str) -> tuple[str, ...]:
    """Write the lines of configuration that mirror a list which the catalogue lacks."""
    return (
        "[[lists]]",
        f'name = "{name}"',
        f'path = "{suggested_path(name)}"  # as Kombo\'s API reference has it',
        'columns = { name = "text" }  # what the view is to show beside `document`',
    )
