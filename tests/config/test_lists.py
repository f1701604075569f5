"""Lists that the catalogue lacks, in the configuration: what they become, and what a wrong one is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncer.domain.catalogue.model import PARAMETERS, Features
from syncer.domain.catalogue.names import suggested_lines
from syncer.domain.errors import UsageError
from tests.config.loads import Load

LEAST = '[[lists]]\nname = "hris_shifts"\npath = "/hris/shifts"\n'


def test_two_lines_are_a_list_that_is_asked_with_everything(load: Load) -> None:
    (found,) = load(LEAST).added_lists
    assert (found.name, found.path, found.webhook_name) == ("hris_shifts", "/hris/shifts", "hris_shifts")
    assert [column.name for column in found.columns] == ["remote_id", "changed_at"]
    assert found.features == Features(unsure=PARAMETERS)


def test_the_lines_that_are_suggested_load(load: Load) -> None:
    (found,) = load("\n".join(suggested_lines("hris_expense_claims"))).added_lists
    assert found.path == "/hris/expense-claims"


def test_what_is_stated_is_not_found_out(load: Load) -> None:
    text = LEAST + "updated_after = false\ninclude_deleted = true\nids = false\npaging = false\n"
    (found,) = load(text).added_lists
    assert found.features == Features(paging=False, updated_after=False, ids=False, remote_ids=False)


def test_columns_are_those_of_a_native_list(load: Load) -> None:
    (found,) = load(
        LEAST + 'columns = { at = "timestamp", who = { type = "text", path = "a.b" } }'
    ).added_lists
    assert [(each.name, each.type, each.source) for each in found.columns[2:]] == [
        ("at", "timestamp", ("at",)),
        ("who", "text", ("a.b",)),
    ]


def test_it_is_named_wherever_models_are(load: Load) -> None:
    settings = load(
        LEAST
        + """
[sync]
models = ["hris_shifts", "hris_gr*"]
[sync.model.hris_shifts]
every = "5m"
filters = { statuses = "PLANNED,PUBLISHED" }
[[integrations]]
id = "personio:1"
models = ["hris_sh*"]
[changes]
models = ["hris_shifts"]
[privacy]
exclude = ["hris_shifts.note", "*.remote_data"]
"""
    )
    assert [each.name for each in settings.select_models(settings.sync.models)] == [
        "hris_groups",
        "hris_shifts",
    ]
    assert settings.timing("hris_shifts").every == timedelta(minutes=5)
    assert settings.timing("hris_shifts").filters == {"statuses": "PLANNED,PUBLISHED"}
    assert settings.feed_models == {"hris_shifts"}
    assert "hris_shifts.note" in {str(each) for each in settings.exclusions}
    assert settings.lists["hris_shifts"] is settings.added_lists[0]


@pytest.mark.parametrize(
    "place", ['[sync]\nmodels = ["hris_shifts"]', '[sync.model.hris_shifts]\nevery = "5m"']
)
def test_without_the_block_there_is_no_such_model(load: Load, place: str) -> None:
    with pytest.raises(UsageError, match="There is no model 'hris_shifts'"):
        load(place)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("hris_employees", "is a list that this version has"),
        ("hris_teams", "is told in hris_groups, which this version has"),
        ("hris_salary_types", "which this version has"),
        ("hris_employees_live", "is a table or view of the mirror"),
        ("sync_shifts", "is a table or view of the mirror"),
        ("Shifts", "small letters"),
    ],
)
def test_a_name_that_the_mirror_has_is_refused(load: Load, name: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        load(LEAST.replace("hris_shifts", name))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/hris/employees", "is the path of hris_employees, which this version has"),
        ("hris/shifts", "should be the path below the API's address"),
        ("/hris/../check-api-key", "should be the path below the API's address"),
        ("/hris/shifts?updated_after=x", "should be the path below the API's address"),
    ],
)
def test_a_path_that_is_none_or_that_the_catalogue_has_is_refused(load: Load, path: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        load(LEAST.replace("/hris/shifts", path))


def test_two_lists_have_two_names_and_two_paths(load: Load) -> None:
    with pytest.raises(UsageError, match="lists has the name hris_shifts twice"):
        load(LEAST + LEAST)
    with pytest.raises(UsageError, match="lists has the path /hris/shifts twice"):
        load(LEAST + LEAST.replace("hris_shifts", "hris_rosters"))


def test_a_native_list_takes_no_name_of_an_added_one(load: Load) -> None:
    native = (
        '[[passthrough]]\nname = "hris_shifts_live"\ntool = "hibob/v1"\nrequest = { path = "/x" }\n'
        'records = "r"\nkey = ["id"]\n'
    )
    with pytest.raises(UsageError, match="has the name hris_shifts_live, which is taken by a list"):
        load(LEAST + native)


@pytest.mark.parametrize("column", ["id", "remote_id", "changed_at", "document"])
def test_a_column_that_the_view_has_anyway_is_refused(load: Load, column: str) -> None:
    with pytest.raises(UsageError, match="is a column that the view has anyway"):
        load(LEAST + f'columns = {{ {column} = "text" }}')


@pytest.mark.parametrize("member", ["id", "changed_at", "remote_deleted_at"])
def test_members_by_which_rows_are_kept_cannot_be_excluded(load: Load, member: str) -> None:
    with pytest.raises(UsageError, match=f"keeps out {member}, by which the mirror keeps its rows"):
        load(LEAST + f'[privacy]\nexclude = ["hris_shifts.{member}"]')


def test_a_faulty_list_is_told_where_it_stands_and_nowhere_else(load: Load) -> None:
    with pytest.raises(UsageError) as error:
        load(LEAST + 'paging = "perhaps"\n[sync]\nmodels = ["hris_shifts"]')
    assert str(error.value).count("\n") == 0
    assert "lists[0].paging" in str(error.value)
