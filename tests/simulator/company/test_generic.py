"""Records that follow from the catalogue alone, made up for every model as if it had no factory."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from random import Random

import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.model import Filter, Model
from syncer.domain.records.row import Row, project_text
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.company.filters import filter_test
from syncer.simulator.company.generic import generic_factory, generic_members
from syncer.simulator.company.records import Members, Record
from tests.support.for_each import for_each

each_model = for_each("model", catalogue().values(), called=lambda model: model.name)


@pytest.fixture(scope="module")
def company() -> Company:
    """One company for all tests here: they only add records."""
    clock = SimClock.frozen(datetime(2026, 6, 1, 12, tzinfo=UTC))
    return Company("personio:8d1hpPsbjxUkoCoa1veLZGe5", clock, seed=7, records=300)


def made_up(model: Model, company: Company, count: int = 80) -> list[Record]:
    """So many more records of the model."""
    factory, rng = generic_factory(model), Random(5)
    return [factory.make(company, rng, company.clock.now_ms()) for _ in range(count)]


def rows(model: Model, company: Company) -> list[Row]:
    projected = [
        project_text(model, json.dumps({"id": record.id, **record.fields}).encode())
        for record in made_up(model, company)
    ]
    found = [row for row in projected if isinstance(row, Row)]
    assert len(found) == len(projected)
    return found


@each_model
def test_every_column_is_filled_with_values_of_its_type(model: Model, company: Company) -> None:
    found = rows(model, company)
    assert [row.notes for row in found if row.notes] == []
    # A copy inside a copy is not made up.
    plain = {column.name for column in model.columns if len(column.source) < 3}
    assert {name for name in plain if all(row.values[name] is None for row in found)} == set()


@each_model
def test_every_link_and_child_table_gets_rows(model: Model, company: Company) -> None:
    found = rows(model, company)
    tables = {*(link.table for link in model.links), *(child.table for child in model.children)}
    assert {
        table for row in found for table, filled in (row.links | row.children).items() if filled
    } == tables
    for link in model.links:
        known = set(company.known(link.references)) | {
            entry["id"] for row in found for entry in row.children.get(link.references, ())
        }
        assert {entry[link.target] for row in found for entry in row.links[link.table]} <= known


@each_model
def test_a_shared_child_is_the_same_wherever_it_is_shown(model: Model, company: Company) -> None:
    for child in model.children:
        if child.owner is None:
            shown = [entry for row in rows(model, company) for entry in row.children[child.table]]
            # What a list says beside the child belongs to the entry and not to the child.
            beside = {column.name for link in model.links for column in link.columns} | {"document"}
            told = {repr([pair for pair in each.items() if pair[0] not in beside]) for each in shown}
            assert len(told) == len({each["id"] for each in shown}) > 1


@each_model
def test_most_references_lead_to_records(model: Model, company: Company) -> None:
    found = rows(model, company)
    for column in model.columns:
        if column.references in catalogue() and len(column.source) < 3:
            ids = [row.values[column.name] for row in found if row.values[column.name] is not None]
            assert len(set(ids) & set(company.known(column.references or ""))) > 0, column.name


def test_words_of_a_filter_are_the_words_of_its_column(company: Company) -> None:
    model = catalogue()["hris_groups"]
    types = {record.fields["type"] for record in made_up(model, company)}
    assert types - {None} == set(next(each.choices for each in model.filters if each.name == "types"))


def test_words_in_a_meaning_are_the_words_of_its_column(company: Company) -> None:
    statuses = {
        record.fields["approval_status"] for record in made_up(catalogue()["hris_timesheets"], company)
    }
    assert statuses - {None} == {"PENDING", "APPROVED", "REJECTED"}


def test_a_record_written_anew_has_the_same_members(company: Company) -> None:
    model = catalogue()["hris_groups"]
    first, second = (generic_members(model, company, Random(seed)) for seed in (1, 2))
    assert first != second
    assert first.keys() == second.keys()


@pytest.mark.parametrize(
    ("name", "kind", "fields", "fitting", "other"),
    [
        ("statuses", "list", {"status": "A"}, {"A", "B"}, {"B"}),
        ("types", "list", {"type": "A"}, {"A"}, {"a"}),
        ("visibilities", "list", {"visibility": "A"}, {"A"}, {"B"}),
        ("work_emails", "list", {"work_email": "A@b.example"}, {"a@B.example"}, {"b@b.example"}),
        ("first_name", "text", {"first_name": "Ada"}, "ada", "ad"),
        ("name_contains", "text", {"name": "Logistik"}, "GIST", "x"),
        ("started_after", "timestamp", {"started_at": "2026-01-02T00:00:00.000Z"}, 0, 2_000_000_000_000),
        ("started_before", "timestamp", {"started_at": "2026-01-02T00:00:00.000Z"}, 2_000_000_000_000, 0),
        ("custom_fields", "json", {"custom_fields": {"a": 1, "b": 2}}, {"b": 2}, {"b": 1}),
        ("group_ids", "list", {"groups": [{"id": "g1"}, {"id": "g2"}]}, {"g2"}, {"g3"}),
    ],
)
def test_columns_tell_what_a_filter_compares(
    name: str, kind: str, fields: Members, fitting: object, other: object, company: Company
) -> None:
    model = next(model for model in catalogue().values() if any(each.name == name for each in model.filters))
    filter = next(each for each in model.filters if each.name == name)
    assert filter.type == kind
    test = filter_test(model, filter)
    assert test is not None
    record, empty = Record(model.name, "r", fields, {}), Record(model.name, "r", {}, {})
    assert test(company.tables, record, fitting)
    assert not test(company.tables, record, other)
    assert not test(company.tables, empty, fitting)


@pytest.mark.parametrize(
    "filter", [Filter("colours", "list"), Filter("noticed_after", "timestamp"), Filter("nickname", "text")]
)
def test_a_filter_without_a_column_has_no_meaning(filter: Filter) -> None:
    assert filter_test(catalogue()["hris_groups"], filter) is None
