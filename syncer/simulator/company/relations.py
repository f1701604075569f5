"""How records hang together: which record shows copies of which others, and what re-emits it.

The table is data. It drives rendering (a copy always shows the linked record as it is now) and
``updated_after`` (which of a linked record's fates make the carrier match). Members of copies come from
Kombo's OpenAPI document and its Python SDK 1.4.0, and so do the two columns added_removed and linked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """A member of carrier that shows a record, or a list of records, of target.

    how: ``ref`` (the carrier's own member ``field`` holds the id), ``children`` (target's member
    ``field`` holds the carrier's id), ``link`` (a list of pairs, named ``field``), ``extra`` (ids kept with a
    pair of the link ``field``). copy: the members shown; None means all own ones. inside: relations of
    the copy. wrap: the copy lies one level deeper, under this name, with the target's id as id_member.
    required: where the target is missing, a copy of nulls stands there instead of null.
    added_removed, linked: whether ``updated_after`` on the carrier matches after an entry came or went, and
    after the linked record's own members changed; for ``children`` the two are one, because a child comes
    and goes by a change of its own. path: the relation's name in Kombo's own table.
    """

    carrier: str
    member: str
    target: str
    how: Literal["ref", "children", "link", "extra"]
    field: str
    copy: tuple[str, ...] | None = None
    inside: tuple[Relation, ...] = ()
    wrap: str = ""
    id_member: str = ""
    required: bool = False
    added_removed: bool = False
    linked: bool = False
    path: str = ""

    @property
    def many(self) -> bool:
        return self.how != "ref"

    @property
    def edge(self) -> tuple[str, str]:
        """(model, name) of the index that finds this relation's pairs."""
        return (self.target if self.how == "children" else self.carrier, self.field)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_GROUP = _names("id remote_id name type")
_SEAT = _names("id remote_id name")
_USER = _names("id remote_id first_name last_name email")
_ROLE = _names("remote_id remote_label scope unified_type")
_PERSON = _names("id remote_id first_name last_name display_full_name work_email remote_deleted_at")
_MANAGER = _names(
    "first_name last_name display_full_name id employee_number work_email remote_id employment_status"
    " termination_date"
)

_SCALE = Relation(
    "hris_skills", "proficiency_scale", "hris_skill_proficiency_scales", "ref", "_proficiency_scale_id"
)
_SALARY_TYPE = Relation(
    "hris_payslip_line_items", "salary_type", "hris_salary_types", "ref", "_salary_type_id"
)
_TAGS = Relation("ats_candidates", "tags", "ats_tags", "link", "tags", _SEAT)
_JOB = Relation("ats_applications", "job", "ats_jobs", "ref", "job_id", _SEAT)
_STAGE = Relation(
    "ats_applications",
    "current_stage",
    "ats_application_stages",
    "ref",
    "current_stage_id",
    _names("id name remote_id index"),
)
_CANDIDATE = Relation(
    "ats_applications",
    "candidate",
    "ats_candidates",
    "ref",
    "candidate_id",
    _names("id remote_id first_name last_name email_addresses"),
)
_SKILL_ASSIGNMENTS = Relation(
    "lms_course_revisions",
    "skill_assignments",
    "lms_skills",
    "link",
    "skill_assignments",
    _SEAT,
    wrap="skill",
)
_COURSE = Relation(
    "lms_course_revisions", "course", "lms_courses", "ref", "course_id", _names("id remote_id")
)

RELATIONS: tuple[Relation, ...] = (
    Relation(
        "hris_employees", "employments", "hris_employments", "children", "employee_id",
        added_removed=True, linked=True,
    ),
    Relation(
        "hris_employees", "time_off_balances", "hris_time_off_balances", "children", "employee_id",
        added_removed=True, linked=True,
    ),
    Relation("hris_employees", "manager", "hris_employees", "ref", "manager_id", _MANAGER, linked=True),
    Relation(
        "hris_employees", "groups", "hris_groups", "link", "groups", _GROUP,
        added_removed=True, path="group_memberships",
    ),
    Relation(
        "hris_employees", "legal_entity", "hris_legal_entities", "ref", "legal_entity_id",
        _names("id remote_id name address"), linked=True,
    ),
    Relation("hris_employees", "teams", "hris_groups", "link", "groups", _GROUP),
    Relation(
        "hris_employees", "work_location", "hris_locations", "ref", "work_location_id", linked=True,
    ),
    Relation("hris_time_off_balances", "type", "hris_absence_types", "ref", "type_id", linked=True),
    Relation("hris_absences", "type", "hris_absence_types", "ref", "type_id", linked=True),
    Relation(
        "hris_performance_reviews", "reviewee", "hris_employees", "ref", "_reviewee_id", _PERSON,
        required=True, linked=True,
    ),
    Relation(
        "hris_performance_reviews", "reviewer", "hris_employees", "ref", "_reviewer_id", _PERSON,
        required=True, linked=True,
    ),
    Relation(
        "hris_performance_reviews", "review_cycle", "hris_performance_review_cycles", "ref",
        "_review_cycle_id", linked=True,
    ),
    Relation(
        "hris_staffing_entities", "locations", "hris_locations", "link", "locations", _GROUP,
        added_removed=True, linked=True,
    ),
    Relation(
        "hris_staffing_entities", "legal_entities", "hris_legal_entities", "link", "legal_entities", _SEAT,
        added_removed=True, linked=True,
    ),
    Relation(
        "hris_staffing_entities", "groups", "hris_groups", "link", "groups", _GROUP,
        added_removed=True, linked=True,
    ),
    Relation(
        "hris_staffing_entities", "skills", "hris_skills", "link", "skills", _SEAT, (_SCALE,),
        wrap="skill", id_member="skill_id", added_removed=True, linked=True,
    ),
    Relation(
        "hris_payslips", "employee", "hris_employees", "ref", "_employee_id",
        _names("id remote_id first_name last_name display_full_name remote_deleted_at work_email"),
        required=True,
    ),
    Relation(
        "hris_payslips", "pay_run", "hris_pay_runs", "ref", "_pay_run_id",
        _names("id remote_id start_date end_date legal_entity_id"),
    ),
    Relation(
        "hris_payslips", "line_items", "hris_payslip_line_items", "children", "_payslip_id",
        inside=(_SALARY_TYPE,), added_removed=True, linked=True,
    ),
    Relation(
        "ats_applications", "candidate", "ats_candidates", "ref", "candidate_id",
        _names(
            "id remote_id first_name last_name email_addresses phone_numbers social_media source remote_url"
        ),
        (_TAGS,), linked=True,
    ),
    Relation(
        "ats_applications", "current_stage", "ats_application_stages", "ref", "current_stage_id",
        _names("id remote_id name index status custom_fields"),
    ),
    _JOB,
    Relation(
        "ats_applications", "interviews", "ats_interviews", "children", "application_id",
        _names("id remote_id title starting_at ending_at location canceled"),
        added_removed=True, linked=True,
    ),
    Relation(
        "ats_applications", "offers", "ats_offers", "children", "application_id",
        _names("id remote_id status"), added_removed=True, linked=True,
    ),
    Relation(
        "ats_candidates", "applications", "ats_applications", "children", "candidate_id",
        _names(
            "id remote_id outcome rejection_reason_name rejected_at remote_url changed_at remote_created_at"
            " remote_updated_at"
        ),
        (_STAGE, _JOB), added_removed=True, linked=True,
    ),
    Relation("ats_candidates", "tags", "ats_tags", "link", "tags", _SEAT, added_removed=True),
    Relation(
        "ats_jobs", "stages", "ats_application_stages", "link", "stages",
        _names("id remote_id name remote_data index status custom_fields"), added_removed=True,
    ),
    Relation(
        "ats_jobs", "screening_questions", "ats_screening_questions", "link", "screening_questions",
        added_removed=True, linked=True,
    ),
    Relation(
        "ats_jobs", "job_postings", "ats_job_postings", "children", "_job_id",
        added_removed=True, linked=True,
    ),
    Relation(
        "ats_jobs", "hiring_team", "ats_users", "link", "hiring_team", _USER,
        (Relation("ats_jobs", "job_roles", "ats_roles", "extra", "hiring_team.job_roles", _ROLE),),
        added_removed=True,
    ),
    Relation(
        "ats_users", "system_roles", "ats_roles", "link", "system_roles", _ROLE,
        added_removed=True, linked=True, path="system_role_assignment",
    ),
    Relation(
        "ats_offers", "application", "ats_applications", "ref", "application_id", (),
        (_CANDIDATE, _JOB), linked=True,
    ),
    Relation(
        "ats_interviews", "users", "ats_users", "link", "users", _USER,
        added_removed=True, path="interviewers",
    ),
    Relation(
        "ats_interviews", "application", "ats_applications", "ref", "application_id",
        _names("id remote_id outcome rejection_reason_name"), (_CANDIDATE, _JOB), linked=True,
    ),
    Relation("ats_notes", "author", "ats_users", "ref", "author_id", _USER),
    Relation("ats_scorecards", "author", "ats_users", "ref", "author_id", _USER),
    Relation("lms_courses", "provider", "lms_course_providers", "ref", "provider_id", _SEAT),
    Relation(
        "lms_courses", "revisions", "lms_course_revisions", "children", "course_id",
        inside=(_SKILL_ASSIGNMENTS,), added_removed=True, linked=True,
    ),
    Relation(
        "lms_course_progressions", "user", "lms_users", "ref", "user_id",
        _names("id remote_id first_name last_name work_email"), required=True,
    ),
    Relation(
        "lms_course_progressions", "course_revision", "lms_course_revisions", "ref", "course_revision_id",
        _names("id remote_id title"), (_COURSE,), required=True,
    ),
)  # fmt: skip

#: Models whose records carry no changed_at and no remote_deleted_at.
UNDATED = frozenset(
    {
        "assessment_orders",
        "ats_job_postings",
        "ats_screening_questions",
        "hris_payslip_line_items",
        "hris_salary_types",
        "hris_skill_proficiency_scales",
        "lms_course_providers",
    }
)

#: Models with members that are never shown; their names begin with ``_``.
SECRETIVE = frozenset(
    {
        "assessment_orders",
        "ats_application_stages",
        "ats_job_postings",
        "hris_payslip_line_items",
        "hris_payslips",
        "hris_performance_reviews",
        "hris_skills",
    }
)


def relations_of(model: str) -> tuple[Relation, ...]:
    """The relations that a record of this model shows, in the order of its members."""
    return tuple(relation for relation in RELATIONS if relation.carrier == model)


def ways_out(target: str) -> tuple[tuple[Relation, ...], ...]:
    """Every chain of relations from a record of target to the records that show a copy of it."""
    return tuple(way for relation in RELATIONS for way in _ways(relation) if way[0].target == target)


def _ways(relation: Relation) -> Iterator[tuple[Relation, ...]]:
    yield (relation,)
    for inner in relation.inside:
        for way in _ways(inner):
            yield way if inner.how == "extra" else (*way, relation)
