"""What keys, parents and positions of native lists are made of, and which exclusions they forbid."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from syncer.domain.native.call import Call
from syncer.domain.native.key_members import KeyMember, key_members
from syncer.domain.native.paging.cursor import CursorStyle
from syncer.domain.native.paging.link import LinkStyle
from syncer.domain.native.read_members import read_members
from syncer.domain.native.spec import ForEach, NativeListSpec
from syncer.domain.records.exclusions import exclusions

SPEC = NativeListSpec(
    name="people",
    call=Call("hibob/v1", "GET", "/people"),
    integrations=("hibob:*",),
    every="@daily",
    records="results",
    key=("id",),
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("id", {"id"}),
        ("a.b.c", {"a.b.c"}),
        ('"a.b".c', {"a.b.c"}),
        ("a[0].b", {"a.b"}),
        ("a[].b", {"a.b"}),
        ("a[*].b[1:2]", {"a.b"}),
        ("a | b", {"a.b"}),
        ("a || b.c", {"a", "b.c"}),
        ("a[?kind=='x'].value | [0]", {"a.kind", "a.value"}),
        ("a.*.b", {"a.*.b"}),
        ("*", {"*"}),
        ("@", {""}),
        ("to_string(a)", {"a.**"}),
        ("join('-', [a, b.c])", {"a.**", "b.c.**"}),
        ("sort_by(a, &b)[0].c", {"a.**", "a.b.**"}),
        ("{x: a, y: b}.x.email", {"a.**", "b.**"}),
        ("'fixed'", set()),
    ],
)
def test_an_expression_reads_these_members(expression: str, expected: set[str]) -> None:
    assert {".".join(path) for path in read_members(expression)} == expected


@pytest.mark.parametrize(
    ("path", "pattern", "is_meant"),
    [
        ("email", "people.email", True),
        ("email", "people.emails", False),
        ("email.work", "people.email", True),
        ("email", "people.email.work", True),
        ("email.work", "people.email.home", False),
        ("id", "people.email", False),
        ("", "people.email", True),
        ("*.b", "people.a.b", True),
        ("*.b", "people.a.c", False),
        ("a.**", "people.a.b.c", True),
        ("contact.work_email", "*.work_email", True),
        ("contact", "*.work_email", False),
        ("home_address", "*.home_address.street_1", True),
        ("email", "hris_employees.work_email", False),
    ],
)
def test_an_exclusion_means_what_a_key_is_made_of_or_does_not(
    path: str, pattern: str, is_meant: bool
) -> None:
    member = KeyMember("people", tuple(path.split(".")) if path else ())
    found = member.excluded_by(exclusions([pattern], ["people"]))
    assert (found is not None) is is_meant


@pytest.mark.parametrize(
    ("table", "column", "expected", "excluding"),
    [
        ("hris_employees_live", "work_email", "hris_employees.work_email", "hris_*.work_email"),
        ("hris_employees", "remote_id", "hris_employees.remote_id", "*.remote_id"),
        ("ats_interviews", "candidate_id", "ats_interviews.application.candidate.id", "ats_offers.status"),
        ("hris_payslip_line_items", "name", "hris_payslips.line_items.name", "hris_payslips.line_items"),
        ("hris_payslip_line_items", "payslip_id", "hris_payslips.id", "ats_offers.status"),
    ],
)
def test_a_list_is_asked_with_the_member_behind_the_column(
    table: str, column: str, expected: str, excluding: str
) -> None:
    spec = replace(SPEC, key=("for_each.x", "id"), for_each=ForEach(table, "x", column))
    assert {str(each) for each in key_members(spec)} == {expected, "people.id"}
    parent = next(each for each in key_members(spec) if each.list != "people")
    assert KeyMember.read(str(parent)) == parent
    hides = parent.excluded_by(exclusions([excluding])) is not None
    assert hides is (excluding != "ats_offers.status")


def test_a_position_that_is_read_inside_a_record_counts() -> None:
    cursor = replace(SPEC, page=CursorStyle("after", next="results[-1].email"))
    assert {str(each) for each in key_members(cursor)} == {"people.id", "people.email"}
    link = replace(SPEC, page=LinkStyle(next="links.next"))
    assert {str(each) for each in key_members(link)} == {"people.id"}
