"""The answers of the section What was known, computed from the source's records of both days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.queries.mirrored import Answers, Rows
from tests.queries.page import Question
from tests.queries.sources import MondaySource

#: What changed at the weekend was known from then on.
MONDAY = "2026-06-15"


def test_every_question_has_an_answer(questions: dict[str, Question]) -> None:
    asked = [each.title for each in questions.values() if each.section == "What was known"]
    assert asked == list(ANSWERS)


def test_the_database_says_what_the_records_say(
    question: Question, check: Callable[[Question, Answers], None]
) -> None:
    check(question, ANSWERS)


def salaries(source: MondaySource) -> Rows:
    employees = source.by_id("hris_employees")
    employments = {each["id"]: each for each in source.all("hris_employments")}
    return [
        (
            *(employees[now["employee_id"]][name] for name in ("first_name", "last_name")),
            before["pay_rate"],
            now["pay_rate"],
            now["pay_currency"],
            MONDAY,
        )
        for (model, id), before in source.friday.items()
        if model == "hris_employments"
        for now in [employments[id]]
        if before.get("pay_rate") != now.get("pay_rate")
    ]


def headcount(source: MondaySource, day: str) -> Rows:
    assert day < MONDAY
    known = [each for (model, _), each in source.friday.items() if model == "hris_employees"]
    counted = Counter(
        each.get("legal_entity_id")
        for each in known
        if each["remote_deleted_at"] is None and each.get("employment_status") == "ACTIVE"
    )
    assert sum(counted.values()) != sum(
        each.get("employment_status") == "ACTIVE" for each in source.live("hris_employees")
    )
    return list(counted.items())


def managers(source: MondaySource) -> Rows:
    employees = {each["id"]: each for each in source.all("hris_employees")}
    return [
        (
            now["first_name"],
            now["last_name"],
            employees[before["manager_id"]]["first_name"],
            employees[now["manager_id"]]["first_name"],
            MONDAY,
        )
        for (model, id), before in source.friday.items()
        if model == "hris_employees"
        for now in [employees[id]]
        if before.get("manager_id") and now.get("manager_id") and before["manager_id"] != now["manager_id"]
    ]


ANSWERS: Answers = {
    "What was each salary before its last change?": salaries,
    "How many people worked in each legal entity, as it was known on a day?": headcount,
    "Who had which manager before?": managers,
}
