"""Pay runs, payslips and their line items."""

from __future__ import annotations

from random import Random

from syncer.simulator.company.ids import DAY_MS, iso_day
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Members, Record
from syncer.simulator.company.values import maybe, money, pick

_CURRENCIES = ("EUR", "EUR", "USD", "CHF", "JPY")


def salary_types(maker: Maker, at: int) -> None:
    """The kinds of pay that line items name."""
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
    """A payslip with one to four line items."""
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
    """Sums, some null and some left out."""
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
