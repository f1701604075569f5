"""Lists that Kombo may have tomorrow: the catalogue lacks them, and companies have them only where asked.

They are made up, and so are their names: a later version that has one of them takes it out here.
"""

from __future__ import annotations

from collections.abc import Mapping

from syncer.domain.catalogue.model import Model
from syncer.domain.catalogue.models.columns import date, json, number, ref, text, time, timestamp
from syncer.domain.catalogue.privacy import Privacy

_SHIFTS = Model(
    name="hris_shifts",
    path="/hris/shifts",
    webhook_name="hris_shifts",
    title="Shifts",
    meaning="Who works when",
    columns=(
        ref("employee_id", "hris_employees", "Who works"),
        ref("location_id", "hris_locations", "Where"),
        text("status", "State: PLANNED, PUBLISHED or CANCELLED", Privacy.PROCESS),
        timestamp("starts_at", "Begin", Privacy.DIRECTORY),
        time("break_at", "Break", Privacy.DIRECTORY),
        number("hours", "Hours without breaks", Privacy.PROCESS),
        json("employee", "Copy of the employee", Privacy.COPY, embeds="hris_employees"),
    ),
)
_EXPENSES = Model(
    name="hris_expense_claims",
    path="/hris/expense-claims",
    webhook_name="hris_expense_claims",
    title="Expense claims",
    meaning="What employees have laid out",
    columns=(
        ref("employee_id", "hris_employees", "Who claims"),
        text("status", "State: SUBMITTED, APPROVED or PAID", Privacy.PROCESS),
        date("spent_on", "Day", Privacy.PROCESS),
        number("amount", "Amount", Privacy.PAY),
        text("purpose", "What it was for", Privacy.FREE_TEXT),
    ),
)
_POOLS = Model(
    name="ats_talent_pools",
    path="/ats/talent-pools",
    webhook_name="ats_talent_pools",
    title="Talent pools",
    meaning="Candidates to be asked again",
    columns=(
        text("name", "Name of the pool", Privacy.ORGANISATION),
        ref("owner_id", "ats_users", "Who looks after it"),
        json("rules", "Who comes in", Privacy.UNKNOWN),
    ),
)

EXTRA_LISTS: Mapping[str, Model] = {each.name: each for each in (_SHIFTS, _EXPENSES, _POOLS)}
