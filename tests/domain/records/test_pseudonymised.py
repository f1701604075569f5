"""What is pseudonymised is replaced wherever exclusions would remove it, and nothing else is."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.errors import UsageError
from syncer.domain.records.exclude import excluded_from, excluded_from_stored
from syncer.domain.records.exclusions import Exclusion, exclusions, replaceable, with_pseudonyms
from syncer.domain.records.projection import projection
from syncer.domain.records.pseudonyms import Pseudonyms
from syncer.domain.records.record import Poison, Record, hashed, read_record
from syncer.domain.records.row import Row, project

KEY, OTHER = Pseudonyms.of_key("k" * 32), Pseudonyms.of_key("o" * 32)
EMPLOYEES = model_named("hris_employees")


def keeping_out(*patterns: str, exclude: tuple[str, ...] = (), key: Pseudonyms = KEY) -> frozenset[Exclusion]:
    return with_pseudonyms(exclusions(exclude), replaceable(patterns), key)


def replaced(model: str, record: dict[str, Any], every: frozenset[Exclusion]) -> dict[str, Any]:
    found = copy.deepcopy(record)
    excluded = excluded_from(model, every)
    if excluded is not None:
        excluded.strip(found)
    return found


def p(value: Any) -> Any:
    return KEY.replace(value)


# --- what may be written --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern",
    [
        "hris_employees.work_email",
        "*.work_email",
        "hris_*.first_name",
        "hris_employees.manager.work_email",
        "hris_employees.home_address.street_1",
        "hris_employees.custom_fields.tax_office",
        "hris_employees.gender",
        "hris_employees.tax_id",
        "ats_candidates.email_addresses.email_address",
        "ats_screening_questions.title",
    ],
)
def test_texts_can_be_replaced(pattern: str) -> None:
    assert replaceable([pattern])


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("hris_employees.id", "The mirror keeps its rows by id"),
        ("hris_employees.remote_id", "hris_employees.remote_id is an id, by which"),
        ("*.remote_id", "remote_id is an id"),
        ("hris_employees.work_location_id", "is an id"),
        ("hris_employees.manager.remote_id", "is an id"),
        ("hris_employees.date_of_birth", "is a date, and only texts can be. Exclude it instead."),
        ("hris_employees.employments.effective_date", "is a date"),
        ("hris_absences.start_time", "is a time"),
        ("hris_employees.remote_created_at", "is a time"),
        ("hris_employees.weekly_hours", "is a number"),
        ("hris_employments.pay_rate", "is a number"),
        ("ats_candidates.confidential", "is true or false"),
        ("ats_jobs.screening_questions.required", "is true or false"),
        ("ats_screening_questions.required", "is true or false"),
        (
            "hris_employees.home_address",
            "Name a text inside it, hris_employees.home_address.MEMBER, or exclude",
        ),
        ("hris_employees.manager", "is an object or a list"),
        ("*.custom_fields", "is an object or a list"),
        ("*.hiring_team_roles", "is an object or a list"),
        ("hris_payslips.line_items", "is an object or a list"),
        ("hris_payslip_line_items.amount", "is an object or a list"),
        ("hris_employees.snn", "There is no member 'snn'"),
    ],
)
def test_ids_and_what_is_no_text_are_refused_with_what_to_do(pattern: str, reason: str) -> None:
    with pytest.raises(UsageError) as refused:
        replaceable([pattern])
    assert reason in str(refused.value)


def test_exactly_the_texts_of_the_catalogue_that_are_no_ids_can_be_replaced() -> None:
    for model in catalogue().values():
        for column in model.columns:
            pattern = ".".join((model.name, *column.source))
            try:
                replaceable([pattern])
                can_be = True
            except UsageError:
                can_be = False
            is_key = column.references is not None or column.privacy == "key" or column.source[-1] == "id"
            assert can_be is (column.type == "text" and not is_key), pattern


# --- where it is replaced -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "pattern", "record", "expected"),
    [
        (
            "hris_employees",
            "hris_employees.work_email",
            {
                "work_email": "a",
                "manager": {"work_email": "b", "id": "m"},
                "custom_fields": {"work_email": "c"},
                "news": [{"work_email": 4}],
            },
            {
                "work_email": p("a"),
                "manager": {"work_email": p("b"), "id": "m"},
                "custom_fields": {"work_email": p("c")},
                "news": [{"work_email": p("4")}],
            },
        ),
        (
            "hris_payslips",
            "hris_employees.work_email",
            {"employee": {"id": "e", "work_email": "a"}, "work_email": "unknown here"},
            {"employee": {"id": "e", "work_email": p("a")}, "work_email": "unknown here"},
        ),
        (
            "ats_candidates",
            "ats_candidates.email_addresses.email_address",
            {"email_addresses": [{"email_address": "a", "type": "WORK"}, {"email_address": None}]},
            {"email_addresses": [{"email_address": p("a"), "type": "WORK"}, {"email_address": None}]},
        ),
        (
            "ats_jobs",
            "*.first_name",
            {"hiring_team": [{"first_name": "Ann", "id": "u"}], "unknown": {"deep": [{"first_name": "Bob"}]}},
            {
                "hiring_team": [{"first_name": p("Ann"), "id": "u"}],
                "unknown": {"deep": [{"first_name": p("Bob")}]},
            },
        ),
        (
            "hris_employees",
            "hris_employees.custom_fields.cost.centre",
            {"custom_fields": {"cost.centre": "x", "cost": {"centre": "y", "place": "z"}}},
            {"custom_fields": {"cost.centre": p("x"), "cost": {"centre": p("y"), "place": "z"}}},
        ),
    ],
)
def test_the_value_is_replaced_in_the_record_and_in_copies(
    model: str, pattern: str, record: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert replaced(model, record, keeping_out(pattern)) == expected


def test_a_value_that_several_entries_mean_is_replaced_once() -> None:
    every = keeping_out("*.work_email", "hris_employees.work_email", "hris_employees.manager.work_email")
    record = {"work_email": "a", "manager": {"work_email": "b"}, "custom_fields": {"work_email": "c"}}
    assert replaced("hris_employees", record, every) == {
        "work_email": p("a"),
        "manager": {"work_email": p("b")},
        "custom_fields": {"work_email": p("c")},
    }


@pytest.mark.parametrize(
    ("exclude", "expected"),
    [
        (("hris_employees.work_email",), {"manager": {}}),
        (("*.work_email",), {"manager": {}}),
        (("hris_employees.manager",), {"work_email": p("a")}),
    ],
)
def test_what_is_excluded_is_removed_and_not_replaced(
    exclude: tuple[str, ...], expected: dict[str, Any]
) -> None:
    record = {"work_email": "a", "manager": {"work_email": "b"}}
    assert replaced("hris_employees", record, keeping_out("*.work_email", exclude=exclude)) == expected


def test_column_document_and_hash_know_the_pseudonym_alone() -> None:
    def row(value: str) -> Row:
        excluded = excluded_from("hris_employees", keeping_out("*.work_email"))
        record = read_record(json.dumps({"id": "r", "work_email": value}).encode(), excluded)
        assert isinstance(record, Record)
        found = project(EMPLOYEES, record, excluded)
        assert isinstance(found, Row)
        return found

    one = row("ann@firm.example")
    assert one.values["work_email"] == p("ann@firm.example")
    assert json.loads(one.document) == {"id": "r", "work_email": p("ann@firm.example")}
    # Whoever sees the hash cannot find the value by trying: it is made of the pseudonym.
    assert one.content_hash == hashed({"id": "r", "work_email": p("ann@firm.example")})


def test_poison_has_the_pseudonym_too() -> None:
    excluded = excluded_from("hris_employees", keeping_out("*.work_email"))
    found = read_record(b'{"id":"r","work_email":"ann@firm","first_name":"\\u0000"}', excluded)
    assert isinstance(found, Poison)
    assert json.loads(found.document) == {"id": "r", "work_email": p("ann@firm"), "first_name": "\0"}


@pytest.mark.parametrize("raw", [b'"ann@firm"', b'{"work_email":"ann@firm"', b'["ann@firm"]'])
def test_of_what_cannot_be_read_nobody_finds_the_value_by_trying(raw: bytes) -> None:
    def document(key: Pseudonyms) -> str:
        found = read_record(raw, excluded_from("hris_employees", keeping_out("*.work_email", key=key)))
        assert isinstance(found, Poison)
        return found.document

    assert "ann" not in document(KEY)
    assert document(KEY) == document(KEY)
    assert document(KEY) != document(OTHER)


NAMES = st.sampled_from(["work_email", "name", "manager", "employments", "remote_data", "custom_fields"])
RECORDS = st.dictionaries(
    NAMES,
    st.recursive(
        st.none() | st.integers() | st.text("aé😀", max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
        max_leaves=20,
    ),
)


@given(RECORDS)
def test_it_is_replaced_exactly_where_it_would_have_been_removed(record: dict[str, Any]) -> None:
    patterns = ("hris_employees.work_email", "hris_groups.name")
    found = replaced("hris_employees", record, keeping_out(*patterns))
    removed = replaced("hris_employees", record, exclusions(patterns))
    # What is left without them is the same, and nothing that they named is as it was.
    assert replaced("hris_employees", found, exclusions(patterns)) == removed
    every = keeping_out(*patterns)
    assert replaced("hris_employees", found, every) == found


@given(RECORDS)
def test_of_a_stored_record_nothing_under_another_key_is_left(record: dict[str, Any]) -> None:
    before = replaced("hris_employees", record, keeping_out("*.work_email", key=OTHER))
    excluded = excluded_from_stored("hris_employees", keeping_out("*.work_email"))
    assert excluded is not None
    excluded.strip(before)
    text = json.dumps(before)
    assert "p_" not in text
    excluded.strip(before)
    assert json.dumps(before) == text


# --- which projection rows have -------------------------------------------------------------------------


def test_the_key_is_in_no_text_of_a_projection() -> None:
    found = projection(EMPLOYEES, keeping_out("hris_employees.work_email"))
    assert found.exclusions == (f"hris_employees.work_email=p_{KEY.fingerprint}",)
    assert Exclusion.read(found.exclusions[0]) == Exclusion(
        "hris_employees", ("work_email",), Pseudonyms(KEY.fingerprint)
    )


def test_another_key_and_no_key_are_other_projections_of_every_list_of_the_family() -> None:
    every = [
        frozenset[Exclusion](),
        exclusions(["hris_employees.work_email"]),
        keeping_out("hris_employees.work_email"),
        keeping_out("hris_employees.work_email", key=OTHER),
    ]
    for name in ("hris_employees", "hris_groups"):
        assert len({projection(model_named(name), each).fingerprint for each in every}) == len(every)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (frozenset(), keeping_out("*.work_email"), False),
        (keeping_out("*.work_email"), keeping_out("*.work_email"), False),
        (keeping_out("hris_employees.work_email"), keeping_out("*.work_email"), False),
        (keeping_out("*.work_email"), exclusions(["*.work_email"]), False),
        (keeping_out("hris_employees.home_address.raw"), exclusions(["hris_employees.home_address"]), False),
        (keeping_out("*.work_email"), keeping_out("hris_employees.work_email"), True),
        (keeping_out("*.work_email"), frozenset(), True),
        (exclusions(["*.work_email"]), keeping_out("*.work_email"), True),
        (keeping_out("*.work_email"), keeping_out("*.work_email", key=OTHER), True),
    ],
)
def test_records_are_read_again_where_plain_values_are_needed(
    before: frozenset[Exclusion], after: frozenset[Exclusion], expected: bool
) -> None:
    old, new = projection(EMPLOYEES, before), projection(EMPLOYEES, after)
    assert new.gives_back(old.exclusions) is expected


def some_of(*patterns: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(patterns), unique=True, max_size=3).map(tuple)


CONFIGURATIONS = st.builds(
    lambda replaced, removed, key: keeping_out(*replaced, exclude=removed, key=key),
    some_of(
        "*.work_email",
        "hris_employees.work_email",
        "hris_employees.manager.work_email",
        "hris_employees.home_address.street_1",
        "hris_employees.first_name",
    ),
    some_of(
        "*.work_email",
        "hris_employees.work_email",
        "hris_employees.manager",
        "hris_employees.home_address",
        "hris_employees.home_address.street_1",
    ),
    st.sampled_from([KEY, OTHER]),
)
#: Members that the catalogue describes: what it does not is read again with the next full walk alone.
DESCRIBED = {
    "work_email": "a",
    "first_name": "Ann",
    "home_address": {"street_1": "s", "city": "c"},
    "manager": {"work_email": "b", "first_name": "Bob", "home_address": {"street_1": "t"}},
}


@given(st.lists(CONFIGURATIONS, min_size=1, max_size=6))
def test_whatever_the_configuration_was_the_stored_record_becomes_what_would_be_read_now(
    configurations: list[frozenset[Exclusion]],
) -> None:
    stored, before = copy.deepcopy(DESCRIBED), projection(EMPLOYEES, frozenset())
    for every in configurations:
        read = replaced("hris_employees", DESCRIBED, every)
        now, excluded = projection(EMPLOYEES, every), excluded_from_stored("hris_employees", every)
        if excluded is not None:
            excluded.strip(stored)
        # Without a new reading nothing more can come than is there.
        assert now.gives_back(before.exclusions) or stored == read
        if now.gives_back(before.exclusions):
            stored = read
        before = now


def test_another_key_is_told_from_another_list_of_members() -> None:
    first = projection(EMPLOYEES, keeping_out("*.work_email")).exclusions
    assert projection(EMPLOYEES, keeping_out("*.work_email", key=OTHER)).has_other_key(first)
    assert not projection(EMPLOYEES, keeping_out("*.first_name")).has_other_key(first)
    assert not projection(EMPLOYEES, frozenset()).has_other_key(first)
