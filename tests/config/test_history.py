"""Which models have a history, and for how long its versions are kept."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.config.loads import Load, refusal


def test_nothing_has_a_history_unless_it_is_named(load: Load) -> None:
    assert load("").history.models == ()
    assert load("[history]\nmodels = ['hris_empl*']\n").history.models == ("hris_empl*",)
    assert load(SYNCER_HISTORY__MODELS='["ats_jobs"]').history.models == ("ats_jobs",)


def test_versions_are_kept_for_ever_or_for_a_time(load: Load) -> None:
    assert load("").history.keep is None
    assert load("[history]\nkeep = 'forever'\n").history.keep is None
    assert load("[history]\nkeep = '400d'\n").history.keep == timedelta(days=400)


@pytest.mark.parametrize("given", ["'always'", "'0s'", "true"])
def test_other_times_are_refused(load: Load, given: str) -> None:
    said = refusal(load, f"[history]\nkeep = {given}\n")
    assert 'config.toml: history.keep should be "forever" or a duration such as "400d"' in said


@pytest.mark.parametrize("name", ["hris_employes", "people"])
def test_a_name_of_no_model_is_refused_and_native_lists_have_no_history(load: Load, name: str) -> None:
    said = refusal(load, f"[history]\nmodels = ['{name}']\n")
    assert f"There is no model '{name}'" in said
    assert said.rstrip().endswith("Native and added lists have no history.")
