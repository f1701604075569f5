"""The answers of the section The mirror itself, computed from what happened at the source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from syncer.domain.catalogue.lookup import catalogue
from tests.queries.mirrored import Answers, Rows
from tests.queries.page import Question
from tests.queries.sources import MondaySource

#: The last sync of what was not asked for on Monday.
FRIDAY = "2026-06-12"
#: What the firm's tool does not give any more since then.
UNAVAILABLE = ("nordlicht.example", "hris_timesheets")


def test_every_question_has_an_answer(questions: dict[str, Question]) -> None:
    asked = [each.title for each in questions.values() if each.section == "The mirror itself"]
    assert asked == list(ANSWERS)


def test_the_database_says_what_the_records_say(
    question: Question, check: Callable[[Question, Answers], None]
) -> None:
    check(question, ANSWERS)


def stale(source: MondaySource, since: str) -> Rows:
    assert since > FRIDAY
    return [
        (f"Firma {domain}", model, "unavailable" if (domain, model) == UNAVAILABLE else "complete", FRIDAY)
        for domain in (company.domain for company in source.companies.values())
        for model in catalogue()
        if model.startswith("lms_") or (domain, model) == UNAVAILABLE
    ]


def holdings(source: MondaySource) -> Rows:
    rows = []
    for id, company in source.companies.items():
        live, deleted = Counter[str](), Counter[str]()
        for model in catalogue():
            for row in source.all(model):
                if row["integration_id"] == id:
                    (live if row.get("remote_deleted_at") is None else deleted)[model] += 1
        tool = id.partition(":")[0].title()
        rows.append(
            (f"Firma {company.domain}", tool, len(catalogue()), live.total(), deleted.total(), FRIDAY)
        )
    return rows


def deletions(source: MondaySource, since: str) -> Rows:
    kinds = {"employee": "hris_employees", "candidate": "ats_candidates", "application": "ats_applications"}
    return [
        (kind, row["id"], row["remote_deleted_at"][:10], "kombo")
        for kind, model in kinds.items()
        for row in source.all(model)
        if (row["remote_deleted_at"] or "") >= since
    ]


def changed_employees(source: MondaySource, today: str) -> Rows:
    assert today > FRIDAY
    employees = {row["id"]: row for row in source.all("hris_employees")}
    return [
        (row["first_name"], row.get("last_name"), "gone" if row["remote_deleted_at"] else what)
        for what, model, id in source.happened
        if model == "hris_employees"
        for row in [employees[id]]
    ]


def changes(source: MondaySource, today: str) -> Rows:
    assert today > FRIDAY
    found = Counter((model, what) for what, model, _ in source.happened if not model.startswith("lms_"))
    return [
        (model, found[model, "new"], found[model, "changed"], found[model, "gone"], 0)
        for model in dict.fromkeys(model for model, _ in found)
    ]


ANSWERS: Answers = {
    "Which data is stale?": stale,
    "How much does the mirror hold of each customer?": holdings,
    "What has disappeared in the last week, and who found out?": deletions,
    "Which employees have changed today?": changed_employees,
    "How much has changed today, model by model?": changes,
}
