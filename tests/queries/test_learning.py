"""The answers of the section Learning, computed from the source's records."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

from tests.queries.mirrored import Answers, Rows
from tests.queries.page import Question
from tests.queries.sources import MondaySource


def test_every_question_has_an_answer(questions: dict[str, Question]) -> None:
    assert [each.title for each in questions.values() if each.section == "Learning"] == list(ANSWERS)


def test_the_database_says_what_the_records_say(
    question: Question, check: Callable[[Question, Answers], None]
) -> None:
    check(question, ANSWERS)


def skills(source: MondaySource) -> Rows:
    openings, people = Counter[str](), defaultdict(set)
    for each in source.live("hris_staffing_entities"):
        if each["status"] in ("OPEN_LIMITED", "OPEN_UNLIMITED"):
            number = each["number_of_openings"]
            openings.update({skill["skill_id"]: 1 if number is None else number for skill in each["skills"]})
    employees = source.by_id("hris_employees")
    for each in source.live("hris_skill_proficiency_ratings"):
        if each["employee_id"] in employees:
            people[each["skill_id"]].add(each["employee_id"])
    return [
        (skill["name"], openings[id], len(people[id])) for id, skill in source.by_id("hris_skills").items()
    ]


def completions(source: MondaySource) -> Rows:
    users = source.by_id("lms_users")
    titles = {
        revision["id"]: revision["title"]
        for course in source.all("lms_courses")
        for revision in course["revisions"]
    }
    return [
        (
            users[each["user_id"]]["work_email"],
            titles[each["course_revision_id"]],
            each["completed_at"] and each["completed_at"][:10],
        )
        for each in source.live("lms_course_progressions")
        if each["status"] == "COMPLETED" and each["user_id"] in users and each["course_revision_id"] in titles
    ]


def lessons(source: MondaySource) -> Rows:
    names = source.by_id("lms_skills")
    completed = Counter(
        each["course_revision_id"]
        for each in source.live("lms_course_progressions")
        if each["status"] == "COMPLETED"
    )
    return [
        (revision["title"], names[entry["skill"]["id"]]["name"], completed[revision["id"]])
        for course in source.live("lms_courses")
        for revision in course["revisions"]
        if revision["remote_deleted_at"] is None
        for entry in revision["skill_assignments"]
        if entry["skill"]["id"] in names
    ]


ANSWERS: Answers = {
    "Which skills are wanted, and who has them?": skills,
    "Who has completed which course?": completions,
    "Which course teaches what, and how many have finished it?": lessons,
}
