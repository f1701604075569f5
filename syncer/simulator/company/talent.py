"""Performance reviews, staffing entities and skill ratings."""

from __future__ import annotations

from random import Random
from typing import Any

from syncer.simulator.company import names
from syncer.simulator.company.factory import Factory
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Members, Record
from syncer.simulator.company.relations import ID_AND_NAME, TYPED_NAME, Relation, members
from syncer.simulator.company.values import (
    LONG_TEXT,
    custom_fields,
    integration_fields,
    maybe,
    pick,
    remote_data,
    remote_times,
)

_ENTITY_STATUSES = ("OPEN_LIMITED", "OPEN_UNLIMITED", "PENDING", "FROZEN", "FILLED", "CLOSED", None)
_EMPLOYMENT_TYPES: tuple[Members, ...] = (
    {"remote_label": "Vollzeit", "unified_type": "FULL_TIME"},
    {"remote_label": "Teilzeit 50 %", "unified_type": "PART_TIME"},
    {"remote_label": "Altersteilzeit (Blockmodell)", "unified_type": None},
)


def review(maker: Maker, rng: Random, at: int, reviewee_id: str) -> Record:
    """Make a review; one reviewer in some dozens was filtered out, so that only ids of them are known."""
    number = maker.next_number("hris_performance_reviews")
    reviewer = maker.ghost("hris_employees") if number % 30 == 4 else maybe(rng, maker.someone(rng), 0.95)
    fields: Members = {
        "type": ("MANAGER", "DIRECT_REPORT", "PEER", "SELF", None)[number % 5],
        "summary_comment": maybe(rng, pick(rng, names.SENTENCES), 0.7),
        "summary_rating": _rating(rng, number),
        "remote_data": remote_data(rng, "/v1/reviews", number),
        "_reviewee_id": reviewee_id,
        "_reviewer_id": reviewee_id if number % 5 == 3 else reviewer,
        "_review_cycle_id": maybe(rng, pick(rng, maker.known("hris_performance_review_cycles")), 0.95),
    }
    if number % 8 == 6:
        fields.pop("summary_rating")
    return maker.put("hris_performance_reviews", fields, remote_id=f"review/{number}", at=at)


def staffing_entity(maker: Maker, rng: Random, at: int) -> Record:
    number = maker.next_number("hris_staffing_entities")
    earlier = maker.known("hris_staffing_entities")
    fields: Members = {
        "name": maybe(rng, pick(rng, names.JOBS), 0.97),
        "model_type": ("JOB", "POSITION", "REQUISITION", None)[number % 4],
        "description": LONG_TEXT if number % 100 == 3 else maybe(rng, pick(rng, names.SENTENCES), 0.6),
        "status": _ENTITY_STATUSES[number % len(_ENTITY_STATUSES)],
        "employment_types": [] if number % 5 == 0 else list(_EMPLOYMENT_TYPES[: 1 + number % 3]),
        "number_of_openings": maybe(rng, 1 + number % 4, 0.8),
        "parent_id": pick(rng, earlier) if earlier and number % 3 == 0 else None,
        "remote_url": maybe(rng, f"https://{maker.domain}/positions/{number}?tab=ä", 0.5),
        **remote_times(rng, maker.clock.now_ms()),
        "custom_fields": custom_fields(rng),
        "integration_fields": integration_fields(rng, number),
        "remote_data": remote_data(rng, "/v1/positions", number),
    }
    if number % 9 == 8:
        fields["employment_types"] = None
    links: dict[str, dict[str, Members]] = {
        member: {pick(rng, maker.known(model)): {} for _ in range(number % 3)}
        for member, model in (
            ("locations", "hris_locations"),
            ("legal_entities", "hris_legal_entities"),
            ("groups", "hris_groups"),
        )
    }
    links["skills"] = {
        skill_id: _expected(maker, skill_id, number)
        for skill_id in (pick(rng, maker.known("hris_skills")) for _ in range(number % 4))
    }
    return maker.put("hris_staffing_entities", fields, remote_id=f"P{number:06d}", links=links, at=at)


def rating(maker: Maker, rng: Random, at: int, employee_id: str) -> Record:
    """Make an employee's rating of a skill."""
    number = maker.next_number("hris_skill_proficiency_ratings")
    options = maker.scale_options()
    choice = number % (len(options) + 1)
    proficiency: Members = {
        "type": "SINGLE_SELECT",
        "options": options,
        "selected_option_id": options[choice]["id"] if choice < len(options) else None,
    }
    fields: Members = {
        "employee_id": employee_id,
        "skill_id": pick(rng, maker.known("hris_skills")),
        "proficiency": proficiency if number % 10 else None,
        "rating_source": ("SELF", "EXTERNAL", "Peer-Kalibrierung", None)[number % 4],
    }
    if number % 25 == 13:
        fields.pop("proficiency")
    return maker.put("hris_skill_proficiency_ratings", fields, remote_id=str(number), at=at)


def _rating(rng: Random, number: int) -> Members | None:
    if number % 3 == 0:
        return {"type": "NUMERIC", "min": 1, "max": 5, "value": round(1 + rng.random() * 4, 1)}
    if number % 3 == 1:
        options = ["entspricht nicht", "entspricht", "übertrifft"]
        return {"type": "SINGLE_SELECT", "ordered_options": options, "value": pick(rng, options)}
    return None


def _expected(maker: Maker, skill_id: str, number: int) -> Members:
    scale_id = maker.tables.of("hris_skills")[skill_id].fields["_proficiency_scale_id"]
    scale: Any = maker.tables.get("hris_skill_proficiency_scales", scale_id)
    if scale is None:
        return {}
    if scale.fields["type"] == "NUMERIC":
        return {"expected_proficiency": {"type": "NUMERIC", "value": 1 + number % 9}}
    chosen = scale.fields["ordered_options"][number % 3]["id"]
    return {"expected_proficiency": {"type": "SINGLE_SELECT", "selected_option_id": chosen}}


_PERSON = members("id remote_id first_name last_name display_full_name work_email remote_deleted_at")
_SCALE = Relation(
    "hris_skills", "proficiency_scale", "hris_skill_proficiency_scales", "ref", "_proficiency_scale_id"
)

FACTORIES = (
    Factory(
        "hris_staffing_entities",
        staffing_entity,
        share=0.01,
        relations=(
            Relation(
                "hris_staffing_entities", "locations", "hris_locations", "link", "locations", TYPED_NAME,
                added_removed=True, linked=True,
            ),
            Relation(
                "hris_staffing_entities", "legal_entities", "hris_legal_entities", "link", "legal_entities",
                ID_AND_NAME, added_removed=True, linked=True,
            ),
            Relation(
                "hris_staffing_entities", "groups", "hris_groups", "link", "groups", TYPED_NAME,
                added_removed=True, linked=True,
            ),
            Relation(
                "hris_staffing_entities", "skills", "hris_skills", "link", "skills", ID_AND_NAME, (_SCALE,),
                wrap="skill", id_member="skill_id", added_removed=True, linked=True,
            ),
        ),
    ),
    Factory(
        "hris_performance_reviews",
        lambda maker, rng, at: review(maker, rng, at, maker.someone(rng)),
        share=0.04,
        dependent=True,
        relations=(
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
        ),
    ),
    Factory(
        "hris_skill_proficiency_ratings",
        lambda maker, rng, at: rating(maker, rng, at, maker.someone(rng)),
        share=0.03,
        dependent=True,
    ),
)  # fmt: skip
