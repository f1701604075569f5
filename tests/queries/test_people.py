"""The answers of the section People, computed from the source's records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.queries.mirrored import Answers, QueriedMirror, Rows
from tests.queries.page import Question
from tests.queries.sources import MondaySource


def test_every_question_has_an_answer(questions: dict[str, Question]) -> None:
    assert [each.title for each in questions.values() if each.section == "People"] == list(ANSWERS)


def test_the_database_says_what_the_records_say(
    question: Question, check: Callable[[Question, Answers], None]
) -> None:
    check(question, ANSWERS)


def test_whoever_is_asked_about_the_reports_are_found_and_circles_end(
    mirror: QueriedMirror, questions: dict[str, Question]
) -> None:
    question = questions["Who reports to one person, directly or through others?"]
    sizes = Counter[int]()
    for employee in mirror.source.live("hris_employees"):
        address = employee.get("work_email")
        if address is None:
            continue
        _, rows = mirror.run(question.sql[mirror.dialect], {"work_email": address})
        assert Counter(rows) == Counter(
            (float(depth), *names) for depth, *names in reports(mirror.source, address)
        )
        sizes[len(rows)] += 1
    assert len(sizes) > 5


def headcount_by_month(source: MondaySource, year: str) -> Rows:
    first_days = [f"{year}-{month:02}-01" for month in range(1, 13)]
    return [
        (entity["name"], day, sum(each.get("legal_entity_id") == id for each in source.employed(day)))
        for id, entity in source.by_id("hris_legal_entities").items()
        for day in first_days
    ]


def headcount_by_department(source: MondaySource, today: str) -> Rows:
    groups = source.by_id("hris_groups")
    found = Counter(
        group["id"]
        for employee in source.employed(today)
        for group in employee["groups"]
        if groups[group["id"]]["type"] == "DEPARTMENT"
    )
    return [(groups[id]["name"], number) for id, number in found.items()]


def chart(source: MondaySource) -> Rows:
    employees = source.by_id("hris_employees")
    rows = []
    for employee in employees.values():
        line = [employee]
        while (above := employees.get(line[-1].get("manager_id"))) is not None and above not in line:
            line.append(above)
        if above is None:
            rows.append((len(line), " > ".join(_name(each) for each in reversed(line))))
    return rows


def reports(source: MondaySource, work_email: str) -> Rows:
    employees = source.live("hris_employees")
    level = [each for each in employees if each.get("work_email") == work_email]
    seen = {each["id"] for each in level}
    rows, depth = [], 0
    while level:
        above, depth = {each["id"] for each in level}, depth + 1
        level = [each for each in employees if each.get("manager_id") in above and each["id"] not in seen]
        seen |= {each["id"] for each in level}
        rows += [(depth, each["first_name"], each.get("last_name"), each.get("job_title")) for each in level]
    return rows


def circles(source: MondaySource) -> Rows:
    employees = source.by_id("hris_employees")
    rows = []
    for employee in employees.values():
        seen, above = [employee["id"]], employees.get(employee.get("manager_id"))
        while above is not None and above["id"] not in seen:
            seen.append(above["id"])
            above = employees.get(above.get("manager_id"))
        if above is employee:
            manager = employees[employee["manager_id"]]
            rows.append((*_names(employee), *_names(manager)))
    return rows


def without_manager(source: MondaySource, today: str) -> Rows:
    everybody = {each["id"]: each for each in source.all("hris_employees")}
    rows = []
    for employee in source.live("hris_employees"):
        if _last_day(employee) < today:
            continue
        manager = everybody.get(employee.get("manager_id"))
        if employee.get("manager_id") is None:
            reason = "has no manager"
        elif manager is None:
            reason = "manager is not in the mirror"
        elif manager["remote_deleted_at"] is not None:
            reason = "manager was deleted"
        elif _last_day(manager) < today:
            reason = "manager has left"
        else:
            continue
        rows.append((*_names(employee), reason))
    return rows


def leavers(source: MondaySource, since: str, today: str) -> Rows:
    entities = source.by_id("hris_legal_entities")
    return [
        (*_names(each), _last_day(each), entities.get(each.get("legal_entity_id"), {}).get("name"))
        for each in source.all("hris_employees")
        if since <= _last_day(each) < today
    ]


def starters(source: MondaySource, first: str, until: str) -> Rows:
    employees = source.by_id("hris_employees")
    return [
        (
            *_names(each),
            each["start_date"][:10],
            each.get("job_title"),
            *_names(employees.get(each.get("manager_id"), {})),
        )
        for each in employees.values()
        if first <= (each.get("start_date") or "") < until
    ]


def countries(source: MondaySource, today: str) -> Rows:
    locations = source.by_id("hris_locations")
    found = Counter(
        (locations.get(each.get("work_location_id"), {}).get("address") or {}).get("country") or "not told"
        for each in source.employed(today)
    )
    return list(found.items())


def shirts(source: MondaySource) -> Rows:
    employees = source.live("hris_employees")
    found = Counter((each.get("custom_fields") or {}).get("shirt_size") or "not told" for each in employees)
    return list(found.items())


def same_person(source: MondaySource) -> Rows:
    def found(model: str, member: str, address: str | None) -> list[dict[str, Any]]:
        return [
            each
            for each in source.live(model)
            if address and (each.get(member) or "").lower() == address.lower()
        ]

    rows = []
    for employee in source.live("hris_employees"):
        address = employee.get("work_email")
        users = found("ats_users", "email", address)
        learners = found("lms_users", "work_email", address)
        if users or learners:
            rows += [
                (*_names(employee), address, user.get("status"), learner.get("status"))
                for user in users or [{}]
                for learner in learners or [{}]
            ]
    return rows


def _name(employee: dict[str, Any]) -> str:
    whole: str | None = employee.get("display_full_name")
    return " ".join(filter(None, _names(employee))) if whole is None else whole


def _names(record: dict[str, Any]) -> tuple[str | None, str | None]:
    return record.get("first_name"), record.get("last_name")


def _last_day(employee: dict[str, Any]) -> str:
    return (employee.get("termination_date") or "9999-12-31")[:10]


ANSWERS: Answers = {
    "How many people does each legal entity employ, month by month?": headcount_by_month,
    "How many people are in each department today?": headcount_by_department,
    "Who reports to whom?": chart,
    "Who reports to one person, directly or through others?": reports,
    "Who manages whom in a circle?": circles,
    "Who has no manager, or one who is gone?": without_manager,
    "Who left in the last 30 days?": leavers,
    "Who starts next month?": starters,
    "In which countries do people work?": countries,
    "What is in a custom field?": shirts,
    "Who is the same person in personnel, recruiting and learning?": same_person,
}
