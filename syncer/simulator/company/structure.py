"""Records of a company's frame: legal entities, locations, groups, absence types, skills and the like."""

from __future__ import annotations

from random import Random

from syncer.simulator.company import names
from syncer.simulator.company.factory import Factory
from syncer.simulator.company.ids import DAY_MS, iso_midnight
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Record
from syncer.simulator.company.values import address, custom_fields, maybe, pick, remote_data

ABSENCE_TYPES: tuple[tuple[str, str], ...] = (
    ("Urlaub", "DAYS"),
    ("Krankheit", "DAYS"),
    ("Überstundenabbau", "HOURS"),
    ("Parental leave", "DAYS"),
    ("Unpaid leave", "DAYS"),
    ("Home office 🏡", "DAYS"),
    ("有給休暇", "HOURS"),
    ("Bildungsurlaub", "DAYS"),
)
_DOCUMENTS = ("Arbeitsvertrag", "Payslips", "Zeugnis", "Visa & permits", "健康診断", "Sonstiges")
_GROUP_TYPES = ("DEPARTMENT", "TEAM", "COST_CENTER", "TEAM", None)


def legal_entity(maker: Maker, rng: Random, at: int) -> Record:
    number = maker.next_number("hris_legal_entities")
    name = names.COMPANIES[number % len(names.COMPANIES)]
    fields = {
        "name": name if number <= len(names.COMPANIES) else f"{name} {number}",
        "address": address(rng),
        "remote_data": remote_data(rng, "/v1/legal-entities", number),
    }
    return maker.put("hris_legal_entities", fields, remote_id=maybe(rng, str(number), 0.8), at=at)


def location(maker: Maker, rng: Random, at: int) -> Record:
    number = maker.next_number("hris_locations")
    city = pick(rng, names.PLACES)[0]
    fields = {
        "name": maybe(rng, f"{city} {number}", 0.95),
        "address": address(rng),
        "type": pick(rng, ("OFFICE", "REMOTE", "Lager", None)),
        "remote_data": remote_data(rng, "/v1/offices", number),
    }
    return maker.put("hris_locations", fields, remote_id=maybe(rng, str(number), 0.9), at=at)


def group(maker: Maker, rng: Random, at: int) -> Record:
    """Make a group below an earlier one, if any; one in some dozens has a parent that is not kept."""
    number = maker.next_number("hris_groups")
    earlier = maker.known("hris_groups")
    name = names.DEPARTMENTS[number % len(names.DEPARTMENTS)]
    parent = pick(rng, earlier) if earlier and number > 3 else None
    if number % 40 == 7:
        parent = maker.ghost("hris_groups")
    fields = {
        "name": name if number <= len(names.DEPARTMENTS) else f"{name} {number}",
        "type": _GROUP_TYPES[number % len(_GROUP_TYPES)],
        "parent_id": parent,
        "remote_data": remote_data(rng, "/v1/departments", number),
    }
    return maker.put("hris_groups", fields, remote_id=str(number), at=at)


def absence_type(maker: Maker, rng: Random, at: int) -> Record:
    number = maker.next_number("hris_absence_types")
    name, unit = ABSENCE_TYPES[(number - 1) % len(ABSENCE_TYPES)]
    fields = {
        "name": name,
        "unit": unit if number % 7 else None,
        "half_days_supported": maybe(rng, unit == "DAYS", 0.9),
        "exact_times_supported": maybe(rng, unit == "HOURS", 0.9),
        "remote_data": remote_data(rng, "/v1/absence-types", number),
        "custom_fields": custom_fields(rng),
    }
    return maker.put("hris_absence_types", fields, remote_id=str(number), at=at)


def document_category(maker: Maker, rng: Random, at: int) -> Record:
    number = maker.next_number("hris_employee_document_categories")
    fields = {
        "name": _DOCUMENTS[(number - 1) % len(_DOCUMENTS)],
        "remote_data": remote_data(rng, "/v1/document-categories", number),
    }
    return maker.put(
        "hris_employee_document_categories", fields, remote_id=maybe(rng, f"cat-{number}"), at=at
    )


def review_cycle(maker: Maker, rng: Random, at: int) -> Record:
    number = maker.next_number("hris_performance_review_cycles")
    start = maker.clock.now_ms() - number * 180 * DAY_MS
    fields = {
        "name": f"Beurteilungsrunde № {number}",
        "review_period_start_date": iso_midnight(start) if number % 4 else None,
        "remote_data": remote_data(rng, "/v1/review-cycles", number),
    }
    return maker.put("hris_performance_review_cycles", fields, remote_id=f"cycle-{number}", at=at)


def skill(maker: Maker, rng: Random, at: int) -> Record:
    number = maker.next_number("hris_skills")
    levels = ["Anfänger", "Fortgeschritten", "Expertin"]
    scale = list(maker.tables.of("hris_skill_proficiency_scales"))[number % 3]
    fields = {
        "name": f"{names.SKILLS[number % len(names.SKILLS)]} {number}",
        "description": maybe(rng, pick(rng, names.SENTENCES), 0.6),
        "ordered_levels": levels if number % 3 == 0 else maybe(rng, list[str](), 0.5),
        "remote_data": remote_data(rng, "/v1/skills", number),
        "_proficiency_scale_id": scale if number % 5 else None,
    }
    return maker.put("hris_skills", fields, remote_id=str(number), at=at)


def scales(maker: Maker, at: int) -> None:
    """Make the three proficiency scales that skills refer to."""
    options = [
        {"id": maker.id_for(f"level-{place}"), "remote_id": f"level-{place}" if place else None, "name": name}
        for place, name in enumerate(("Anfänger", "Fortgeschritten", "Expertin"))
    ]
    kinds: tuple[dict[str, object], ...] = (
        {"min": 0, "max": 10, "step": 0.5, "type": "NUMERIC"},
        {"ordered_options": options, "type": "SINGLE_SELECT"},
        {"min": 1, "max": None, "step": None, "type": "NUMERIC"},
    )
    for number, kind in enumerate(kinds):
        maker.put("hris_skill_proficiency_scales", dict(kind), remote_id=f"scale-{number}", at=at)


FACTORIES = (
    Factory("hris_legal_entities", legal_entity, share=0.001),
    Factory("hris_locations", location, share=0.002),
    Factory("hris_groups", group, share=0.006),
    Factory("hris_absence_types", absence_type, count=8),
    Factory("hris_employee_document_categories", document_category, count=6),
    Factory("hris_performance_review_cycles", review_cycle, count=4),
    Factory("hris_skills", skill, share=0.002, prepare=lambda maker, rng, at: scales(maker, at)),
)
