"""Employees with their employments and time-off balances."""

from __future__ import annotations

from random import Random

from syncer.simulator.company import names
from syncer.simulator.company.factory import Factory
from syncer.simulator.company.ids import iso
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Members, Record
from syncer.simulator.company.relations import TYPED_NAME, Relation, members
from syncer.simulator.company.values import (
    Person,
    address,
    custom_fields,
    day,
    display_name,
    integration_fields,
    maybe,
    moment,
    money,
    person,
    pick,
    remote_data,
    thin,
)

#: Values of open enums; the last ones are raw words of the tool that Kombo could not map.
EMPLOYMENT_TYPES = (
    *("FULL_TIME",) * 8,
    *("PART_TIME", "PART_TIME", "CONTRACT", "INTERNSHIP", "FREELANCE", "WORKING_STUDENT", "APPRENTICESHIP"),
    *("TRAINING", "Minijob (520 €)"),
)
_STATUSES = (*("ACTIVE",) * 14, "PENDING", "INACTIVE", "INACTIVE", "LEAVE", "sabbatical")
_GENDERS = ("MALE", "FEMALE", "MALE", "FEMALE", "NON_BINARY", "NOT_SPECIFIED", "divers")
_ETHNICITIES = (
    "WHITE",
    "ASIAN",
    "HISPANIC_LATINO",
    "BLACK_AFRICAN_AMERICAN",
    "DECLINE_TO_SPECIFY",
    "other/mixed",
)
_MARITAL = ("SINGLE", "MARRIED", "DOMESTIC_PARTNERSHIP", "WIDOWED", "DIVORCED", "verpartnert")
_PERIODS = ("MONTH", "MONTH", "YEAR", "HOUR", "WEEK", "per Einsatz")
_FREQUENCIES = ("MONTHLY", "MONTHLY", "BIWEEKLY", "SEMIMONTHLY", "PRO_RATA", "13x jährlich")
_ROUTINGS = (
    ("30-00-00", "GB_SORT_CODE"),
    ("37040044", "DE_BANKLEITZAHL"),
    ("021000021", "US_ABA_ROUTING_TRANSIT_NUMBER"),
    ("?", None),
)


def employee(maker: Maker, rng: Random, at: int) -> Record:
    """Make an employee without employments, balances and groups; the manager is an earlier one."""
    number = maker.next_number("hris_employees")
    now = maker.clock.now_ms()
    who = person(rng, number)
    fields: Members = {
        "employee_number": maybe(rng, f"{number:05d}", 0.9),
        "first_name": who.first_name,
        "last_name": maybe(rng, who.last_name, 0.98),
        "nationality": maybe(rng, pick(rng, names.PLACES)[2]),
        "display_full_name": display_name(rng, who),
        "job_title": maybe(rng, pick(rng, names.JOBS), 0.95),
        "work_email": f"{who.handle}@{maker.domain}",
        "personal_email": f"{who.handle}@mail.example.org",
        "mobile_phone_number": maybe(rng, f"+49 (0) 151/{10_000_000 + number}", 0.7),
        "ssn": maybe(rng, f"{number % 1000:03d}-12-{number % 10_000:04d}", 0.5),
        "tax_id": maybe(rng, str(10_000_000_000 + number), 0.5),
        "gender": pick(rng, _GENDERS),
        "ethnicity": pick(rng, _ETHNICITIES),
        "marital_status": pick(rng, _MARITAL),
        "employment_status": pick(rng, _STATUSES),
        "employment_type": pick(rng, EMPLOYMENT_TYPES),
        "weekly_hours": maybe(rng, pick(rng, (40, 38.5, 20, 7.7, 0.1)), 0.9),
        "avatar": maybe(rng, f"https://cdn.{maker.domain}/avatars/{number}.png?e=1754000000&s=a%2Fb", 0.3),
        "work_location_id": _place(maker, rng, number, "hris_locations"),
        "legal_entity_id": _place(maker, rng, number, "hris_legal_entities"),
        "manager_id": _manager(maker, rng, number),
        "home_address": address(rng),
        "bank_accounts": [_bank_account(rng, who, number)] if number % 3 else [],
        "date_of_birth": maybe(rng, day(rng, now, 23_000, 7_000), 0.9),
        "start_date": maybe(rng, day(rng, now, 5_000), 0.97),
        "termination_date": maybe(rng, day(rng, now, 100, -200), 0.08),
        "remote_created_at": maybe(rng, iso(moment(rng, now, 3_000)), 0.8),
        "custom_fields": custom_fields(rng),
        "integration_fields": integration_fields(rng, number),
        "remote_data": remote_data(rng, "/v2/company/employees", number),
    }
    thin(
        rng, fields, "work_email", "personal_email", "gender", "ethnicity", "marital_status",
        "employment_status", "employment_type", "home_address", "bank_accounts",
    )  # fmt: skip
    return maker.put("hris_employees", fields, remote_id=str(number), at=at)


def employment(maker: Maker, rng: Random, at: int, of: Record) -> Record:
    """Make the terms of work of one employee."""
    number = maker.next_number("hris_employments")
    fields: Members = {
        "employee_id": of.id,
        "job_title": of.fields.get("job_title") if rng.random() < 0.7 else pick(rng, names.JOBS),
        "pay_rate": maybe(rng, money(rng, 12, 120_000), 0.9),
        "pay_period": pick(rng, _PERIODS),
        "pay_frequency": pick(rng, _FREQUENCIES),
        "employment_type": pick(rng, EMPLOYMENT_TYPES),
        "pay_currency": maybe(rng, pick(rng, ("EUR", "USD", "CHF", "JPY")), 0.95),
        "effective_date": maybe(rng, day(rng, maker.clock.now_ms(), 2_000, -30), 0.95),
        "remote_data": remote_data(rng, "/v1/contracts", number),
        "custom_fields": custom_fields(rng),
        "integration_fields": integration_fields(rng, number),
    }
    thin(rng, fields, "pay_period", "pay_frequency", "employment_type")
    remote_id = None if number % 12 == 5 else f"{of.fields['remote_id']}|{number}"
    return maker.put("hris_employments", fields, remote_id=remote_id, at=at)


def balance(maker: Maker, rng: Random, at: int, employee_id: str, type_id: str) -> Record:
    """Make an employee's balance of one kind of absence."""
    number = maker.next_number("hris_time_off_balances")
    unit = pick(rng, ("DAYS", "DAYS", "HOURS", None))
    fields = {
        "employee_id": employee_id,
        "type_id": type_id,
        "balance": maybe(rng, round(rng.random() * 60 - 5, 1), 0.97),
        "balance_unit": unit,
        "used": maybe(rng, pick(rng, (0, 0.5, 12.25, 0.1 + 0.2)), 0.7),
        "used_unit": unit,
        "remote_data": remote_data(rng, "/v1/time-off-balances", number),
    }
    remote_id = None if number % 4 == 1 else f"balance-{number}"
    return maker.put("hris_time_off_balances", fields, remote_id=remote_id, at=at)


def join_groups(maker: Maker, rng: Random, at: int, member: Record) -> None:
    """Put an employee into one to three groups."""
    groups = maker.known("hris_groups")
    for group_id in dict.fromkeys(pick(rng, groups) for _ in range(1 + int(rng.random() * 3))):
        maker.tables.link(member, "groups", group_id, {}, at)


def _place(maker: Maker, rng: Random, number: int, model: str) -> str | None:
    """Choose a place of the company; now and then none, or one that is not kept."""
    if number % 45 == 3:
        return maker.ghost(model)
    return pick(rng, maker.known(model)) if rng.random() < 0.92 else None


def _manager(maker: Maker, rng: Random, number: int) -> str | None:
    earlier = maker.known("hris_employees")
    if number % 60 == 11:
        return maker.ghost("hris_employees")
    if not earlier or rng.random() < 0.03:
        return None
    # The earliest tenth manages, so that the tree is flat and has several levels.
    return earlier[int(rng.random() ** 2 * max(1, len(earlier) // 10))]


def _bank_account(rng: Random, who: Person, number: int) -> Members:
    routing, kind = _ROUTINGS[number % len(_ROUTINGS)]
    account: Members = {
        "iban": maybe(rng, f"DE{number % 90 + 10}37040044{number:010d}", 0.9),
        "bic": maybe(rng, "COBADEFFXXX", 0.7),
        "account_number": maybe(rng, f"{number:010d}", 0.5),
        "holder_name": f"{who.first_name} {who.last_name}",
        "bank_name": maybe(rng, "Sparkasse Köln/Bonn", 0.7),
        "domestic_bank_routing": maybe(rng, {"number": routing, "type": kind}, 0.6),
    }
    if number % 7 == 0:
        account.pop("bic")
    return account


def _next_employment(maker: Maker, rng: Random, at: int) -> Record:
    """Make an employment of the employee whose turn it is."""
    employees = maker.known("hris_employees")
    employee_id = employees[maker.made("hris_employments") % len(employees)]
    return employment(maker, rng, at, maker.tables.of("hris_employees")[employee_id])


def _next_balance(maker: Maker, rng: Random, at: int) -> Record:
    """Make a balance of the employee whose turn it is, of another kind every time around."""
    employees, types = maker.known("hris_employees"), maker.known("hris_absence_types")
    place = maker.made("hris_time_off_balances")
    type_id = types[place // len(employees) % len(types)]
    return balance(maker, rng, at, employees[place % len(employees)], type_id)


_MANAGER = members(
    "first_name last_name display_full_name id employee_number work_email remote_id employment_status"
    " termination_date"
)
_LEGAL_ENTITY = members("id remote_id name address")

FACTORIES = (
    Factory(
        "hris_employees",
        employee,
        share=0.055,
        complete=join_groups,
        relations=(
            Relation(
                "hris_employees", "employments", "hris_employments", "children", "employee_id",
                added_removed=True, linked=True,
            ),
            Relation(
                "hris_employees", "time_off_balances", "hris_time_off_balances", "children", "employee_id",
                added_removed=True, linked=True,
            ),
            Relation(
                "hris_employees", "manager", "hris_employees", "ref", "manager_id", _MANAGER, linked=True,
            ),
            Relation(
                "hris_employees", "groups", "hris_groups", "link", "groups", TYPED_NAME,
                added_removed=True, path="group_memberships",
            ),
            Relation(
                "hris_employees", "legal_entity", "hris_legal_entities", "ref", "legal_entity_id",
                _LEGAL_ENTITY, linked=True,
            ),
            Relation("hris_employees", "teams", "hris_groups", "link", "groups", TYPED_NAME),
            Relation(
                "hris_employees", "work_location", "hris_locations", "ref", "work_location_id", linked=True,
            ),
        ),
    ),
    Factory("hris_employments", _next_employment, share=0.075, dependent=True),
    Factory(
        "hris_time_off_balances",
        _next_balance,
        share=0.09,
        dependent=True,
        relations=(
            Relation("hris_time_off_balances", "type", "hris_absence_types", "ref", "type_id", linked=True),
        ),
    ),
)  # fmt: skip
