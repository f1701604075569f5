"""HRIS: performance reviews and staffing."""

from __future__ import annotations

from syncer.domain.catalogue.model import Child, Filter, Link, Model
from syncer.domain.catalogue.models.columns import (
    CUSTOM_FIELDS,
    INTEGRATION_FIELDS,
    REMOTE_CREATED_AT,
    REMOTE_DATA,
    REMOTE_UPDATED_AT,
    REMOTE_URL,
    date,
    json,
    number,
    owner,
    ref,
    shown,
    text,
)
from syncer.domain.catalogue.privacy import Privacy

PERFORMANCE_REVIEW_CYCLES = Model(
    name="hris_performance_review_cycles",
    remote_id=Privacy.ORGANISATION,
    path="/hris/performance-review-cycles",
    webhook_name="hris_performance_review_cycles",
    title="Performance review cycles",
    meaning="Rounds in which employees are reviewed",
    columns=(
        text("name", "Name of the cycle", Privacy.ORGANISATION),
        date(
            "review_period_start_date",
            "First day of the time under review and of handing in reviews",
            Privacy.ORGANISATION,
        ),
        REMOTE_DATA,
    ),
)

PERFORMANCE_REVIEWS = Model(
    name="hris_performance_reviews",
    path="/hris/performance-reviews",
    webhook_name="hris_performance_reviews",
    title="Performance reviews",
    meaning="What one employee wrote about another, or about themselves, in a cycle",
    columns=(
        text(
            "type",
            "Who reviews, seen from the reviewed: MANAGER, DIRECT_REPORT, PEER or SELF",
            Privacy.PROCESS,
        ),
        text("summary_comment", "Verdict in words", Privacy.ASSESSMENT),
        json("summary_rating", "Verdict as a number or a choice, with its scale", Privacy.ASSESSMENT),
        REMOTE_DATA,
        json(
            "reviewee",
            "Copy of the reviewed employee's record; join reviewee_id instead",
            Privacy.COPY,
            embeds="hris_employees",
        ),
        json(
            "reviewer",
            "Copy of the reviewer's record; names are null if filtered out",
            Privacy.COPY,
            embeds="hris_employees",
        ),
        json(
            "review_cycle",
            "Copy of the cycle; join review_cycle_id instead",
            Privacy.COPY,
            embeds="hris_performance_review_cycles",
        ),
        owner("reviewee_id", "hris_employees", "Who is reviewed, taken from reviewee", at="reviewee.id"),
        ref(
            "reviewer_id",
            "hris_employees",
            "Who reviews, taken from reviewer",
            Privacy.ASSESSMENT,
            at="reviewer.id",
        ),
        ref(
            "review_cycle_id",
            "hris_performance_review_cycles",
            "Cycle of the review, taken from review_cycle",
            at="review_cycle.id",
        ),
    ),
    filters=(
        Filter("types", "list", ("MANAGER", "DIRECT_REPORT", "PEER", "SELF")),
        Filter("review_cycle_ids", "list"),
        Filter("reviewee_ids", "list"),
    ),
)

STAFFING_ENTITIES = Model(
    name="hris_staffing_entities",
    remote_id=Privacy.ORGANISATION,
    path="/hris/staffing-entities",
    webhook_name="hris_staffing_entities",
    title="Staffing entities",
    meaning="Jobs, positions and requisitions of the staffing plan",
    columns=(
        text("name", "Name of the job, position or requisition", Privacy.ORGANISATION),
        text("model_type", "Which of them it is: JOB, POSITION or REQUISITION", Privacy.ORGANISATION),
        text("description", "Description, may hold HTML", Privacy.FREE_TEXT),
        text("status", "OPEN_LIMITED, OPEN_UNLIMITED, PENDING, FROZEN, FILLED or CLOSED", Privacy.PROCESS),
        json(
            "employment_types",
            "Types, each with the tool's label and Kombo's word such as FULL_TIME",
            Privacy.TERMS,
            members=shown(Privacy.TERMS, "remote_label unified_type"),
        ),
        number("number_of_openings", "How many people can still be hired", Privacy.PROCESS),
        ref("parent_id", "hris_staffing_entities", "Staffing entity above this one"),
        REMOTE_URL,
        REMOTE_CREATED_AT,
        REMOTE_UPDATED_AT,
        CUSTOM_FIELDS,
        INTEGRATION_FIELDS,
        REMOTE_DATA,
        json(
            "locations",
            "Copy of its locations; join hris_staffing_entities_locations instead",
            Privacy.COPY,
            embeds="hris_locations",
        ),
        json(
            "legal_entities",
            "Copy of its companies; join hris_staffing_entities_legal_entities instead",
            Privacy.COPY,
            embeds="hris_legal_entities",
        ),
        json(
            "groups",
            "Copy of its groups; join hris_staffing_entities_groups instead",
            Privacy.COPY,
            embeds="hris_groups",
        ),
        json(
            "skills",
            "Copy of its skills; join hris_staffing_entities_skills instead",
            Privacy.COPY,
            embeds={"skill": "hris_skills", "skill.proficiency_scale": "hris_skill_proficiency_scales"},
        ),
    ),
    links=(
        Link(
            table="hris_staffing_entities_locations",
            member=("locations",),
            owner="staffing_entity_id",
            target="location_id",
            references="hris_locations",
            meaning="Where a staffing entity is to be filled",
        ),
        Link(
            table="hris_staffing_entities_legal_entities",
            member=("legal_entities",),
            owner="staffing_entity_id",
            target="legal_entity_id",
            references="hris_legal_entities",
            meaning="For which company a staffing entity is planned",
        ),
        Link(
            table="hris_staffing_entities_groups",
            member=("groups",),
            owner="staffing_entity_id",
            target="group_id",
            references="hris_groups",
            meaning="To which group a staffing entity belongs",
        ),
        Link(
            table="hris_staffing_entities_skills",
            member=("skills",),
            owner="staffing_entity_id",
            target="skill_id",
            target_path=("skill_id",),
            references="hris_skills",
            meaning="Which skill a staffing entity asks for",
            columns=(
                json(
                    "expected_proficiency",
                    "How well it must be mastered: a number or an option",
                    Privacy.ORGANISATION,
                    members=shown(Privacy.ORGANISATION, "type value selected_option_id"),
                ),
                ref(
                    "proficiency_scale_id",
                    "hris_skill_proficiency_scales",
                    "Scale that expected_proficiency is on, taken from the skill",
                    at="skill.proficiency_scale.id",
                ),
            ),
        ),
    ),
    children=(
        Child(
            table="hris_skill_proficiency_scales",
            remote_id=Privacy.ORGANISATION,
            member=("skills", "skill", "proficiency_scale"),
            meaning="Scales on which skills are measured, as far as a staffing entity uses them",
            columns=(
                number("min", "Lowest value of a NUMERIC scale", Privacy.ORGANISATION),
                number("max", "Highest value of a NUMERIC scale", Privacy.ORGANISATION),
                number("step", "Distance between the values of a NUMERIC scale", Privacy.ORGANISATION),
                text("type", "NUMERIC or SINGLE_SELECT", Privacy.ORGANISATION),
                json(
                    "ordered_options",
                    "Options of a SINGLE_SELECT scale in order",
                    Privacy.ORGANISATION,
                    members=shown(Privacy.ORGANISATION, "id remote_id name"),
                ),
            ),
        ),
    ),
    joins=(
        "hris_join_staffing_entities_locations",
        "hris_join_staffing_entities_legal_entities",
        "hris_join_staffing_entities_groups",
        "hris_join_staffing_entities_skills",
    ),
    filters=(
        Filter("model_types", "list", ("JOB", "POSITION", "REQUISITION")),
        Filter(
            "statuses",
            "list",
            ("OPEN_LIMITED", "OPEN_UNLIMITED", "PENDING", "FROZEN", "FILLED", "CLOSED"),
        ),
    ),
)

MODELS: tuple[Model, ...] = (PERFORMANCE_REVIEW_CYCLES, PERFORMANCE_REVIEWS, STAFFING_ENTITIES)
