"""Queries are read as Kombo reads them, and what the mirror cannot answer exactly is left to Kombo."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncer.domain.added.spec import AddedList
from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.gateway.kombo_words import InvalidInput
from syncer.domain.gateway.list_query import ListQuery, OnlyKombo, known_parameters, read_list_query
from syncer.domain.records.exclude import excluded_from
from syncer.domain.records.exclusions import exclusions
from syncer.simulator.server.query import read_query

EMPLOYEES = model_named("hris_employees")


def read(name: str = "hris_employees", **parameters: str) -> ListQuery:
    return read_list_query(model_named(name), "tool:one", list(parameters.items()))


def test_without_parameters_a_list_has_kombos_defaults() -> None:
    query = read()
    assert (query.page_size, query.cursor, query.include_deleted) == (100, None, False)
    assert (query.ids, query.remote_ids, query.updated_after, query.filters) == (None, None, None, ())


def test_common_parameters_are_read() -> None:
    query = read(
        page_size="250",
        include_deleted="true",
        ids="a,b,a",
        remote_ids="1",
        updated_after="2026-01-31T08:00:00.5Z",
        ignore_unsupported_filters="true",
    )
    assert query.page_size == 250
    assert query.include_deleted
    assert query.ids == ("a", "b")
    assert query.remote_ids == ("1",)
    assert query.updated_after == datetime(2026, 1, 31, 8, 0, 0, 500_000, UTC)


WRONG = [
    ("hris_employees", {"page_size": "0"}),
    ("hris_employees", {"page_size": "251"}),
    ("hris_employees", {"page_size": "1.5"}),
    ("hris_employees", {"page_size": ""}),
    ("hris_employees", {"page_size": "\uff19"}),
    ("hris_employees", {"page_size": "9" * 5_000}),
    ("hris_employees", {"include_deleted": "1"}),
    ("hris_employees", {"include_deleted": "True"}),
    ("hris_employees", {"ignore_unsupported_filters": "yes"}),
    ("hris_employees", {"updated_after": "2026-01-31T08:00:00+00:00"}),
    ("hris_employees", {"updated_after": "2026-02-30"}),
    ("hris_employees", {"updated_after": ""}),
    ("hris_employees", {"employment_statuses": "ACTIVE,RETIRED"}),
    ("hris_employees", {"employment_statuses": ""}),
    ("hris_timesheets", {"started_after": "yesterday"}),
    ("ats_jobs", {"status": "OPENED", "page_size": "0"}),
    ("assessment_orders", {"statuses": "NEW"}),
]


@pytest.mark.parametrize(("model", "parameters"), WRONG)
def test_what_kombo_refuses_is_refused_in_the_same_words(model: str, parameters: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as wanted:
        read_query(model_named(model), parameters)
    with pytest.raises(InvalidInput) as refused:
        read(model, **parameters)
    assert str(refused.value) == str(wanted.value)


ONLY_KOMBO = [
    ({"name_contains": "x"}, "not known"),
    ({"work_emails": "a@b.example"}, "work_emails exactly"),
    ({"custom_fields": '{"a":1}'}, "custom_fields exactly"),
    ({"employment_statuses": "ACTIVE", "ignore_unsupported_filters": "true"}, "does not support"),
    ({"ids": "a\0"}, "no database takes"),
]


@pytest.mark.parametrize(("parameters", "reason"), ONLY_KOMBO)
def test_what_the_mirror_cannot_answer_exactly_is_left_to_kombo(
    parameters: dict[str, str], reason: str
) -> None:
    with pytest.raises(OnlyKombo, match=reason) as left:
        read(**parameters)
    # The reason is logged; what people search for is not.
    assert not any(value in str(left.value) for value in parameters.values())


def test_a_parameter_that_comes_twice_is_left_to_kombo() -> None:
    with pytest.raises(OnlyKombo, match="more than once"):
        read_list_query(EMPLOYEES, "tool:one", [("ids", "a"), ("ids", "b")])


@pytest.mark.parametrize(
    ("pattern", "parameter"),
    [
        ("hris_employees.employment_status", "employment_statuses"),
        ("hris_employees.groups", "group_ids"),
        ("*.remote_id", "remote_ids"),
    ],
)
def test_what_is_excluded_cannot_be_filtered_by(pattern: str, parameter: str) -> None:
    excluded = excluded_from("hris_employees", exclusions([pattern]))
    query = [(parameter, "ACTIVE")]
    read_list_query(EMPLOYEES, "tool:one", query)
    with pytest.raises(OnlyKombo):
        read_list_query(EMPLOYEES, "tool:one", query, excluded)


def test_a_list_without_pages_takes_no_parameter_of_pages() -> None:
    whole = AddedList.configured("hris_shifts", "/hris/shifts", (), paging=False, stated={})
    assert read_list_query(whole, "tool:one", []).page_size is None
    with pytest.raises(OnlyKombo):
        read_list_query(whole, "tool:one", [("page_size", "10")])


def test_an_added_list_takes_what_all_lists_take_but_for_what_is_stated() -> None:
    names = {"updated_after", "include_deleted", "ids", "remote_ids"}

    def taken(**stated: bool) -> frozenset[str]:
        spec = AddedList.configured("hris_shifts", "/hris/shifts", (), paging=True, stated=stated)
        return known_parameters(spec) & names

    assert taken() == names
    assert taken(ids=False, updated_after=False) == {"include_deleted"}


def test_every_list_knows_the_parameters_of_the_catalogue() -> None:
    for model in catalogue().values():
        known = known_parameters(model)
        assert {each.name for each in model.filters} <= known
        assert ("updated_after" in known) is model.features.updated_after


def test_pages_of_one_walk_may_have_different_sizes_and_no_other_parameters() -> None:
    one = read(page_size="10", include_deleted="true", ids="a").fingerprint
    assert one == read(ids="a", include_deleted="true", page_size="250", cursor="x").fingerprint
    others = [
        read(include_deleted="true", ids="b"),
        read(ids="a"),
        read("hris_groups", ids="a", include_deleted="true"),
        read_list_query(EMPLOYEES, "tool:two", [("ids", "a"), ("include_deleted", "true")]),
    ]
    assert one not in {each.fingerprint for each in others}
