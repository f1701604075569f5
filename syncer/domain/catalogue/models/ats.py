"""ATS: the models of applicant tracking systems."""

from __future__ import annotations

from syncer.domain.catalogue.model import Model
from syncer.domain.catalogue.models import ats_candidates, ats_hiring, ats_jobs

MODELS: tuple[Model, ...] = (
    ats_jobs.JOBS,
    ats_candidates.APPLICATIONS,
    ats_candidates.CANDIDATES,
    ats_jobs.APPLICATION_STAGES,
    ats_candidates.TAGS,
    ats_jobs.USERS,
    ats_jobs.ROLES,
    ats_hiring.OFFERS,
    ats_candidates.REJECTION_REASONS,
    ats_hiring.INTERVIEWS,
    ats_candidates.NOTES,
    ats_hiring.SCORECARDS,
    ats_candidates.ATTACHMENTS,
)
