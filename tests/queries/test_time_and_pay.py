"""The answers of the section Time and pay, computed from the source's records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from tests.queries.mirrored import Answers, Rows
from tests.queries.page import Question
from tests.queries.sources import MondaySource


def test_every_question_has_an_answer(questions: dict[str, Question]) -> None:
    assert [each.title for each in questions.values() if each.section == "Time and pay"] == list(ANSWERS)


def test_the_database_says_what_the_records_say(
    question: Question, check: Callable[[Question, Answers], None]
) -> None:
    check(question, ANSWERS)


def absences_of_teams(source: MondaySource, first: str, until: str) -> Rows:
    groups, types = source.by_id("hris_groups"), source.by_id("hris_absence_types")
    members = {each["id"]: [group["id"] for group in each["groups"]] for each in source.all("hris_employees")}
    found = defaultdict(list)
    for each in source.live("hris_absences"):
        kind = types.get(each["type_id"])
        counts = each.get("status") == "APPROVED" and each["unit"] == "DAYS" and kind is not None
        if counts and first <= (each["start_date"] or "") < until:
            for id in members.get(each["employee_id"], ()):
                if id in groups and groups[id]["type"] == "TEAM":
                    found[id, each["start_date"][:7], each["type_id"]].append(each["amount"])
    return [
        (groups[id]["name"], month, types[kind_id]["name"], _total(amounts))
        for (id, month, kind_id), amounts in found.items()
    ]


def absent(source: MondaySource, first: str, until: str) -> Rows:
    employees = source.by_id("hris_employees")
    return [
        (*_names(employees[each["employee_id"]]), begin, end)
        for each in source.live("hris_absences")
        for begin, end in [(each["start_date"], each["end_date"])]
        if each.get("status") == "APPROVED" and each["employee_id"] in employees
        if begin is not None and begin < until and (end or begin) >= first
    ]


def balances(source: MondaySource) -> Rows:
    employees, types = source.by_id("hris_employees"), source.by_id("hris_absence_types")
    return [
        (
            *_names(employees[each["employee_id"]]),
            types.get(each["type_id"], {}).get("name"),
            each["balance"],
            each["balance_unit"],
        )
        for each in source.live("hris_time_off_balances")
        if each["balance"] is not None and each["employee_id"] in employees
    ]


def hours(source: MondaySource) -> Rows:
    found = defaultdict(list)
    for each in source.live("hris_timesheets"):
        found[each["started_at"][:7], each["approval_status"] or "not told"].append(each)
    return [
        (
            *key,
            len(sheets),
            len({each["employee_id"] for each in sheets}),
            _total(each["payable_hours"] for each in sheets),
        )
        for key, sheets in found.items()
    ]


def earnings(source: MondaySource, today: str) -> Rows:
    present: dict[str, dict[str, Any]] = {}
    for each in source.live("hris_employments"):
        begin = (each["effective_date"] or "9999")[:10]
        if begin <= today:
            known = present.get(each["employee_id"])
            if known is None or known["effective_date"] < each["effective_date"]:
                present[each["employee_id"]] = each
    employees = source.by_id("hris_employees")
    found = defaultdict(list)
    for id, each in present.items():
        employee = employees.get(id)
        if employee is None or (employee.get("termination_date") or "9999")[:10] < today:
            continue
        if each["pay_rate"] is not None:
            found[each["pay_currency"], each.get("pay_period")].append(each["pay_rate"])
    return [
        (*key, len(rates), min(rates), sum(rates) / len(rates), max(rates)) for key, rates in found.items()
    ]


def payroll(source: MondaySource) -> Rows:
    entities = source.by_id("hris_legal_entities")
    found = defaultdict(list)
    for each in source.live("hris_pay_runs"):
        if each["legal_entity_id"] in entities:
            month = each["start_date"] and each["start_date"][:7]
            found[each["legal_entity_id"], month, each["totals"]["gross_pay"]["currency"]].append(each)
    return [
        (
            entities[id]["name"],
            month,
            currency,
            len(runs),
            *(
                _total((each["totals"].get(member) or {}).get("value") for each in runs)
                for member in ("gross_pay", "net_pay")
            ),
        )
        for (id, month, currency), runs in found.items()
    ]


def line_items(source: MondaySource) -> Rows:
    found = defaultdict(list)
    for payslip in source.live("hris_payslips"):
        for item in payslip["line_items"]:
            kind, amount = item["salary_type"] or {}, item.get("amount") or {}
            name = kind.get("name") or item["name"] or "not told"
            found[name, amount.get("currency")].append(amount.get("value"))
    return [(*key, len(values), _total(values)) for key, values in found.items()]


def reviews(source: MondaySource, today: str) -> Rows:
    reviewed = {
        ((each["review_cycle"] or {}).get("id"), each["reviewee"]["id"])
        for each in source.live("hris_performance_reviews")
    }
    rows = []
    for id, cycle in source.by_id("hris_performance_review_cycles").items():
        expected = [
            each["id"] for each in source.employed(today) if each["integration_id"] == cycle["integration_id"]
        ]
        rows.append((cycle["name"], len(expected), sum((id, each) in reviewed for each in expected)))
    return rows


def _total(values: Iterable[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return sum(known) if known else None


def _names(record: dict[str, Any]) -> tuple[str | None, str | None]:
    return record.get("first_name"), record.get("last_name")


ANSWERS: Answers = {
    "How many days was each team absent, month by month?": absences_of_teams,
    "Who is absent this week?": absent,
    "How much time off does everybody have left?": balances,
    "How many hours were worked, month by month?": hours,
    "What do people earn, by currency and period?": earnings,
    "What did each legal entity pay?": payroll,
    "What are payslips made of?": line_items,
    "How far is each round of reviews?": reviews,
}
