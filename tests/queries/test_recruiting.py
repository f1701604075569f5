"""The answers of the section Recruiting, computed from the source's records."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from typing import Any

from tests.queries.mirrored import Answers, Rows
from tests.queries.page import Question
from tests.queries.sources import MondaySource


def test_every_question_has_an_answer(questions: dict[str, Question]) -> None:
    assert [each.title for each in questions.values() if each.section == "Recruiting"] == list(ANSWERS)


def test_the_database_says_what_the_records_say(
    question: Question, check: Callable[[Question, Answers], None]
) -> None:
    check(question, ANSWERS)


def open_jobs(source: MondaySource) -> Rows:
    applications = source.live("ats_applications")
    return [
        (
            job["name"],
            job["opened_at"] and job["opened_at"][:10],
            sum(each["job_id"] == id for each in applications),
            sum(each["job_id"] == id and each["outcome"] == "PENDING" for each in applications),
        )
        for id, job in source.by_id("ats_jobs").items()
        if job["status"] == "OPEN"
    ]


def days_to_hire(source: MondaySource) -> Rows:
    jobs, applications = source.by_id("ats_jobs"), source.by_id("ats_applications")
    found = defaultdict(list)
    for offer in source.live("ats_offers"):
        application = applications.get(offer["application_id"])
        if offer["status"] != "ACCEPTED" or application is None:
            continue
        if application["outcome"] == "HIRED" and application["job_id"] in jobs:
            found[application["job_id"]].append((application, offer))
    rows = []
    for id, hires in found.items():
        known = [
            (_date(offer["remote_updated_at"]) - _date(application["remote_created_at"])).days
            for application, offer in hires
            if offer["remote_updated_at"] and application["remote_created_at"]
        ]
        days = sum(known) / len(known) if known else None
        rows.append((jobs[id]["name"], len({application["id"] for application, _ in hires}), days))
    return rows


def pipeline(source: MondaySource) -> Rows:
    stages = source.by_id("ats_application_stages")
    applications = source.live("ats_applications")
    rows = []
    for job in source.live("ats_jobs"):
        placed = [each for each in job["stages"] if each["index"] is not None and each["id"] in stages]
        here = Counter(each["current_stage_id"] for each in applications if each["job_id"] == job["id"])
        for stage in placed:
            waiting = sum(
                each["outcome"] == "PENDING"
                for each in applications
                if (each["job_id"], each["current_stage_id"]) == (job["id"], stage["id"])
            )
            reached = sum(here[each["id"]] for each in placed if each["index"] >= stage["index"])
            rows.append((job["name"], stages[stage["id"]]["name"], reached, waiting))
    return rows


def silence(source: MondaySource, since: str) -> Rows:
    candidates, jobs = source.by_id("ats_candidates"), source.by_id("ats_jobs")
    stages = source.by_id("ats_application_stages")
    signs = defaultdict(list)
    for each in source.live("ats_applications"):
        signs[each["id"]].append(each["remote_created_at"])
    for model in ("ats_interviews", "ats_offers", "ats_notes", "ats_scorecards"):
        for each in source.live(model):
            signs[each["application_id"]].append(each["remote_created_at"])
    rows = []
    for each in source.live("ats_applications"):
        last = max((sign for sign in signs[each["id"]] if sign), default=None)
        candidate = candidates.get(each["candidate_id"])
        if each["outcome"] == "PENDING" and candidate is not None and last is not None and last < since:
            job, stage = jobs.get(each["job_id"], {}), stages.get(each["current_stage_id"], {})
            rows.append((*_names(candidate), job.get("name"), stage.get("name"), last[:10]))
    return rows


def sources(source: MondaySource) -> Rows:
    candidates = source.by_id("ats_candidates")
    found = defaultdict(list)
    for each in source.live("ats_applications"):
        if each["candidate_id"] in candidates:
            found[candidates[each["candidate_id"]]["source"] or "not told"].append(each["outcome"] == "HIRED")
    return [(name, len(hired), sum(hired), 100 * sum(hired) / len(hired)) for name, hired in found.items()]


def rejections(source: MondaySource) -> Rows:
    found = Counter(
        each["rejection_reason_name"] or "not told"
        for each in source.live("ats_applications")
        if each["outcome"] == "DECLINED"
    )
    return [(reason, number, 100 * number / found.total()) for reason, number in found.items()]


def interviews(source: MondaySource, first: str, until: str) -> Rows:
    users, jobs = source.by_id("ats_users"), source.by_id("ats_jobs")
    candidates = source.by_id("ats_candidates")
    rows = []
    for each in source.live("ats_interviews"):
        if each["canceled"] is True or not first <= (each["starting_at"] or "") < until:
            continue
        application = each["application"] or {}
        candidate = candidates.get((application.get("candidate") or {}).get("id"), {})
        job = jobs.get((application.get("job") or {}).get("id"), {})
        about = (each["starting_at"], each["title"], *_names(candidate), job.get("name"))
        rows += [(*about, *_names(users.get(user["id"], {}))) for user in each["users"] or [{"id": None}]]
    return rows


def scorecards(source: MondaySource, today: str) -> Rows:
    written = {(each["interview_id"], each["author_id"]) for each in source.live("ats_scorecards")}
    held = [
        each
        for each in source.live("ats_interviews")
        if each["canceled"] is not True and (each["starting_at"] or "9999") < today
    ]
    rows = []
    for id, user in source.by_id("ats_users").items():
        own = [each["id"] for each in held if id in [member["id"] for member in each["users"]]]
        if own:
            rows.append((*_names(user), len(own), sum((each, id) in written for each in own)))
    return rows


def offers(source: MondaySource) -> Rows:
    found = defaultdict(list)
    for each in source.live("ats_offers"):
        found[each["status"] or "not told"].append(each.get("employment_start_date"))
    rows = []
    for status, dates in found.items():
        days = [each[:10] for each in dates if each]
        rows.append((status, len(dates), min(days, default=None), max(days, default=None)))
    return rows


def tags(source: MondaySource) -> Rows:
    found = Counter(tag["id"] for each in source.live("ats_candidates") for tag in each["tags"])
    return [(tag["name"], found[id]) for id, tag in source.by_id("ats_tags").items()]


def without_cv(source: MondaySource) -> Rows:
    candidates, jobs = source.by_id("ats_candidates"), source.by_id("ats_jobs")
    there = {each["candidate_id"] for each in source.live("ats_attachments") if each["type"] == "CV"}
    return [
        (*_names(candidates[each["candidate_id"]]), jobs.get(each["job_id"], {}).get("name"))
        for each in source.live("ats_applications")
        if each["outcome"] == "PENDING" and each["candidate_id"] in candidates.keys() - there
    ]


def employed_candidates(source: MondaySource) -> Rows:
    found = set()
    for candidate in source.live("ats_candidates"):
        addresses = [each.get("email_address") for each in candidate.get("email_addresses") or ()]
        for employee in source.live("hris_employees"):
            own = {(employee.get(member) or "").lower() for member in ("work_email", "personal_email")}
            for address in addresses:
                if address and address.lower() in own:
                    state = (employee.get("job_title"), employee.get("employment_status"))
                    found.add((*_names(candidate), address.lower(), *state))
    return list(found)


def permissions(source: MondaySource) -> Rows:
    users = {id: user for id, user in source.by_id("ats_users").items() if user.get("status") != "INACTIVE"}
    rows: Rows = [
        (job["name"], users[member["id"]].get("email"), role.get("remote_label"))
        for job in source.live("ats_jobs")
        for member in job["hiring_team"]
        if member["id"] in users
        for role in member["job_roles"] or [{}]
    ]
    rows += [
        ("(everywhere)", user.get("email"), role["remote_label"])
        for user in users.values()
        for role in user["system_roles"]
    ]
    return rows


def open_assessments(source: MondaySource) -> Rows:
    return [
        (each["package_id"], each["candidate"]["email"], each["job"]["name"])
        for each in source.live("assessment_orders")
        if each["status"] == "OPEN"
    ]


def _names(record: dict[str, Any]) -> tuple[str | None, str | None]:
    return record.get("first_name"), record.get("last_name")


def _date(moment: str) -> date:
    return date.fromisoformat(moment[:10])


ANSWERS: Answers = {
    "Which jobs are open, and how many applications do they have?": open_jobs,
    "How long does it take from application to hire?": days_to_hire,
    "How far do applications come, stage by stage?": pipeline,
    "Which candidates have heard nothing for 14 days?": silence,
    "Which sources lead to hires?": sources,
    "Why are applications declined?": rejections,
    "Which interviews are next week, and who holds them?": interviews,
    "Who still owes a scorecard?": scorecards,
    "How do our offers stand?": offers,
    "Which tags do candidates carry?": tags,
    "Whose CV is missing?": without_cv,
    "Which candidates are or were employees?": employed_candidates,
    "Who can see what in recruiting?": permissions,
    "Which assessments are still open?": open_assessments,
}
