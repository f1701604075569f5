"""HRIS: employees and what they belong to."""

from __future__ import annotations

from syncer.domain.catalogue.model import Filter, Link, Model
from syncer.domain.catalogue.models.columns import (
    CUSTOM_FIELDS,
    INTEGRATION_FIELDS,
    REMOTE_CREATED_AT,
    REMOTE_DATA,
    WORKPLACE,
    date,
    json,
    number,
    owner,
    ref,
    shown,
    text,
)
from syncer.domain.catalogue.privacy import Privacy

EMPLOYEES = Model(
    name="hris_employees",
    path="/hris/employees",
    webhook_name="hris_employees",
    title="Employees",
    meaning="People who work, worked or will work for the customer",
    columns=(
        text("employee_number", "Number of the employee inside the organisation", Privacy.DIRECTORY),
        text("first_name", "First name", Privacy.DIRECTORY),
        text("last_name", "Last name", Privacy.DIRECTORY),
        text("nationality", "Nationality as the tool writes it", Privacy.PROTECTED),
        text(
            "display_full_name",
            "Whole name; many tools have none, then use first and last name",
            Privacy.DIRECTORY,
        ),
        text("job_title", "Current job title", Privacy.DIRECTORY),
        text("work_email", "Work e-mail address; null if not a valid address", Privacy.DIRECTORY),
        text("personal_email", "Private e-mail address; null if not a valid address", Privacy.CONTACT),
        text("mobile_phone_number", "Mobile phone number as the tool writes it", Privacy.CONTACT),
        text("ssn", "Social security number", Privacy.IDENTIFIER),
        text("tax_id", "Tax number of the person", Privacy.IDENTIFIER),
        text("gender", "MALE, FEMALE, NON_BINARY, NOT_SPECIFIED or what the tool says", Privacy.PROTECTED),
        text(
            "ethnicity", "WHITE, ASIAN, DECLINE_TO_SPECIFY and so on or what the tool says", Privacy.PROTECTED
        ),
        text(
            "marital_status", "SINGLE, MARRIED, DIVORCED and so on or what the tool says", Privacy.PROTECTED
        ),
        text("employment_status", "ACTIVE, PENDING, INACTIVE, LEAVE or what the tool says", Privacy.TERMS),
        text(
            "employment_type",
            "FULL_TIME, PART_TIME, CONTRACT, INTERNSHIP and so on or what the tool says",
            Privacy.TERMS,
        ),
        number("weekly_hours", "Contracted working hours per week", Privacy.TERMS),
        text("avatar", "Address of a picture; may expire", Privacy.ACCESS),
        ref("work_location_id", "hris_locations", "Where the employee works"),
        ref("legal_entity_id", "hris_legal_entities", "Company that employs the person"),
        ref("manager_id", "hris_employees", "The employee's manager"),
        json("home_address", "Private address: street, city, state, zip code, country, raw", Privacy.CONTACT),
        json("bank_accounts", "Accounts with IBAN, BIC, holder and routing number", Privacy.PAY),
        date("date_of_birth", "Day of birth", Privacy.PROTECTED),
        date("start_date", "First day of work for the organisation", Privacy.TERMS),
        date("termination_date", "Day the employment ends; may lie in the future", Privacy.TERMS),
        REMOTE_CREATED_AT,
        CUSTOM_FIELDS,
        INTEGRATION_FIELDS,
        REMOTE_DATA,
        json(
            "employments",
            "Copy of the employments; hris_employments is complete",
            Privacy.COPY,
            embeds="hris_employments",
        ),
        json(
            "time_off_balances",
            "Copy of the balances; hris_time_off_balances is complete",
            Privacy.COPY,
            embeds="hris_time_off_balances",
        ),
        json(
            "manager",
            "Copy of parts of the manager's record; join manager_id instead",
            Privacy.COPY,
            embeds="hris_employees",
        ),
        json(
            "groups",
            "Copy of the employee's groups, stale after a renaming; join hris_employees_groups",
            Privacy.COPY,
            embeds="hris_groups",
        ),
        json(
            "legal_entity",
            "Copy of name and address of the company; join legal_entity_id instead",
            Privacy.COPY,
            embeds="hris_legal_entities",
        ),
        json("teams", "Deprecated by Kombo: the same as groups", Privacy.COPY, embeds="hris_groups"),
        json(
            "work_location",
            "Copy of the location; join work_location_id instead",
            Privacy.COPY,
            embeds="hris_locations",
        ),
    ),
    links=(
        Link(
            table="hris_employees_groups",
            member=("groups",),
            owner="employee_id",
            target="group_id",
            references="hris_groups",
            meaning="Which employee belongs to which group",
        ),
    ),
    joins=("hris_join_employees_teams",),
    filters=(
        Filter("employment_statuses", "list", ("ACTIVE", "PENDING", "INACTIVE", "LEAVE")),
        Filter("group_ids", "list"),
        Filter("legal_entity_ids", "list"),
        Filter("work_location_ids", "list"),
        Filter("work_emails", "list", member=("work_email",)),
        Filter("personal_emails", "list", member=("personal_email",)),
        Filter("custom_fields", "json", member=("custom_fields",)),
        Filter("employment_status", "text", ("ACTIVE", "PENDING", "INACTIVE", "LEAVE")),
    ),
)

EMPLOYMENTS = Model(
    name="hris_employments",
    path="/hris/employments",
    webhook_name="hris_employments",
    title="Employments",
    meaning="Terms under which an employee works from a day on; an employee may have several, past ones too",
    columns=(
        owner("employee_id", "hris_employees", "Whose employment it is"),
        text("job_title", "Job title in this employment; may be a former one", Privacy.DIRECTORY),
        number("pay_rate", "Pay in pay_currency per pay_period", Privacy.PAY),
        text(
            "pay_period", "Span that pay_rate is for: HOUR, DAY, WEEK, MONTH, YEAR and so on", Privacy.TERMS
        ),
        text("pay_frequency", "How often pay arrives: WEEKLY, MONTHLY, ANNUALLY and so on", Privacy.TERMS),
        text(
            "employment_type",
            "FULL_TIME, PART_TIME, CONTRACT, INTERNSHIP and so on or what the tool says",
            Privacy.TERMS,
        ),
        text("pay_currency", "Currency of pay_rate, usually an ISO 4217 code", Privacy.TERMS),
        date("effective_date", "Day from which the terms hold", Privacy.TERMS),
        REMOTE_DATA,
        CUSTOM_FIELDS,
        INTEGRATION_FIELDS,
    ),
)

GROUPS = Model(
    name="hris_groups",
    remote_id=Privacy.ORGANISATION,
    path="/hris/groups",
    webhook_name="hris_teams",
    title="Groups",
    meaning="Departments, teams and cost centres; Kombo's webhooks call them hris_teams",
    columns=(
        text("name", "Name of the group", Privacy.ORGANISATION),
        text("type", "DEPARTMENT, TEAM or COST_CENTER", Privacy.ORGANISATION),
        ref("parent_id", "hris_groups", "Group above this one"),
        REMOTE_DATA,
    ),
    filters=(
        Filter("types", "list", ("DEPARTMENT", "TEAM", "COST_CENTER")),
        Filter("name_contains", "text", member=("name",)),
    ),
)

LOCATIONS = Model(
    name="hris_locations",
    remote_id=Privacy.ORGANISATION,
    path="/hris/locations",
    webhook_name="hris_locations",
    title="Locations",
    meaning="Places where employees work",
    columns=(
        text("name", "Name of the location", Privacy.ORGANISATION),
        json(
            "address",
            "Street, city, state, zip code, country (ISO 3166 code where known), raw",
            Privacy.ORGANISATION,
            members=WORKPLACE,
        ),
        text("type", "Kind of place in the tool's own words", Privacy.ORGANISATION),
        REMOTE_DATA,
    ),
    filters=(Filter("name_contains", "text", member=("name",)),),
)

LEGAL_ENTITIES = Model(
    name="hris_legal_entities",
    remote_id=Privacy.ORGANISATION,
    path="/hris/legal-entities",
    webhook_name="hris_legal_entities",
    title="Legal entities",
    meaning="Companies that employ people",
    columns=(
        text("name", "Name of the company", Privacy.ORGANISATION),
        json(
            "address",
            "Street, city, state, zip code, country (ISO 3166 code where known), raw",
            Privacy.ORGANISATION,
            members=shown(Privacy.ORGANISATION, "street_1 street_2 city state zip_code country raw"),
        ),
        REMOTE_DATA,
    ),
    filters=(Filter("name_contains", "text", member=("name",)),),
)

MODELS: tuple[Model, ...] = (EMPLOYEES, EMPLOYMENTS, GROUPS, LOCATIONS, LEGAL_ENTITIES)
