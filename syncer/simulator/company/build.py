"""The first state of a made-up company: all lists, filled from one random source."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from syncer.simulator.company import (
    hiring,
    jobs,
    learning,
    orders,
    payroll,
    staff,
    structure,
    talent,
    time_off,
)
from syncer.simulator.company.ids import DAY_MS
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Record
from syncer.simulator.company.sizes import sizes
from syncer.simulator.company.values import pick

#: Records that came with one sync share one changed_at; a company's past has so many syncs.
_SYNCS = 240
_HOURS_BETWEEN_SYNCS = 6


def build(maker: Maker, rng: Random, records: int) -> None:
    """Fills an empty maker."""
    now = maker.clock.now_ms()

    def past() -> int:
        return now - int(1 + rng.random() * _SYNCS) * _HOURS_BETWEEN_SYNCS * DAY_MS // 24

    wanted = sizes(records)

    def times(model: str, make: Callable[[int], object]) -> None:
        for place in range(wanted[model]):
            make(place)

    earliest = now - (_SYNCS + 1) * _HOURS_BETWEEN_SYNCS * DAY_MS // 24
    payroll.salary_types(maker, earliest)
    structure.scales(maker, earliest)
    jobs.questions(maker, rng, earliest)
    learning.providers(maker, earliest)

    simple: tuple[tuple[str, Callable[[Maker, Random, int], Record]], ...] = (
        ("hris_legal_entities", structure.legal_entity),
        ("hris_locations", structure.location),
        ("hris_groups", structure.group),
        ("hris_absence_types", structure.absence_type),
        ("hris_employee_document_categories", structure.document_category),
        ("hris_performance_review_cycles", structure.review_cycle),
        ("hris_skills", structure.skill),
        ("hris_employees", staff.employee),
        ("hris_staffing_entities", talent.staffing_entity),
        ("hris_pay_runs", payroll.pay_run),
        ("ats_roles", jobs.role),
        ("ats_users", jobs.user),
        ("ats_tags", jobs.tag),
        ("ats_application_stages", jobs.stage),
        ("ats_rejection_reasons", jobs.rejection_reason),
        ("ats_jobs", jobs.job),
        ("ats_candidates", hiring.candidate),
        ("lms_skills", learning.skill),
        ("lms_users", learning.user),
        ("lms_courses", learning.course),
        ("assessment_orders", orders.order),
    )
    for model, make in simple:
        for _ in range(wanted[model]):
            make(maker, rng, past())

    employees = list(maker.tables.of("hris_employees").values())
    for each in employees:
        staff.join_groups(maker, rng, past(), each)
    types, runs = maker.known("hris_absence_types"), maker.known("hris_pay_runs")
    times("hris_employments", lambda n: staff.employment(maker, rng, past(), employees[n % len(employees)]))
    times(
        "hris_time_off_balances",
        lambda n: staff.balance(
            maker, rng, past(), employees[n % len(employees)].id, types[n // len(employees) % len(types)]
        ),
    )
    times("hris_absences", lambda _: time_off.absence(maker, rng, past(), maker.someone(rng)))
    times("hris_timesheets", lambda _: time_off.timesheet(maker, rng, past(), maker.someone(rng)))
    times("hris_performance_reviews", lambda _: talent.review(maker, rng, past(), maker.someone(rng)))
    times("hris_skill_proficiency_ratings", lambda _: talent.rating(maker, rng, past(), maker.someone(rng)))
    times(
        "hris_payslips",
        lambda n: payroll.payslip(
            maker, rng, past(), maker.someone(rng), runs[n % len(runs)] if n % 30 else None
        ),
    )

    candidates = maker.known("ats_candidates")
    times(
        "ats_applications",
        lambda n: hiring.application(maker, rng, past(), candidates[n % len(candidates)] if n % 40 else None),
    )
    applications = list(maker.tables.of("ats_applications").values())
    ids = maker.known("ats_applications")
    times(
        "ats_interviews", lambda n: hiring.interview(maker, rng, past(), pick(rng, ids) if n % 50 else None)
    )
    times("ats_offers", lambda n: hiring.offer(maker, rng, past(), pick(rng, ids) if n % 50 else None))
    interviews = maker.known("ats_interviews")
    times("ats_notes", lambda _: hiring.note(maker, rng, past(), pick(rng, applications)))
    times(
        "ats_scorecards",
        lambda n: hiring.scorecard(
            maker, rng, past(), pick(rng, applications), pick(rng, interviews) if n % 8 else None
        ),
    )
    times("ats_attachments", lambda _: hiring.attachment(maker, rng, past(), pick(rng, applications)))

    users, revisions = maker.known("lms_users"), maker.known("lms_course_revisions")
    times(
        "lms_course_progressions",
        lambda _: learning.progression(maker, rng, past(), pick(rng, users), pick(rng, revisions)),
    )
