"""Changes in personnel departments."""

from __future__ import annotations

from random import Random

from syncer.simulator.company import names, payroll, staff, talent, time_off
from syncer.simulator.company.company import Company
from syncer.simulator.company.ids import iso_midnight
from syncer.simulator.company.values import money, person, pick
from syncer.simulator.life.change import Change, find, label


def hire(company: Company, rng: Random) -> str:
    now = company.clock.now_ms()
    record = staff.employee(company, rng, now)
    staff.employment(company, rng, now, record)
    staff.join_groups(company, rng, now, record)
    staff.balance(company, rng, now, record.id, pick(rng, company.known("hris_absence_types")))
    return f"{label(record)} was hired"


def leave(company: Company, rng: Random) -> str | None:
    record = find(company, rng, "hris_employees", lambda it: it.fields.get("employment_status") == "ACTIVE")
    if record is None:
        return None
    last_day = iso_midnight(company.clock.now_ms())
    company.update("hris_employees", record.id, employment_status="INACTIVE", termination_date=last_day)
    return f"{label(record)} left"


def marry(company: Company, rng: Random) -> str | None:
    record = find(company, rng, "hris_employees")
    if record is None:
        return None
    before, who = label(record), person(rng, company.next_number("hris_employees"))
    first_name = record.fields["first_name"]
    company.update(
        "hris_employees",
        record.id,
        last_name=who.last_name,
        display_full_name=f"{first_name} {who.last_name}",
        work_email=f"{who.handle}@{company.domain}",
    )
    return f"{before} is now called {label(record)}"


def promote(company: Company, rng: Random) -> str | None:
    record = find(company, rng, "hris_employees")
    if record is None:
        return None
    title = pick(rng, names.JOBS)
    company.update("hris_employees", record.id, job_title=title)
    staff.employment(company, rng, company.clock.now_ms(), record)
    return f"{label(record)} became {title}"


def raise_pay(company: Company, rng: Random) -> str | None:
    record = find(company, rng, "hris_employments")
    if record is None:
        return None
    company.update("hris_employments", record.id, pay_rate=money(rng, 20, 150_000))
    return f"employment {record.id} pays differently"


def change_groups(company: Company, rng: Random) -> str | None:
    record, group = find(company, rng, "hris_employees"), find(company, rng, "hris_groups")
    if record is None or group is None:
        return None
    joined = record.links.get("groups", {})
    if group.id in joined:
        company.unlink("hris_employees", record.id, "groups", group.id)
        return f"{label(record)} left the group {label(group)}"
    company.link("hris_employees", record.id, "groups", group.id)
    return f"{label(record)} joined the group {label(group)}"


def move(company: Company, rng: Random) -> str | None:
    record, place = find(company, rng, "hris_employees"), find(company, rng, "hris_locations")
    if record is None or place is None:
        return None
    company.update("hris_employees", record.id, work_location_id=place.id)
    return f"{label(record)} moved to {label(place)}"


def change_manager(company: Company, rng: Random) -> str | None:
    record, manager = find(company, rng, "hris_employees"), find(company, rng, "hris_employees")
    if record is None or manager is None or record is manager:
        return None
    company.update("hris_employees", record.id, manager_id=manager.id)
    return f"{label(manager)} now manages {label(record)}"


def request_absence(company: Company, rng: Random) -> str | None:
    record = find(company, rng, "hris_employees")
    if record is None:
        return None
    time_off.absence(company, rng, company.clock.now_ms(), record.id, "REQUESTED")
    return f"{label(record)} asked for days off"


def decide_absence(company: Company, rng: Random) -> str | None:
    record = find(company, rng, "hris_absences", lambda it: it.fields.get("status") == "REQUESTED")
    if record is None:
        return None
    decision = pick(rng, ("APPROVED", "APPROVED", "DECLINED"))
    company.update("hris_absences", record.id, status=decision)
    return f"absence {record.id} was {decision.lower()}"


def book_time(company: Company, rng: Random) -> str | None:
    record = find(company, rng, "hris_employees")
    if record is None:
        return None
    time_off.timesheet(company, rng, company.clock.now_ms(), record.id, days_back=1)
    return f"{label(record)} booked hours"


def use_balance(company: Company, rng: Random) -> str | None:
    record = find(company, rng, "hris_time_off_balances", lambda it: it.fields["balance"] is not None)
    if record is None:
        return None
    company.update(
        "hris_time_off_balances", record.id, balance=round(record.fields["balance"] - 0.5, 1), used=0.1 + 0.2
    )
    return f"balance {record.id} shrank"


def rename(model: str, what: str) -> Change:
    """Change the name of one record, which shows in copies elsewhere."""

    def change(company: Company, rng: Random) -> str | None:
        record = find(company, rng, model)
        if record is None:
            return None
        before = label(record)
        company.update(model, record.id, name=f"{before.split(' · ')[0]} · {company.next_number('names')}")
        return f"the {what} {before} is now called {label(record)}"

    return change


def write_review(company: Company, rng: Random) -> str | None:
    record = find(company, rng, "hris_employees")
    if record is None:
        return None
    talent.review(company, rng, company.clock.now_ms(), record.id)
    return f"{label(record)} was reviewed"


def pay(company: Company, rng: Random) -> str:
    now = company.clock.now_ms()
    run = payroll.pay_run(company, rng, now)
    for _ in range(5):
        payroll.payslip(company, rng, now, company.someone(rng), run.id)
    return "a pay run produced 5 payslips"


def edit_payslip(company: Company, rng: Random) -> str | None:
    """Replace the line items of a payslip: some tools give all of them new ids when one is edited."""
    record = find(company, rng, "hris_payslips")
    if record is None:
        return None
    for item in company.tables.referring("hris_payslip_line_items", "_payslip_id", record.id):
        if item.live:
            company.delete("hris_payslip_line_items", item.id)
    for _ in range(2):
        payroll.line_item(company, rng, company.clock.now_ms(), record.id)
    return f"payslip {record.id} was edited"


CHANGES: tuple[tuple[int, Change], ...] = (
    (4, hire),
    (3, leave),
    (3, marry),
    (4, promote),
    (4, raise_pay),
    (6, change_groups),
    (3, move),
    (3, change_manager),
    (8, request_absence),
    (8, decide_absence),
    (8, book_time),
    (4, use_balance),
    (2, rename("hris_groups", "group")),
    (1, rename("hris_locations", "location")),
    (1, rename("hris_legal_entities", "legal entity")),
    (1, rename("hris_absence_types", "absence type")),
    (1, rename("hris_skills", "skill")),
    (2, write_review),
    (1, pay),
    (3, edit_payslip),
)
