"""Names of classes and relations: one each, whatever tables there are."""

from __future__ import annotations

import pytest

from syncer.schema_reference.formats.described import described
from syncer.schema_reference.formats.names import class_names, singular, unused
from syncer.schema_reference.tables import entries


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("employees", "employee"),
        ("legal_entities", "legal_entity"),
        ("courses", "course"),
        ("absences", "absence"),
        ("statuses", "status"),
        ("branches", "branch"),
        ("hiring_team", "hiring_team"),
        ("freshness", "freshness"),
        ("status", "status"),
    ],
)
def test_a_plural_has_its_singular(plural: str, one: str) -> None:
    assert singular(plural) == one


def test_classes_have_names_of_their_own() -> None:
    names = class_names(["jobs", "job", "jobs_live", "job_live"])
    assert names == {"jobs": "Job", "job": "Job_2", "jobs_live": "JobLive", "job_live": "JobLive_2"}
    assert unused(["a", "b"], ["a"]) == "b"
    assert unused(["a", "b"], ["a", "b", "b_2"]) == "b_3"


def test_no_relation_has_the_name_of_a_column_or_of_another_relation() -> None:
    tables = described(each for each in entries().values() if each.kind != "bookkeeping")
    for each in tables.values():
        names = [relation.name for relation in each.relations] + [column.name for column in each.columns]
        assert len(names) == len({*names}), each.name
        assert "content_hash" not in names
    assert {relation.name: relation.target for relation in tables["hris_absences_live"].relations} == {
        "employee": "hris_employees_live",
        "approver": "hris_employees_live",
        "type_row": "hris_absence_types_live",
    }


def test_both_directions_of_a_relation_are_there_and_lead_to_tables_that_are_described() -> None:
    tables = described(each for each in entries().values() if each.category == "ats")
    ends = [
        (each.name, relation.join, relation.kind)
        for each in tables.values()
        if not each.is_view
        for relation in each.relations
    ]
    joins = {join for _, join, _ in ends}
    for join in joins:
        kinds = sorted(kind for _, found, kind in ends if found == join)
        assert kinds in (["many", "one"], ["linked", "linked"]), join
    assert {relation.target for each in tables.values() for relation in each.relations} <= tables.keys()
