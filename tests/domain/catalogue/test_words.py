"""Names and meanings in the catalogue, and how users pick models by name."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from syncer.domain.catalogue.lookup import catalogue, model_named, select_models
from syncer.domain.catalogue.model import Child, Column, Link, Model
from syncer.domain.errors import UsageError
from tests.support.for_each import for_each


def parts(model: Model) -> Iterator[Model | Link | Child]:
    yield model
    yield from model.links
    yield from model.children


def tables() -> Iterator[tuple[str, str, tuple[Column, ...]]]:
    """Name, meaning and columns of every table."""
    for model in catalogue().values():
        for part in parts(model):
            yield part.name if isinstance(part, Model) else part.table, part.meaning, part.columns


def meanings() -> Iterator[tuple[str, str]]:
    for table, meaning, columns in tables():
        yield table, meaning
        yield from ((f"{table}.{column.name}", column.meaning) for column in columns)


@for_each(("where", "meaning"), meanings(), called=lambda pair: pair[0])
def test_a_meaning_is_one_short_sentence(where: str, meaning: str) -> None:
    assert len(meaning) < 160
    assert meaning[0].isupper()
    assert meaning == " ".join(meaning.split())
    assert not re.search(r"[.!?](\s|$)", meaning)


@for_each("model", catalogue().values(), called=lambda model: model.name)
def test_a_title_is_a_short_name(model: Model) -> None:
    assert re.fullmatch(r"[A-Z][a-z-]+( [a-z]+){0,3}", model.title)


def test_titles_tell_models_apart() -> None:
    titles = [model.title for model in catalogue().values()]
    assert len(set(titles)) == len(titles)


def test_names_fit_any_database() -> None:
    """PostgreSQL cuts names at 63 bytes."""
    for table, _, columns in tables():
        for name in (table, f"{table}_live", *(column.name for column in columns)):
            assert len(name.encode()) <= 63
            assert re.fullmatch(r"[a-z][a-z0-9_]*", name)


# --- picking models ----------------------------------------------------------------------------------


def test_a_glob_selects_models_in_catalogue_order() -> None:
    picked = [model.name for model in select_models(["lms_*", "hris_absence?", "hris_groups"])]
    assert picked == [
        "hris_groups",
        "hris_absences",
        "lms_users",
        "lms_courses",
        "lms_course_progressions",
        "lms_skills",
    ]


def test_a_star_selects_everything() -> None:
    assert select_models(["*"]) == tuple(catalogue().values())


@pytest.mark.parametrize(
    ("written", "meant"),
    [("hris_employee", "hris_employees"), ("hris_team", "hris_timesheets"), ("ats_job", "ats_jobs")],
)
def test_an_unknown_name_is_an_error_with_a_near_one(written: str, meant: str) -> None:
    with pytest.raises(UsageError, match=rf"no model '{written}'.*{meant}"):
        model_named(written)
    with pytest.raises(UsageError, match=rf"no model '{written}'.*{meant}"):
        select_models(["hris_*", written])


def test_a_glob_that_names_nothing_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"no model 'xyz_\*'.*`syncer models`"):
        select_models(["xyz_*"])
