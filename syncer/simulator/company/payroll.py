"""Pay runs, payslips and their line items."""

from __future__ import annotations

from random import Random

from syncer.simulator.company.factory import Factory
from syncer.simulator.company.filters import one_of, through
from syncer.simulator.company.ids import DAY_MS, iso_day
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Members, Record
from syncer.simulator.company.relations import Relation, members
from syncer.simulator.company.values import maybe, money, pick

_CURRENCIES = ("EUR", "EUR", "USD", "CHF", "JPY")


def salary_types(maker: Maker, at: int) -> None:
    """Make the kinds of pay that line items name."""
    for name in ("Grundgehalt", "Bonus", "Überstunden", "Social security"):
        number = maker.next_number("hris_salary_types")
        maker.put("hris_salary_types", {"name": name}, remote_id=f"salary-type-{number}", at=at)


def pay_run(maker: Maker, rng: Random, at: int) -> Record:
    number = maker.next_number("hris_pay_runs")
    start = maker.clock.now_ms() - number * 30 * DAY_MS
    dated = number % 9 != 0
    fields = {
        "start_date": iso_day(start) if dated else None,
        "end_date": iso_day(start + 29 * DAY_MS) if dated else None,
        "legal_entity_id": pick(rng, maker.known("hris_legal_entities")) if number % 5 else None,
        "totals": _totals(rng, 500_000.0),
    }
    return maker.put("hris_pay_runs", fields, remote_id=f"run-{number}", at=at)


def payslip(maker: Maker, rng: Random, at: int, employee_id: str, pay_run_id: str | None) -> Record:
    """Make a payslip with one to four line items."""
    number = maker.next_number("hris_payslips")
    fields = {
        "totals": _totals(rng, 4_000.0),
        "_employee_id": employee_id,
        "_pay_run_id": pay_run_id,
    }
    slip = maker.put("hris_payslips", fields, remote_id=str(number), at=at)
    for _ in range(1 + number % 4):
        line_item(maker, rng, at, slip.id)
    return slip


def line_item(maker: Maker, rng: Random, at: int, payslip_id: str) -> Record:
    number = maker.next_number("hris_payslip_line_items")
    kinds = maker.known("hris_salary_types")
    chance = rng.random()
    fields: Members = {
        "name": maybe(rng, pick(rng, ("Grundgehalt", "Bonus Q3", "SV-Beiträge", "交通費")), 0.95),
        "amount": {
            "currency": pick(rng, _CURRENCIES),
            "value": 0.1 if chance < 0.05 else money(rng, -900, 5000),
        },
        "_payslip_id": payslip_id,
        "_salary_type_id": None if chance > 0.8 else kinds[number % len(kinds)],
    }
    if chance < 0.02:
        fields.pop("amount")
    return maker.put("hris_payslip_line_items", fields, remote_id=f"item-{number}", at=at)


def _totals(rng: Random, most: float) -> Members:
    """Make up sums, some null and some left out."""
    currency = pick(rng, _CURRENCIES)
    gross = money(rng, most / 10, most)
    found: Members = {
        "gross_pay": {"currency": currency, "value": gross},
        "net_pay": {"currency": currency, "value": round(gross * 0.61, 2)},
        "paid_amount": {"currency": currency, "value": round(gross * 0.6 + 0.1, 2)},
    }
    chance = rng.random()
    if chance < 0.1:
        found.pop("net_pay")
    elif chance < 0.3:
        found["paid_amount"] = None
    return found


def _next_payslip(maker: Maker, rng: Random, at: int) -> Record:
    """Make a payslip of the pay run whose turn it is, now and then of none."""
    runs, place = maker.known("hris_pay_runs"), maker.made("hris_payslips")
    run_id = runs[place % len(runs)] if place % 30 else None
    return payslip(maker, rng, at, maker.someone(rng), run_id)


_PERSON = members("id remote_id first_name last_name display_full_name remote_deleted_at work_email")
_PAY_RUN = members("id remote_id start_date end_date legal_entity_id")
_SALARY_TYPE = Relation(
    "hris_payslip_line_items", "salary_type", "hris_salary_types", "ref", "_salary_type_id"
)

FACTORIES = (
    Factory("hris_pay_runs", pay_run, share=0.002),
    Factory(
        "hris_payslips",
        _next_payslip,
        share=0.085,
        dependent=True,
        prepare=lambda maker, rng, at: salary_types(maker, at),
        relations=(
            Relation(
                "hris_payslips", "employee", "hris_employees", "ref", "_employee_id", _PERSON, required=True,
            ),
            Relation("hris_payslips", "pay_run", "hris_pay_runs", "ref", "_pay_run_id", _PAY_RUN),
            Relation(
                "hris_payslips", "line_items", "hris_payslip_line_items", "children", "_payslip_id",
                inside=(_SALARY_TYPE,), added_removed=True, linked=True,
            ),
        ),
        filters={
            "legal_entity_ids": through("_pay_run_id", "hris_pay_runs", one_of("legal_entity_id")),
            "payrun_ids": one_of("_pay_run_id"),
        },
    ),
)  # fmt: skip
