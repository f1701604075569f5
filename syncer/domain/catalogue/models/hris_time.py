"""HRIS: absences, balances and timesheets."""

from __future__ import annotations

from syncer.domain.catalogue.model import Filter, Model
from syncer.domain.catalogue.models.columns import (
    CUSTOM_FIELDS,
    INTEGRATION_FIELDS,
    REMOTE_CREATED_AT,
    REMOTE_DATA,
    REMOTE_UPDATED_AT,
    boolean,
    date,
    json,
    number,
    owner,
    ref,
    shown,
    text,
    time,
    timestamp,
)
from syncer.domain.catalogue.privacy import Privacy

ABSENCE_TYPES = Model(
    name="hris_absence_types",
    remote_id=Privacy.HEALTH,
    path="/hris/absence-types",
    webhook_name="hris_absence_types",
    title="Absence types",
    meaning="Kinds of absence that the tool knows, such as holiday or sick leave",
    columns=(
        text("name", "Name of the kind of absence", Privacy.HEALTH),
        text("unit", "What absences of this kind are counted in: HOURS or DAYS", Privacy.ORGANISATION),
        boolean("half_days_supported", "Whether half days can be taken", Privacy.ORGANISATION),
        boolean(
            "exact_times_supported", "Whether absences of this kind have a time of day", Privacy.ORGANISATION
        ),
        REMOTE_DATA,
        CUSTOM_FIELDS,
    ),
)

ABSENCES = Model(
    name="hris_absences",
    path="/hris/absences",
    webhook_name="hris_absences",
    title="Absences",
    meaning="Times when an employee is away, asked for or granted",
    columns=(
        owner("employee_id", "hris_employees", "Who is away"),
        ref("approver_id", "hris_employees", "Deprecated by Kombo: who decided on the absence"),
        date("start_date", "First day away", Privacy.DIRECTORY),
        date("end_date", "Last day away", Privacy.DIRECTORY),
        boolean(
            "start_half_day",
            "Whether only half of the first day is taken; null if unsupported",
            Privacy.DIRECTORY,
        ),
        boolean(
            "end_half_day",
            "Whether only half of the last day is taken; null if unsupported",
            Privacy.DIRECTORY,
        ),
        time(
            "start_time",
            "Time of day at which it starts, local to the tool, without a zone",
            Privacy.DIRECTORY,
        ),
        time(
            "end_time", "Time of day at which it ends, local to the tool, without a zone", Privacy.DIRECTORY
        ),
        number("amount", "Length of the absence in unit", Privacy.DIRECTORY),
        text("unit", "Unit of amount: HOURS or DAYS", Privacy.DIRECTORY),
        text(
            "status",
            "REQUESTED, APPROVED, DECLINED, CANCELLED, DELETED or what the tool says",
            Privacy.PROCESS,
        ),
        text("employee_note", "What the employee wrote about it", Privacy.FREE_TEXT),
        ref("type_id", "hris_absence_types", "Kind of absence", Privacy.HEALTH),
        REMOTE_CREATED_AT,
        REMOTE_UPDATED_AT,
        REMOTE_DATA,
        json(
            "type",
            "Copy of the kind of absence; join type_id instead",
            Privacy.COPY,
            embeds="hris_absence_types",
        ),
    ),
    filters=(
        Filter("date_from", "timestamp"),
        Filter("date_until", "timestamp"),
        Filter("type_ids", "list"),
        Filter("employee_id", "text"),
        Filter("time_from", "timestamp"),
        Filter("time_until", "timestamp"),
    ),
)

TIME_OFF_BALANCES = Model(
    name="hris_time_off_balances",
    path="/hris/time-off-balances",
    webhook_name="hris_time_off_balances",
    title="Time-off balances",
    meaning="How much of a kind of absence an employee has left and has used",
    columns=(
        owner("employee_id", "hris_employees", "Whose balance it is"),
        ref("type_id", "hris_absence_types", "Kind of absence it counts", Privacy.HEALTH),
        number("balance", "Time left, in balance_unit", Privacy.HEALTH),
        text("balance_unit", "Unit of balance: HOURS or DAYS", Privacy.ORGANISATION),
        number("used", "Time taken, in used_unit", Privacy.HEALTH),
        text("used_unit", "Unit of used: HOURS or DAYS", Privacy.ORGANISATION),
        REMOTE_DATA,
        json(
            "type",
            "Copy of the kind of absence; join type_id instead",
            Privacy.COPY,
            embeds="hris_absence_types",
        ),
    ),
    filters=(Filter("employee_id", "text"),),
)

TIMESHEETS = Model(
    name="hris_timesheets",
    path="/hris/timesheets",
    webhook_name="hris_timesheets",
    title="Timesheets",
    meaning="Worked shifts; those older than Kombo's window (two months by default) are no longer updated",
    columns=(
        owner("employee_id", "hris_employees", "Who worked"),
        timestamp("started_at", "When the shift began", Privacy.PROCESS),
        timestamp("ended_at", "When the shift ended", Privacy.PROCESS),
        text(
            "timezone",
            "Offset of the place of work from UTC such as +02:00; null where unknown",
            Privacy.PROCESS,
        ),
        number(
            "payable_hours",
            "Hours to be paid as the tool counts them; never computed by Kombo",
            Privacy.PROCESS,
        ),
        number("unpaid_break_minutes", "Minutes of unpaid breaks", Privacy.PROCESS),
        json(
            "breaks",
            "List of breaks with started_at, ended_at and paid",
            Privacy.PROCESS,
            members=shown(Privacy.PROCESS, "started_at ended_at paid"),
        ),
        text(
            "approval_status",
            "PENDING, APPROVED or REJECTED; null where the tool has no approval",
            Privacy.PROCESS,
        ),
        timestamp("approved_at", "When the shift was approved", Privacy.PROCESS),
        text("comment", "Remark on the shift", Privacy.FREE_TEXT),
        CUSTOM_FIELDS,
        INTEGRATION_FIELDS,
        REMOTE_DATA,
    ),
    filters=(
        Filter("employee_id", "text"),
        Filter("started_before", "timestamp"),
        Filter("started_after", "timestamp"),
        Filter("ended_before", "timestamp"),
        Filter("ended_after", "timestamp"),
    ),
)

MODELS: tuple[Model, ...] = (ABSENCE_TYPES, ABSENCES, TIME_OFF_BALANCES, TIMESHEETS)
