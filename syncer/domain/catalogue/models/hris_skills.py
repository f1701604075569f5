"""HRIS: skills and how well employees master them."""

from __future__ import annotations

from syncer.domain.catalogue.model import PARAMETERS, Features, Filter, Model
from syncer.domain.catalogue.models.columns import (
    REMOTE_DATA,
    json,
    owner,
    ref,
    text,
)
from syncer.domain.catalogue.privacy import Privacy

#: Documented as lists like all others by now, without a list of what they take: the answers tell.
_BETA_LIST = Features(unsure=PARAMETERS)

SKILLS = Model(
    name="hris_skills",
    remote_id=Privacy.ORGANISATION,
    path="/hris/skills",
    webhook_name="hris_skills",
    title="Skills",
    meaning="Skills that the tool knows; a beta list that Kombo still reworks",
    columns=(
        text("name", "Name of the skill", Privacy.ORGANISATION),
        text("description", "What the skill is", Privacy.ORGANISATION),
        json("ordered_levels", "Names of the levels of mastery in order", Privacy.ORGANISATION),
        REMOTE_DATA,
    ),
    filters=(Filter("name_contains", "text", member=("name",)),),
    features=_BETA_LIST,
)

SKILL_PROFICIENCY_RATINGS = Model(
    name="hris_skill_proficiency_ratings",
    path="/hris/skill-proficiency-ratings",
    webhook_name="hris_employee_skill_proficiency_ratings",
    title="Skill proficiency ratings",
    meaning="How well an employee masters a skill, by each source of ratings; a beta list, known only from an"
    " example",
    columns=(
        owner("employee_id", "hris_employees", "Who is rated"),
        ref("skill_id", "hris_skills", "Skill that is rated"),
        json(
            "proficiency",
            "Rating with its kind, and for a choice the options and the chosen one",
            Privacy.ASSESSMENT,
        ),
        text("rating_source", "Who rates: SELF, EXTERNAL or what the tool says", Privacy.PROCESS),
    ),
    features=_BETA_LIST,
)

MODELS: tuple[Model, ...] = (SKILLS, SKILL_PROFICIENCY_RATINGS)
