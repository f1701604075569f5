"""HRIS: the models of HR systems."""

from __future__ import annotations

from syncer.domain.catalogue.model import Model
from syncer.domain.catalogue.models import hris_pay, hris_people, hris_talent, hris_time

MODELS: tuple[Model, ...] = (
    hris_people.EMPLOYEES,
    hris_people.EMPLOYMENTS,
    hris_people.GROUPS,
    hris_people.LOCATIONS,
    hris_people.LEGAL_ENTITIES,
    hris_time.ABSENCE_TYPES,
    hris_time.ABSENCES,
    hris_time.TIME_OFF_BALANCES,
    hris_time.TIMESHEETS,
    hris_people.DOCUMENT_CATEGORIES,
    hris_talent.PERFORMANCE_REVIEW_CYCLES,
    hris_talent.PERFORMANCE_REVIEWS,
    hris_talent.STAFFING_ENTITIES,
    hris_pay.PAY_RUNS,
    hris_pay.PAYSLIPS,
    hris_talent.SKILLS,
    hris_talent.SKILL_PROFICIENCY_RATINGS,
)
