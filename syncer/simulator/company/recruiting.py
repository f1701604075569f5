"""Setup of recruiting: users, roles, stages, tags, rejection reasons."""

from __future__ import annotations

from random import Random

from syncer.simulator.company import names
from syncer.simulator.company.factory import Factory
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Members, Record
from syncer.simulator.company.relations import ROLE, Relation
from syncer.simulator.company.values import custom_fields, maybe, person, pick, remote_data, thin

_ROLES = ("HIRING_MANAGER", "RECRUITER", "COORDINATOR", "SOURCER", "INTERVIEWER", "ADMIN", None, "RECRUITER")
_STAGES = ("Eingang", "Screening", "Phone interview 📞", "面接", "Case study", "Offer", "Hired", "Abgelehnt")
_REASONS = (
    "Fehlende Qualifikation",
    "Salary",
    "Kandidat:in hat abgesagt",
    "No response",
    "立地",
    "Duplicate",
    "Other",
)


def role(maker: Maker, rng: Random, at: int) -> Record:
    number = maker.next_number("ats_roles")
    fields = {
        "remote_label": maybe(rng, f"Rolle {number}", 0.9),
        "scope": ("SYSTEM", "JOB", "JOB", "SYSTEM", None)[number % 5],
        "unified_type": _ROLES[(number - 1) % len(_ROLES)],
        "remote_data": remote_data(rng, "/v1/roles", number),
    }
    return maker.put("ats_roles", fields, remote_id=maybe(rng, f"role-{number}", 0.9), at=at)


def user(maker: Maker, rng: Random, at: int) -> Record:
    number = maker.next_number("ats_users")
    who = person(rng, number)
    fields: Members = {
        "first_name": who.first_name,
        "last_name": maybe(rng, who.last_name, 0.97),
        "email": f"{who.handle}@{maker.domain}",
        "status": pick(rng, ("ACTIVE", "ACTIVE", "ACTIVE", "INACTIVE", None)),
        "remote_data": remote_data(rng, "/v1/users", number),
    }
    thin(rng, fields, "email")
    roles = {pick(rng, maker.roles("SYSTEM")): Members() for _ in range(number % 3)}
    return maker.put(
        "ats_users", fields, remote_id=maybe(rng, str(number), 0.97), links={"system_roles": roles}, at=at
    )


def tag(maker: Maker, rng: Random, at: int) -> Record:
    number = maker.next_number("ats_tags")
    name = names.TAGS[number % len(names.TAGS)]
    fields = {
        "name": name if number <= len(names.TAGS) else f"{name} {number}",
        "remote_data": remote_data(rng, "/v1/tags", number),
    }
    return maker.put("ats_tags", fields, remote_id=maybe(rng, str(number), 0.8), at=at)


def stage(maker: Maker, rng: Random, at: int) -> Record:
    number = maker.next_number("ats_application_stages")
    fields = {
        "name": _STAGES[number % len(_STAGES)],
        "remote_data": remote_data(rng, "/v1/stages", number),
        "status": ("ACTIVE", "ACTIVE", "INACTIVE", None)[number % 4],
        "custom_fields": custom_fields(rng),
        "_index": number % len(_STAGES) if number % 6 else None,
    }
    return maker.put("ats_application_stages", fields, remote_id=maybe(rng, str(number), 0.9), at=at)


def rejection_reason(maker: Maker, rng: Random, at: int) -> Record:
    number = maker.next_number("ats_rejection_reasons")
    fields = {
        "name": _REASONS[(number - 1) % len(_REASONS)],
        "remote_data": remote_data(rng, "/v1/rejection-reasons", number),
    }
    return maker.put("ats_rejection_reasons", fields, remote_id=f"reason-{number}", at=at)


FACTORIES = (
    Factory("ats_roles", role, count=8),
    Factory(
        "ats_users",
        user,
        share=0.004,
        relations=(
            Relation(
                "ats_users", "system_roles", "ats_roles", "link", "system_roles", ROLE,
                added_removed=True, linked=True, path="system_role_assignment",
            ),
        ),
    ),
    Factory("ats_tags", tag, share=0.001),
    Factory("ats_application_stages", stage, count=12),
    Factory("ats_rejection_reasons", rejection_reason, count=7),
)  # fmt: skip
