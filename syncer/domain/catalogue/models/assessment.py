"""Assessment: orders that applicant tracking systems place with the owner of the API key."""

from __future__ import annotations

from syncer.domain.catalogue.model import Features, Filter, Model, RemoteOwner
from syncer.domain.catalogue.models.columns import json, text
from syncer.domain.catalogue.privacy import Privacy

ORDERS = Model(
    name="assessment_orders",
    path="/assessment/orders",
    title="Assessment orders",
    meaning="Tests that were ordered for a candidate; they tell neither changes nor deletions",
    columns=(
        text("package_id", "Id of the ordered package, as registered with Kombo", Privacy.PROCESS),
        text("status", "OPEN, COMPLETED, CANCELLED or REJECTED", Privacy.PROCESS),
        json("candidate", "Who is tested: remote_id, names, email, phone; has no Kombo id", Privacy.IDENTITY),
        json("application", "Application that the order is part of: only its remote_id", Privacy.IDENTIFIER),
        json(
            "job", "Job applied for: remote_id, name, place, hiring team; has no Kombo id", Privacy.FREE_TEXT
        ),
    ),
    filters=(
        Filter("statuses", "list", ("OPEN", "COMPLETED", "CANCELLED", "REJECTED")),
        Filter("created_after", "timestamp"),
    ),
    features=Features(updated_after=False, include_deleted=False, remote_ids=False),
    has_remote_id=False,
    has_changed_at=False,
    has_remote_deleted_at=False,
    remote_owners=(
        RemoteOwner("ats_candidates", ("candidate", "remote_id")),
        RemoteOwner("ats_applications", ("application", "remote_id")),
    ),
)

MODELS: tuple[Model, ...] = (ORDERS,)
