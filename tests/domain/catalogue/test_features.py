"""Parameters of which nobody knows whether a list takes them."""

from __future__ import annotations

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.catalogue.model import PARAMETERS, Features, narrowed
from syncer.domain.catalogue.names import suggested_lines, unknown_models
from tests.domain.catalogue.test_catalogue import MODELS


def test_a_refused_parameter_is_left_out_if_nobody_was_sure_of_it() -> None:
    features = Features(unsure=frozenset({"page_size", "ids"}))
    assert features.without({"page_size"}) == Features(paging=False, unsure=frozenset({"ids"}))
    assert features.without({"updated_after"}) is features
    assert Features().without(PARAMETERS) == Features()


def test_a_list_without_the_same_parameters_is_the_same_list() -> None:
    skills, refused = model_named("hris_skills"), frozenset({"updated_after"})
    assert narrowed(skills, refused) is narrowed(skills, refused | {"cursor"})
    assert not narrowed(skills, refused).features.updated_after
    assert narrowed(skills, frozenset()) is skills


def test_only_the_beta_lists_are_unsure() -> None:
    unsure = {model.name for model in MODELS if model.features.unsure}
    assert unsure == {"hris_skills", "hris_skill_proficiency_ratings"}


def test_names_that_nobody_knows_are_told_apart_from_those_that_have_no_list() -> None:
    told = ["hris_teams", "hris_skill_rating_providers", "hris_shifts", "hris_salary_types", "ats_pools"]
    assert unknown_models(told) == ("hris_shifts", "ats_pools")
    assert unknown_models(told, {"hris_shifts"}) == ("ats_pools",)
    assert unknown_models(None) == ()
    # What cannot be a list's name is a text of somebody's.
    assert unknown_models(["Anna Fischer", "hris shifts", ""]) == ()


def test_the_lines_that_mirror_a_list_follow_from_its_name() -> None:
    lines = suggested_lines("hris_expense_claims")
    assert lines[:2] == ("[[lists]]", 'name = "hris_expense_claims"')
    assert lines[2].startswith('path = "/hris/expense-claims"')
    assert len(lines) == 4
