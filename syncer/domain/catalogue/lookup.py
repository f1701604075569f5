"""All models that Kombo lists, by name, and how users pick some of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cache

from syncer.domain.catalogue.model import Model
from syncer.domain.catalogue.models import (
    assessment,
    ats_candidates,
    ats_hiring,
    ats_jobs,
    ats_setup,
    hris_documents,
    hris_pay,
    hris_people,
    hris_skills,
    hris_talent,
    hris_time,
    lms,
)
from syncer.domain.errors import UsageError
from syncer.domain.suggestions import did_you_mean

#: The files of the catalogue in the order of the documentation; each lists its own models.
_FILES = (
    *(hris_people, hris_time, hris_documents, hris_talent, hris_pay, hris_skills),
    *(ats_jobs, ats_candidates, ats_setup, ats_hiring),
    lms,
    assessment,
)


@cache
def catalogue() -> dict[str, Model]:
    """List all models by name, in the order of the documentation."""
    return {model.name: model for file in _FILES for model in file.MODELS}


@cache
def model_named(name: str) -> Model:
    """Look a model up by its name.

    Raises UsageError with the nearest names where there is none.
    """
    models = catalogue()
    if name not in models:
        raise UsageError(_unknown(name))
    return models[name]


def select_models(patterns: Sequence[str], added: Sequence[Model] = ()) -> tuple[Model, ...]:
    """Select the models that any of the globs names, in catalogue order, then those of the added lists.

    Raises UsageError for a glob that names none.
    """
    return _select_models(tuple(patterns), tuple(added))


@cache
def _select_models(patterns: tuple[str, ...], added: tuple[Model, ...]) -> tuple[Model, ...]:
    models = (*catalogue().values(), *added)
    for pattern in patterns:
        if not any(fnmatchcase(model.name, pattern) for model in models):
            raise UsageError(_unknown(pattern, [model.name for model in added]))
    return tuple(model for model in models if any(fnmatchcase(model.name, pattern) for pattern in patterns))


def select_names(patterns: Sequence[str], others: Collection[str]) -> set[str]:
    """Select names of models, and of other lists, by globs; all where there is no glob.

    Raises UsageError for a glob that fits none.
    """
    named: set[str] = set()
    for pattern in patterns or ("*",):
        found = {name for name in (*others, *catalogue()) if fnmatchcase(name, pattern)}
        if not found:
            raise UsageError(_unknown(pattern, others))
        named |= found
    return named


def category_models(wanted: Iterable[Model], category: str | None, spec: Iterable[str]) -> tuple[Model, ...]:
    """Narrow the wanted models to those that an integration of this category can have.

    listed: webhook names of the models that Kombo lists for it. The category counts only where they agree
    with it; without a category any model is possible.
    """
    own = (category or "").lower()
    if not own or any(name.partition("_")[0] != own for name in spec):
        return tuple(wanted)
    return tuple(model for model in wanted if model.category == own)


def _unknown(name: str, others: Collection[str] = ()) -> str:
    hint = did_you_mean(name, (*others, *catalogue())) or " `syncer models` lists them."
    return f"There is no model {name!r}.{hint}"
