"""What is excluded leaves every record, wherever in it the catalogue knows it; and nothing else does."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.catalogue.members import embeds, tables_at
from syncer.domain.catalogue.model import Model
from syncer.domain.catalogue.privacy import Privacy
from syncer.domain.errors import UsageError
from syncer.domain.records.exclude import excluded_from
from syncer.domain.records.exclusions import Exclusion, exclusions
from syncer.domain.records.projection import projection
from syncer.domain.records.record import Poison
from syncer.domain.records.row import Row, project_entry, project_text
from tests.support.for_each import for_each

EMPLOYEES = model_named("hris_employees")
DESCRIPTION = json.loads((Path(__file__).parents[2] / "data" / "models.json").read_text())
LISTS = {entry["path"]: entry for entry in DESCRIPTION["models"]}
#: No schema declares it; Kombo's table of nested relations names it.
UNDECLARED = {("hris_payslips", ("line_items", "salary_type"))}

each_model = for_each(
    "model", [model for model in catalogue().values() if model.path in LISTS], called=lambda model: model.name
)


def described(of: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """(path, name of the model whose copy stands there) of every member at every depth."""
    for member in of.get("fields") or ():
        here = (*path, member["name"])
        yield here, member.get("expands")
        yield from described(member, here)
    for part in (of.get("items"), *(of.get("variants") or ())):
        if part:
            yield from described(part, path)


def our_name(kombo_name: str) -> str:
    return next((name for name, model in catalogue().items() if model.webhook_name == kombo_name), kombo_name)


def stripped(model: Model, record: dict[str, Any], *patterns: str) -> dict[str, Any]:
    """The document of the record's row under these exclusions."""
    row = row_of(model, record, *patterns)
    found: dict[str, Any] = json.loads(row.document)
    return found


def row_of(model: Model, record: dict[str, Any], *patterns: str) -> Row:
    row = project_text(
        model, json.dumps({"id": "r", **record}).encode(), excluded_from(model.name, exclusions(patterns))
    )
    assert isinstance(row, Row)
    return row


def poison_of(raw: bytes, *patterns: str) -> Poison:
    poison = project_text(EMPLOYEES, raw, excluded_from("hris_employees", exclusions(patterns)))
    assert isinstance(poison, Poison)
    return poison


# --- copies of records inside records -------------------------------------------------------------------


@each_model
def test_the_catalogue_knows_every_copy_of_a_record_at_every_depth_and_no_other(model: Model) -> None:
    copies = list(described(LISTS[model.path]))
    assert copies
    for path, expands in copies:
        expected = set() if expands is None else {our_name(expands)}
        assert tables_at(model.name, path) == expected, ".".join(path)


@each_model
def test_no_copy_of_the_catalogue_is_made_up(model: Model) -> None:
    known = {path for path, _ in described(LISTS[model.path])}
    made_up = {embed.path for embed in embeds()[model.name]} - known
    assert {(model.name, path) for path in made_up} <= UNDECLARED


def test_copies_lead_to_tables() -> None:
    assert {embed.table for found in embeds().values() for embed in found} <= set(embeds())


# --- what may be written --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("hris_employees.ssn", ["hris_employees.ssn"]),
        ("hris_employees.home_address.street_1", ["hris_employees.home_address.street_1"]),
        ("hris_employees.custom_fields.id", ["hris_employees.custom_fields.id"]),
        ("hris_employees.remote_id", ["hris_employees.remote_id"]),
        ("ats_screening_questions.required", ["ats_screening_questions.required"]),
        ("hris_payslip_line_items.amount.currency", ["hris_payslip_line_items.amount.currency"]),
        ("lms_*.remote_created_at", [f"lms_{each}.remote_created_at" for each in ("users", "courses")]),
        ("*.remote_data", ["*.remote_data"]),
        ("**.remote_data", ["*.remote_data"]),
        ("*.hiring_team_roles", ["*.hiring_team_roles"]),
    ],
)
def test_a_pattern_names_a_member_of_each_table_that_has_it(pattern: str, expected: list[str]) -> None:
    named = {str(each) for each in exclusions([pattern])}
    assert named >= set(expected)
    assert len(expected) > 1 or named == set(expected)
    assert {Exclusion.read(each) for each in named} == exclusions([pattern])


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("ssn", "An exclusion is MODEL.MEMBER, such as hris_employees.ssn or *.remote_data, not 'ssn'."),
        ("hris_employees.", "An exclusion is MODEL.MEMBER"),
        ("hris_employees..ssn", "An exclusion is MODEL.MEMBER"),
        ("hris_employes.ssn", "There is no model 'hris_employes'. Did you mean hris_employees"),
        ("crm_*.ssn", "There is no model 'crm_*'."),
        ("hris_employees.snn", "There is no member 'snn' in hris_employees. Did you mean ssn?"),
        ("ats_*.ssn", "There is no member 'ssn' in any model of 'ats_*'."),
        ("*.remote_dta", "There is no member 'remote_dta' in any model of '*'. Did you mean remote_data"),
        ("assessment_orders.remote_id", "There is no member 'remote_id' in assessment_orders."),
        (
            "hris_employees.ssn.last_four",
            "There is nothing inside ssn that 'hris_employees.ssn.last_four' could exclude.",
        ),
        ("hris_employees.id", "The mirror keeps its rows by id: 'hris_employees.id' cannot be excluded."),
        ("*.changed_at", "The mirror keeps its rows by changed_at: '*.changed_at' cannot be excluded."),
        ("hris_*.remote_deleted_at", "cannot be excluded"),
        ("hris_employees.employments.id", "cannot be excluded"),
        ("ats_offers.application.candidate.id", "cannot be excluded"),
        ("*.line_items.salary_type.id", "cannot be excluded"),
        ("ats_interviews.candidate_id", "exclude ats_interviews.application.candidate."),
        ("hris_payslip_line_items.currency", "exclude hris_payslip_line_items.amount.currency."),
    ],
)
def test_what_names_nothing_or_too_much_is_an_error_that_helps(pattern: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        exclusions([pattern])
    assert message in str(refused.value)


# --- what leaves ----------------------------------------------------------------------------------------


def test_without_the_member_a_record_is_kept_as_it_came() -> None:
    raw = b'{"id" : "r", "first_name":"Ann", "weekly_hours":1e2, "manager":{"ssn":1,"ssn":2}}'
    row = project_text(EMPLOYEES, raw, excluded_from("hris_employees", exclusions(["hris_employees.tax_id"])))
    assert row == project_text(EMPLOYEES, raw)


def test_a_member_is_neither_in_its_column_nor_in_the_document_nor_in_the_hash() -> None:
    record = {"ssn": "1", "first_name": "Ann"}
    row = row_of(EMPLOYEES, record, "hris_employees.ssn")
    assert (row.values["ssn"], row.values["first_name"]) == (None, "Ann")
    assert json.loads(row.document) == {"id": "r", "first_name": "Ann"}
    assert row.content_hash == row_of(EMPLOYEES, {**record, "ssn": "2"}, "hris_employees.ssn").content_hash


@pytest.mark.parametrize(
    ("model", "pattern", "record", "expected"),
    [
        (
            "hris_employees",
            "hris_employments.pay_rate",
            {"pay_rate": 0, "employments": [{"id": "e", "pay_rate": 1}, {"id": "f"}]},
            {"pay_rate": 0, "employments": [{"id": "e"}, {"id": "f"}]},
        ),
        (
            "hris_employees",
            "hris_employees.home_address.street_1",
            {"home_address": {"street_1": "A", "city": "B"}, "manager": {"home_address": {"street_1": "C"}}},
            {"home_address": {"city": "B"}, "manager": {"home_address": {}}},
        ),
        (
            "hris_employees",
            "hris_employees.work_email",
            {"work_email": "a", "manager": {"work_email": "b"}, "custom_fields": {"work_email": "c"}},
            {"manager": {}, "custom_fields": {}},
        ),
        (
            "ats_offers",
            "ats_candidates.email_addresses",
            {"application": {"candidate": {"id": "c", "email_addresses": [1]}}},
            {"application": {"candidate": {"id": "c"}}},
        ),
        (
            "ats_jobs",
            "ats_roles.remote_label",
            {"hiring_team": [{"id": "u", "job_roles": [{"remote_label": "x", "scope": "JOB"}]}]},
            {"hiring_team": [{"id": "u", "job_roles": [{"scope": "JOB"}]}]},
        ),
        (
            "hris_payslips",
            "hris_salary_types.name",
            {"line_items": [{"id": "i", "name": "n", "salary_type": {"id": "s", "name": "t"}}]},
            {"line_items": [{"id": "i", "name": "n", "salary_type": {"id": "s"}}]},
        ),
        (
            "hris_employees",
            "*.remote_data",
            {
                "remote_data": 1,
                "employments": [{"remote_data": {}}],
                "custom_fields": {"a": [{"remote_data": 0}]},
            },
            {"employments": [{}], "custom_fields": {"a": [{}]}},
        ),
        (
            "hris_locations",
            "hris_employees.ssn",
            {
                "ssn": "own",
                "address": {"ssn": "known"},
                "head": {"id": "e", "ssn": "1", "team": [{"deputies": [{"ssn": "2", "name": "n"}]}]},
                "remote_data": {"/people": [{"ssn": "3"}]},
                "integration_fields": [{"key": "k", "value": {"ssn": "4"}}],
            },
            {
                "ssn": "own",
                "address": {"ssn": "known"},
                "head": {"id": "e", "team": [{"deputies": [{"name": "n"}]}]},
                "remote_data": {"/people": [{}]},
                "integration_fields": [{"key": "k", "value": {}}],
            },
        ),
        (
            "hris_payslips",
            "hris_employees.home_address.street_1",
            {"employee": {"id": "e", "twin": {"home_address": {"street_1": "A", "city": "B"}}}},
            {"employee": {"id": "e", "twin": {"home_address": {"city": "B"}}}},
        ),
        (
            "ats_applications",
            "ats_screening_questions.title",
            {"screening_question_answers": [{"question": {"title": "t", "remote_id": "q"}}]},
            {"screening_question_answers": [{"question": {"remote_id": "q"}}]},
        ),
        (
            "ats_jobs",
            "hris_employees.ssn",
            {"unknown": {"ssn": "of another family"}},
            {"unknown": {"ssn": "of another family"}},
        ),
        (
            "ats_jobs",
            "ats_roles.remote_label",
            {"hiring_team": [{"id": "u", "hiring_team_roles": ["a"], "remote_label": "b"}]},
            {"hiring_team": [{"id": "u", "hiring_team_roles": ["a"], "remote_label": "b"}]},
        ),
        (
            "hris_employees",
            "hris_employees.custom_fields.cost.centre",
            {"custom_fields": {"cost.centre": 1, "cost": {"centre": 2, "place": 3}}},
            {"custom_fields": {"cost": {"place": 3}}},
        ),
        (
            "ats_jobs",
            "*.location.street_1",
            {"location": {"street_1": "A", "city": "B"}, "stages": [{"location": [{"street_1": "C"}]}]},
            {"location": {"city": "B"}, "stages": [{"location": [{}]}]},
        ),
    ],
)
def test_copies_lose_the_member_too(
    model: str, pattern: str, record: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert stripped(model_named(model), record, pattern) == {"id": "r", **expected}


@each_model
def test_each_member_can_leave_alone(model: Model) -> None:
    members = {column.source[0] for column in model.columns}
    record = {member: [{"id": f"of {member}", "x": 1}] for member in members}
    for member in members:
        found = stripped(model, record, f"{model.name}.{member}")
        assert found == {"id": "r", **{name: value for name, value in record.items() if name != member}}


def test_links_and_children_go_with_the_list_that_they_come_from() -> None:
    job = {
        "stages": [{"id": "s", "index": 1}],
        "screening_questions": [{"id": "q", "title": "t", "required": True, "index": 0}],
    }
    row = row_of(model_named("ats_jobs"), job, "ats_jobs.stages", "ats_screening_questions.title")
    assert row.links["ats_jobs_stages"] == []
    (question,) = row.children["ats_screening_questions"]
    assert question["title"] is None
    assert "title" not in json.loads(question["document"])
    (link,) = row.links["ats_jobs_screening_questions"]
    assert link["required"] is True


def test_links_without_their_excluded_target_are_no_trouble() -> None:
    staffing = model_named("hris_staffing_entities")
    record = {"skills": [{"skill_id": "s", "expected_proficiency": {"value": 1}}]}
    assert len(row_of(staffing, record).links["hris_staffing_entities_skills"]) == 1
    row = row_of(staffing, record, "*.skill_id")
    assert row.links["hris_staffing_entities_skills"] == []
    assert row.notes == ()


def test_a_shared_child_is_stripped_as_its_parents_would_have_it() -> None:
    jobs = model_named("ats_jobs")
    question = next(child for child in jobs.children if child.table == "ats_screening_questions")
    raw = b'{"id":"q","title":"t","description":"d"}'

    def entry(*patterns: str) -> dict[str, Any] | None:
        return project_entry(question, raw, excluded_from("ats_jobs", exclusions(patterns)))

    whole = entry()
    assert whole is not None
    assert whole["description"] == "d"
    for pattern in ("ats_screening_questions.description", "ats_jobs.screening_questions.description"):
        found = entry(pattern)
        assert found is not None
        assert (found["description"], json.loads(found["document"])) == (None, {"id": "q", "title": "t"})
        assert found["content_hash"] != whole["content_hash"]
    assert entry("ats_jobs.screening_questions") is None


def test_a_value_that_does_not_fit_is_not_noted_where_it_is_excluded() -> None:
    record = {"date_of_birth": "secret", "start_date": "soon"}
    assert row_of(EMPLOYEES, record, "hris_employees.date_of_birth").notes == ("start_date: is not a date",)


def names_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from names_in(item)


NAMES = st.sampled_from(["ssn", "name", "manager", "employments", "remote_data", "groups"])
VALUES = st.recursive(
    st.none() | st.integers() | st.text("aé😀", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(NAMES, VALUES))
def test_what_is_excluded_everywhere_is_nowhere_and_all_else_stays(record: dict[str, Any]) -> None:
    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: without(item) for name, item in value.items() if name != "remote_data"}
        return [without(item) for item in value] if isinstance(value, list) else value

    found = stripped(EMPLOYEES, record, "*.remote_data")
    assert "remote_data" not in names_in(found)
    assert found == {"id": "r", **without(record)}


@given(st.dictionaries(NAMES, VALUES))
def test_stripping_twice_is_stripping_once(record: dict[str, Any]) -> None:
    excluded = excluded_from("hris_employees", exclusions(["hris_*.name", "hris_employees.manager.ssn"]))
    assert excluded is not None
    once = copy.deepcopy(record)
    assert excluded.strip(once) is (once != record)
    assert excluded.strip(copy.deepcopy(once)) is False


# --- records that cannot be rows ------------------------------------------------------------------------


def test_poison_is_kept_without_the_member() -> None:
    kept = poison_of(b'{"id":"r","ssn":"secret","first_name":"\\ud800"}', "hris_employees.ssn")
    assert kept.id == "r"
    assert json.loads(kept.document) == {"id": "r", "first_name": "\ud800"}
    kept = poison_of(b'{"ssn":"secret","weekly_hours":0.5,"tax_id":1e999}', "hris_employees.ssn")
    assert (kept.id, json.loads(kept.document)) == (None, {"weekly_hours": 0.5, "tax_id": "1e999"})


def test_poison_without_the_member_is_kept_as_it_came() -> None:
    raw = b'{"first_name":"Zo\xc3\xab", "weekly_hours":1e2}'
    assert poison_of(raw, "hris_employees.ssn") == poison_of(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"id":"r","ssn":"secret"',
        b'["secret"]',
        b'"secret"',
        b'{"id":"r","ssn":"secret","weekly_hours":' + b"9" * 5_000 + b"}",
        b'{"id":"r","manager":' + b'{"manager":' * 100_000 + b'"secret"' + b"}" * 100_001,
    ],
    ids=["cut", "list", "text", "long number", "deep"],
)
def test_of_what_cannot_be_read_only_the_reason_and_a_hash_are_kept(raw: bytes) -> None:
    kept = poison_of(raw, "hris_employees.ssn")
    assert "secret" not in f"{kept.document} {kept.reason}"
    assert kept.document != poison_of(raw + b" ", "hris_employees.ssn").document
    assert len(kept.document) < 60
    assert "secret" in poison_of(raw).document


def test_a_nul_in_an_excluded_member_poisons_no_record() -> None:
    raw = b'{"id":"r","ssn":"\\u0000"}'
    assert isinstance(project_text(EMPLOYEES, raw), Poison)
    assert row_of(EMPLOYEES, {"ssn": "\0"}, "hris_employees.ssn").document == '{"id":"r"}'


# --- which projection rows have -------------------------------------------------------------------------


def test_the_same_catalogue_and_exclusions_give_the_same_fingerprint() -> None:
    assert projection(EMPLOYEES, frozenset()) == projection(replace(EMPLOYEES), frozenset())
    one, other = exclusions(["hris_employees.ssn", "*.remote_data"]), exclusions(["*.remote_data"])
    assert projection(EMPLOYEES, one) == projection(EMPLOYEES, other | exclusions(["hris_employees.ssn"]))


def test_whatever_changes_rows_changes_the_fingerprint_and_words_do_not() -> None:
    before = projection(EMPLOYEES, frozenset()).fingerprint
    first, *others = EMPLOYEES.columns
    (link,) = EMPLOYEES.links
    changed = [
        replace(EMPLOYEES, columns=tuple(others)),
        replace(EMPLOYEES, columns=(replace(first, name="number"), *others)),
        replace(EMPLOYEES, columns=(replace(first, type="json"), *others)),
        replace(EMPLOYEES, columns=(replace(first, path=("employee", "number")), *others)),
        replace(EMPLOYEES, links=()),
        replace(EMPLOYEES, links=(replace(link, target_path=("group", "id")),)),
        replace(EMPLOYEES, children=model_named("ats_jobs").children),
    ]
    assert all(projection(model, frozenset()).fingerprint != before for model in changed)
    assert projection(EMPLOYEES, exclusions(["hris_groups.name"])).fingerprint != before
    same = replace(
        EMPLOYEES, meaning="Else", columns=(replace(first, meaning="Else", privacy=Privacy.HEALTH), *others)
    )
    assert projection(same, frozenset()).fingerprint == before


def test_only_exclusions_that_can_meet_a_record_concern_its_model() -> None:
    every = exclusions(["hris_employments.pay_rate", "hris_groups.name"])
    assert projection(EMPLOYEES, every).exclusions == ("hris_employments.pay_rate", "hris_groups.name")
    assert projection(model_named("hris_groups"), every).exclusions == ("hris_groups.name",)
    tags = model_named("ats_tags")
    assert projection(tags, every) == projection(tags, frozenset())


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (["hris_employees.ssn"], [], True),
        (["hris_employees.ssn", "*.remote_data"], ["hris_employees.ssn"], True),
        (["hris_employees.ssn"], ["hris_employees.ssn", "*.remote_data"], False),
        (["hris_employees.ssn"], ["*.ssn"], False),
        (["*.ssn"], ["hris_employees.ssn"], True),
        (["hris_employees.home_address.raw"], ["hris_employees.home_address"], False),
        (["hris_employees.home_address"], ["hris_employees.home_address.raw"], True),
        ([], ["hris_employees.ssn"], False),
    ],
)
def test_values_come_back_where_nothing_covers_an_exclusion_any_more(
    before: list[str], after: list[str], expected: bool
) -> None:
    old = projection(EMPLOYEES, exclusions(before))
    assert projection(EMPLOYEES, exclusions(after)).gives_back(old.exclusions) is expected
