"""HRIS: pay runs and payslips."""

from __future__ import annotations

from syncer.domain.catalogue.model import Child, Filter, Model
from syncer.domain.catalogue.models.columns import (
    date,
    json,
    number,
    owner,
    ref,
    text,
)
from syncer.domain.catalogue.privacy import Privacy

PAY_RUNS = Model(
    name="hris_pay_runs",
    remote_id=Privacy.ORGANISATION,
    path="/hris/pay-runs",
    webhook_name="hris_pay_runs",
    title="Pay runs",
    meaning="Rounds in which a company pays its employees",
    columns=(
        date("start_date", "First day of the time paid for", Privacy.PROCESS),
        date("end_date", "Last day of the time paid for", Privacy.PROCESS),
        ref("legal_entity_id", "hris_legal_entities", "Company that pays"),
        json("totals", "Sums gross_pay, net_pay, paid_amount, each with currency and value", Privacy.PAY),
    ),
    filters=(Filter("legal_entity_ids", "list"),),
)

PAYSLIPS = Model(
    name="hris_payslips",
    path="/hris/payslips",
    webhook_name="hris_payslips",
    title="Payslips",
    meaning="What one employee was paid in a pay run",
    columns=(
        json("totals", "Sums gross_pay, net_pay, paid_amount, each with currency and value", Privacy.PAY),
        json(
            "employee",
            "Stale copy of the employee's record; join employee_id instead",
            Privacy.COPY,
            embeds="hris_employees",
        ),
        json(
            "pay_run",
            "Stale copy of the pay run; join pay_run_id instead",
            Privacy.COPY,
            embeds="hris_pay_runs",
        ),
        json(
            "line_items",
            "The items as received; hris_payslip_line_items has them as rows",
            Privacy.COPY,
            embeds="hris_payslip_line_items",
        ),
        owner("employee_id", "hris_employees", "Who is paid, taken from employee", at="employee.id"),
        ref("pay_run_id", "hris_pay_runs", "Pay run of the payslip, taken from pay_run", at="pay_run.id"),
    ),
    children=(
        Child(
            table="hris_payslip_line_items",
            member=("line_items",),
            owner="payslip_id",
            meaning="Single amounts of a payslip; ids may change when a payslip is edited in the tool",
            columns=(
                text("name", "What the amount is for", Privacy.PAY),
                number("amount", "Amount in currency", Privacy.PAY, at="amount.value"),
                text(
                    "currency",
                    "Currency of amount, usually an ISO 4217 code",
                    Privacy.TERMS,
                    at="amount.currency",
                ),
                ref("salary_type_id", "hris_salary_types", "Kind of pay", Privacy.PAY, at="salary_type.id"),
            ),
        ),
        Child(
            table="hris_salary_types",
            remote_id=Privacy.ORGANISATION,
            member=("line_items", "salary_type"),
            meaning="Kinds of pay that line items name; filled only where the tool tells them",
            columns=(text("name", "Name of the kind of pay", Privacy.ORGANISATION),),
        ),
    ),
    filters=(
        Filter("legal_entity_ids", "list"),
        Filter("employee_ids", "list"),
        Filter("payrun_ids", "list"),
    ),
)

MODELS: tuple[Model, ...] = (PAY_RUNS, PAYSLIPS)
