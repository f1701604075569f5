"""Absences and timesheets."""

from __future__ import annotations

from random import Random

from syncer.simulator.company.factory import Factory
from syncer.simulator.company.ids import DAY_MS, MINUTE_MS, iso, iso_day
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Members, Record, Tables
from syncer.simulator.company.relations import Relation
from syncer.simulator.company.values import (
    custom_fields,
    integration_fields,
    maybe,
    moment,
    pick,
    remote_data,
    remote_times,
    thin,
)

_STATUSES = (*("APPROVED",) * 8, "REQUESTED", "REQUESTED", "DECLINED", "CANCELLED", "DELETED", "in Klärung")
_COMMENTS = (None, None, "Arzttermin", "früher gegangen 🏃", "O'Hare → JFK, landed late")


def absence(maker: Maker, rng: Random, at: int, employee_id: str, status: str | None = None) -> Record:
    number = maker.next_number("hris_absences")
    start = moment(rng, maker.clock.now_ms(), 700, -120)
    days = 1 + int(rng.random() ** 3 * 20)
    in_hours = number % 6 == 0
    types = maker.known("hris_absence_types")
    fields: Members = {
        "employee_id": employee_id,
        "approver_id": maybe(rng, maker.someone(rng), 0.4),
        "start_date": maybe(rng, iso_day(start), 0.99),
        "end_date": maybe(rng, iso_day(start + (days - 1) * DAY_MS), 0.97),
        "start_half_day": None if in_hours else rng.random() < 0.1,
        "end_half_day": None if in_hours else rng.random() < 0.1,
        "start_time": "08:30:00" if in_hours else None,
        "end_time": "12:15:00" if in_hours else None,
        "amount": maybe(rng, 3.75 if in_hours else days, 0.95),
        "unit": "HOURS" if in_hours else maybe(rng, "DAYS", 0.97),
        "status": status or pick(rng, _STATUSES),
        "employee_note": maybe(rng, "Familienfeier in Łódź", 0.1),
        "type_id": maker.ghost("hris_absence_types")
        if number % 90 == 8
        else maybe(rng, pick(rng, types), 0.97),
        **remote_times(rng, maker.clock.now_ms()),
        "remote_data": remote_data(rng, "/v1/time-offs", number),
    }
    if status is None:
        thin(rng, fields, "status")
    return maker.put("hris_absences", fields, remote_id=maybe(rng, str(number), 0.95), at=at)


def timesheet(maker: Maker, rng: Random, at: int, employee_id: str, days_back: float = 60) -> Record:
    number = maker.next_number("hris_timesheets")
    start = moment(rng, maker.clock.now_ms(), days_back) // MINUTE_MS * MINUTE_MS
    minutes = 60 + int(rng.random() * 540)
    approved = rng.random() < 0.6
    fields: Members = {
        "employee_id": employee_id,
        "started_at": iso(start),
        "ended_at": maybe(rng, iso(start + minutes * MINUTE_MS), 0.95),
        "timezone": pick(rng, ("+01:00", "+02:00", "-03:30", "+00:00", None)),
        "payable_hours": maybe(rng, round(minutes / 60, 2), 0.9),
        "unpaid_break_minutes": pick(rng, (0, 30, 45.5, None)),
        "breaks": _breaks(start, number),
        "approval_status": "APPROVED" if approved else maybe(rng, "offen", 0.5),
        "approved_at": iso(start + 2 * DAY_MS) if approved else None,
        "comment": pick(rng, _COMMENTS),
        "custom_fields": custom_fields(rng),
        "integration_fields": integration_fields(rng, number),
        "remote_data": remote_data(rng, "/v1/attendances", number),
    }
    thin(rng, fields, "breaks")
    return maker.put("hris_timesheets", fields, remote_id=maybe(rng, str(number), 0.97), at=at)


def _breaks(start: int, number: int) -> list[Members]:
    return [
        {
            "started_at": iso(start + hour * 60 * MINUTE_MS),
            "ended_at": iso(start + (hour * 60 + 15) * MINUTE_MS),
            "paid": hour == 2,
        }
        for hour in range(2, 2 + number % 3)
    ]


def _ends_from(tables: Tables, record: Record, ms: int) -> bool:
    end = record.fields["end_date"] or record.fields["start_date"]
    return end is not None and end >= iso_day(ms)


def _starts_until(tables: Tables, record: Record, ms: int) -> bool:
    start = record.fields["start_date"]
    return start is not None and start <= iso_day(ms)


FACTORIES = (
    Factory(
        "hris_absences",
        lambda maker, rng, at: absence(maker, rng, at, maker.someone(rng)),
        share=0.13,
        dependent=True,
        relations=(Relation("hris_absences", "type", "hris_absence_types", "ref", "type_id", linked=True),),
        filters={
            "date_from": _ends_from,
            "date_until": _starts_until,
            "time_from": _ends_from,
            "time_until": _starts_until,
        },
    ),
    Factory(
        "hris_timesheets",
        lambda maker, rng, at: timesheet(maker, rng, at, maker.someone(rng)),
        share=0.15,
        dependent=True,
    ),
)
