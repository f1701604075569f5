"""Names that ``data-changed`` has for what changed: of models, of embedded ones, and of joins."""

from __future__ import annotations

from collections.abc import Mapping

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.company.records import Record

#: Link of a model's records -> what Kombo's database calls the join, or the joins.
JOINS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("hris_employees", "groups"): ("hris_join_employees_teams",),
    ("hris_staffing_entities", "groups"): ("hris_join_staffing_entities_groups",),
    ("hris_staffing_entities", "legal_entities"): ("hris_join_staffing_entities_legal_entities",),
    ("hris_staffing_entities", "locations"): ("hris_join_staffing_entities_locations",),
    ("hris_staffing_entities", "skills"): ("hris_join_staffing_entities_skills",),
    ("ats_candidates", "tags"): ("ats_join_candidates_tags",),
    ("ats_interviews", "users"): ("ats_join_interviews_users",),
    ("ats_jobs", "hiring_team"): ("ats_join_jobs_users", "ats_join_user_job_role_assignments"),
    ("ats_jobs", "screening_questions"): ("ats_join_jobs_screening_questions",),
    ("ats_jobs", "stages"): ("ats_join_jobs_application_stages",),
    ("ats_users", "system_roles"): ("ats_join_users_roles",),
    ("lms_course_revisions", "skill_assignments"): ("lms_join_revisions_skills",),
}


def changed_names(record: Record, link: str | None) -> tuple[str, ...]:
    """Name what changed; nothing where ``data-changed`` never tells of it.

    A link that Kombo has no name for is told as a change of its record.
    """
    if link is not None and (record.model, link) in JOINS:
        return JOINS[record.model, link]
    model = catalogue().get(record.model)
    if model is None:
        # Embedded models without a list of their own go by the name of their table.
        return (record.model,)
    return () if model.webhook_name is None else (model.webhook_name,)
