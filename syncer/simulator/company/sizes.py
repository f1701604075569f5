"""How many records of each model a company of a given size has."""

from __future__ import annotations

#: Share of the total; the small lists below come first and the largest list takes what is left.
SHARES: dict[str, float] = {
    "hris_employees": 0.055,
    "hris_employments": 0.075,
    "hris_groups": 0.006,
    "hris_locations": 0.002,
    "hris_legal_entities": 0.001,
    "hris_absences": 0.13,
    "hris_time_off_balances": 0.09,
    "hris_timesheets": 0.15,
    "hris_performance_reviews": 0.04,
    "hris_staffing_entities": 0.01,
    "hris_pay_runs": 0.002,
    "hris_payslips": 0.085,
    "hris_skills": 0.002,
    "hris_skill_proficiency_ratings": 0.03,
    "ats_jobs": 0.006,
    "ats_applications": 0.065,
    "ats_candidates": 0.05,
    "ats_tags": 0.001,
    "ats_users": 0.004,
    "ats_offers": 0.01,
    "ats_interviews": 0.045,
    "ats_notes": 0.035,
    "ats_scorecards": 0.02,
    "ats_attachments": 0.025,
    "lms_users": 0.015,
    "lms_courses": 0.004,
    "lms_course_progressions": 0.03,
    "lms_skills": 0.002,
    "assessment_orders": 0.007,
}

#: Lists that do not grow with the company.
FIXED: dict[str, int] = {
    "hris_absence_types": 8,
    "hris_employee_document_categories": 6,
    "hris_performance_review_cycles": 4,
    "ats_application_stages": 12,
    "ats_roles": 8,
    "ats_rejection_reasons": 7,
}

SMALLEST = 4
_REST = "hris_timesheets"


def sizes(records: int) -> dict[str, int]:
    """Model -> number of records; the sum is records, but no list is empty: about 150 is the least."""
    wanted = FIXED | {model: max(SMALLEST, int(share * records)) for model, share in SHARES.items()}
    wanted[_REST] += max(0, records - sum(wanted.values()))
    for _ in range(sum(wanted.values()) - records):
        largest = max(SHARES, key=wanted.__getitem__)
        wanted[largest] = max(SMALLEST, wanted[largest] - 1)
    return wanted
