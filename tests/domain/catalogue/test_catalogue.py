"""The catalogue against the description of the API in tests/data/models.json, which was drawn from Kombo's
Python SDK 1.4.0 and Kombo's OpenAPI document, both ways: nothing missing, nothing made up.

A model that the description lacks fails one test here; the others are of the models that it has."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.catalogue.model import PARAMETERS, Child, Column, Link, Model
from syncer.domain.catalogue.model import Member as ClassedMember
from syncer.domain.catalogue.names import WITHOUT_LIST
from syncer.domain.catalogue.privacy import SHOWN, WITHHELD, Privacy
from tests.support.for_each import for_each

#: Lists that show the same rows as another one, or were given up for it.
NOT_MIRRORED = {"/hris/teams", "/assessment/orders/open", "/hris/employee-skill-assignments"}

#: No schema declares it; Kombo's table of nested relations names line_items.salary_type, its webhooks
#: name hris_salary_types.
UNDECLARED = {("hris_payslips", ("line_items", "salary_type"))}

COMMON = {"id", "remote_id", "changed_at", "remote_deleted_at"}
COMMON_FILTERS = {
    "cursor",
    "page_size",
    "updated_after",
    "include_deleted",
    "ignore_unsupported_filters",
    "ids",
    "remote_ids",
}

COLUMN_TYPES = {
    "string": "text",
    "enum": "text",
    "number": "number",
    "integer": "integer",
    "boolean": "boolean",
    "date": "date",
    "date-time": "timestamp",
    "object": "json",
    "array": "json",
    "union": "json",
    "any": "json",
}
FILTER_TYPES = {"string": "text", "enum": "text", "csv": "list", "date-time": "timestamp"}

Member = dict[str, Any]

DESCRIPTION = json.loads((Path(__file__).parents[2] / "data" / "models.json").read_text())
LISTS: dict[str, Member] = {
    entry["path"]: entry for entry in DESCRIPTION["models"] if entry["path"] not in NOT_MIRRORED
}


MODELS = [model for model in catalogue().values() if model.path in LISTS]
CHILDREN = {child.table: child for model in catalogue().values() for child in model.children}

each_model = for_each("model", MODELS, called=lambda model: model.name)
each_link = for_each(
    ("model", "link"),
    [(model, link) for model in MODELS for link in model.links],
    called=lambda case: case[1].table,
)
each_child = for_each(
    ("model", "child"),
    [(model, child) for model in MODELS for child in model.children],
    called=lambda case: case[1].table,
)


def members(of: Member) -> dict[str, Member]:
    """The members of an object, of a list's entries, or of all variants of a tagged union, by name."""
    own = {member["name"]: member for member in of.get("fields") or ()}
    for part in (of.get("items"), *(of.get("variants") or ())):
        own |= members(part) if part else {}
    return own


def at(start: Member, path: tuple[str, ...]) -> Member | None:
    """The member at the end of the path, if the description has it."""
    found: Member | None = start
    for name in path:
        found = members(found).get(name) if found else None
    return found


def described(model: Model) -> Member:
    return LISTS[model.path]


def expected_type(member: Member) -> str:
    if "date" in member["name"].split("_"):
        # Many calendar days arrive as midnight UTC, which the description does not tell from moments.
        assert member["type"] in ("date", "date-time")
        return "date"
    if member.get("format") == "time":
        return "time"
    return COLUMN_TYPES[member["type"]]


def tables() -> Iterator[tuple[str, tuple[Column, ...]]]:
    """Every table of the catalogue with its catalogued columns."""
    for model in catalogue().values():
        yield model.name, model.columns
        yield from ((link.table, link.columns) for link in model.links)
        yield from ((child.table, child.columns) for child in model.children)


def our_name(kombo_name: str) -> str:
    """Our table for the name that Kombo's webhooks and schemas have for it."""
    for model in catalogue().values():
        if model.webhook_name == kombo_name:
            return model.name
    return kombo_name


# --- what there is -----------------------------------------------------------------------------------


def test_every_list_of_the_api_is_mirrored_once() -> None:
    assert sorted(model.path for model in catalogue().values()) == sorted(LISTS)


def test_models_stand_in_the_order_of_the_documentation_by_category() -> None:
    categories = [model.category for model in catalogue().values()]
    assert list(dict.fromkeys(categories)) == ["hris", "ats", "lms", "assessment"]
    assert categories == sorted(categories, key=list(dict.fromkeys(categories)).index)


@each_model
def test_a_table_is_named_after_its_path(model: Model) -> None:
    assert model.name == model.path.strip("/").replace("/", "_").replace("-", "_")


@each_model
def test_the_webhook_name_is_kombos(model: Model) -> None:
    kombo_name = described(model)["model"]
    assert model.webhook_name == (kombo_name if kombo_name in WEBHOOK_NAMES else None)


def test_no_two_tables_share_a_name() -> None:
    names = Counter(name for name, _ in tables())
    assert [name for name, count in names.items() if count > 1] == []


# --- columns -----------------------------------------------------------------------------------------


@each_model
def test_own_columns_are_the_members_of_the_record_in_their_order(model: Model) -> None:
    own = [column.name for column in model.columns if not column.path]
    assert own == [name for name in members(described(model)) if name not in COMMON]


@each_model
def test_derived_columns_are_ids_of_embedded_records_and_come_last(model: Model) -> None:
    derived = [column for column in model.columns if column.path]
    assert list(model.columns[len(model.columns) - len(derived) :]) == derived
    for column in derived:
        assert column.source[-1] == "id", column.name
        assert at(described(model), column.source), column.name
        assert column.references, column.name


@each_model
def test_every_embedded_record_can_be_joined_by_an_id(model: Model) -> None:
    record = described(model)
    for path, target in embedded_records(record):
        if at(record, (*path, "id")) is None:
            continue
        joined = [
            column
            for column in model.columns
            if column.references == target and column.source in ((f"{'_'.join(path)}_id",), (*path, "id"))
        ]
        assert joined, path


def embedded_records(of: Member, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Single records of other models inside the record. One that a carried record carries in turn is joined
    through that; only where the carrier has no id is the way through it closed."""
    for name, member in members(of).items():
        if "expands" in member and member["type"] == "object":
            yield (*path, name), our_name(member["expands"])
            if "id" not in members(member):
                yield from embedded_records(member, (*path, name))


@each_model
def test_column_types_are_those_of_the_members(model: Model) -> None:
    assert_types(model.columns, described(model))


def assert_types(columns: tuple[Column, ...], record: Member) -> None:
    for column in columns:
        member = at(record, column.source)
        assert member is not None, column.name
        assert column.type == expected_type(member), column.name


@each_model
def test_references_are_those_of_the_members(model: Model) -> None:
    assert_references(model.columns, described(model))


def assert_references(columns: tuple[Column, ...], record: Member) -> None:
    for column in columns:
        member, holder = at(record, column.source), at(record, column.source[:-1])
        assert member is not None, column.name
        assert holder is not None, column.name
        target = member.get("references") or (holder.get("expands") if column.source[-1] == "id" else None)
        assert column.references == (our_name(target) if target else None), column.name


def test_references_lead_to_tables_of_models_or_children() -> None:
    existing = {*catalogue(), *CHILDREN}
    for table, columns in tables():
        for column in columns:
            assert column.references is None or column.references in existing, f"{table}.{column.name}"
    for model in catalogue().values():
        for link in model.links:
            assert link.references in existing, link.table


def test_no_table_has_a_column_twice() -> None:
    kept = {"integration_id", "document", "content_hash", "first_seen_at", "mirrored_at", "deleted_by"}
    for model in catalogue().values():
        assert_distinct([*COMMON, *kept, *(column.name for column in model.columns)])
        for link in model.links:
            names = [column.name for column in link.columns]
            assert_distinct(["integration_id", link.owner, link.target, *names])
        for child in model.children:
            names = [column.name for column in child.columns]
            owner = [] if child.owner is None else [child.owner, "position"]
            assert_distinct(["id", "integration_id", "remote_id", "document", *owner, *names])


def assert_distinct(names: list[str]) -> None:
    assert [name for name, count in Counter(names).items() if count > 1] == []


@each_model
def test_deprecated_members_say_so(model: Model) -> None:
    for column in model.columns:
        member = at(described(model), column.source)
        assert member is not None
        assert bool(member.get("deprecated")) == column.meaning.startswith("Deprecated by Kombo"), column.name


# --- links and children ------------------------------------------------------------------------------


def singular(table: str) -> str:
    """``application_stage`` of ``ats_application_stages``."""
    name = table.partition("_")[2]
    return f"{name.removesuffix('ies')}y" if name.endswith("ies") else name.removesuffix("s")


@each_link
def test_a_link_and_its_columns_are_named_after_what_they_connect(model: Model, link: Link) -> None:
    assert link.table == f"{model.name}_{link.member[-1]}"
    assert link.owner == f"{singular(model.name)}_id"
    assert link.target == f"{singular(link.references)}_id"


@each_model
def test_the_links_are_the_lists_of_records_that_do_not_name_their_holder(model: Model) -> None:
    assert [".".join(link.member) for link in model.links] == list(linked_lists(model))


def linked_lists(model: Model) -> Iterator[str]:
    """Lists of other records with ids. Those of an owned child, and of a model that has the holder's id in a
    column of its own, need no link; what is deprecated shows the same as another."""
    for name, member in members(described(model)).items():
        if member["type"] == "array" and not member.get("deprecated"):
            inside = [each for each in members(member).values() if each["type"] == "object"]
            entry = next((each for each in (member, *inside) if each.get("expands")), None)
            if entry is not None and "id" in members(entry) and not names_holder(entry["expands"], model):
                yield name


def names_holder(kombo_name: str, model: Model) -> bool:
    table = our_name(kombo_name)
    if table in CHILDREN:
        return CHILDREN[table].owner is not None
    return any(each.references == model.name and not each.path for each in catalogue()[table].columns)


def test_the_children_are_the_embedded_records_without_a_list() -> None:
    embedded = {our_name(name) for model in MODELS for name in expanded(described(model))}
    undeclared = {
        child.table
        for name, member in UNDECLARED
        for child in catalogue()[name].children
        if child.member == member
    }
    assert {child.table for model in MODELS for child in model.children} == (
        embedded - set(catalogue()) | undeclared
    )


def expanded(of: Member) -> Iterator[str]:
    for member in members(of).values():
        if member.get("expands"):
            yield member["expands"]
        yield from expanded(member)


@each_child
def test_an_owned_child_names_its_owner(model: Model, child: Child) -> None:
    assert child.owner in (None, f"{singular(model.name)}_id")


@each_link
def test_a_link_leads_from_a_list_in_the_record_to_ids(model: Model, link: Link) -> None:
    member = at(described(model), link.member)
    assert member is not None
    assert member["type"] == "array"
    entry = {"fields": list(members(member).values())}
    target = at(entry, link.target_path)
    assert target is not None
    assert our_name(target.get("references") or member["expands"]) == link.references
    assert_types(link.columns, entry)
    assert_references(link.columns, entry)


@each_child
def test_a_child_keeps_every_member_of_the_embedded_record(model: Model, child: Child) -> None:
    if (model.name, child.member) in UNDECLARED:
        return
    member = at(described(model), child.member)
    assert member is not None
    assert member["expands"] == child.table
    elsewhere = {
        column.source[0]
        for link in model.links
        if link.references == child.table and link.member == child.member
        for column in link.columns
    }
    own = {column.source[0] for column in child.columns} - {"salary_type"}
    assert own | elsewhere | {"id", "remote_id", child.owner} >= set(members(member))
    assert own <= set(members(member))
    assert not own & elsewhere
    assert not own & {"id", "remote_id", child.owner}


@each_child
def test_columns_of_a_child_are_typed_as_the_members(model: Model, child: Child) -> None:
    if (model.name, child.member) in UNDECLARED:
        return
    member = at(described(model), child.member)
    assert member is not None
    declared = tuple(column for column in child.columns if column.source[0] != "salary_type")
    assert_types(declared, member)
    assert_references(declared, member)


@each_child
def test_a_child_can_be_joined_to_a_record(model: Model, child: Child) -> None:
    """By its owner's id, by a link table, or by a column of another table."""
    pointing = [
        column
        for table, columns in tables()
        for column in columns
        if column.references == child.table and table != child.table
    ]
    linked = [link for link in model.links if link.references == child.table]
    assert child.owner or pointing or linked


def test_the_undeclared_member_is_known_by_its_relation() -> None:
    for name, member in UNDECLARED:
        relations = described(model_named(name))["updated_after_relations"]
        assert ".".join(member) in [relation["path"] for relation in relations]
        assert at(described(model_named(name)), member) is None


# --- filters and features ----------------------------------------------------------------------------


@each_model
def test_filters_are_those_of_the_list(model: Model) -> None:
    parameters = {p["name"]: p for p in described(model)["params"] if p["name"] not in COMMON_FILTERS}
    assert [filter_.name for filter_ in model.filters] == list(parameters)
    for filter_ in model.filters:
        parameter = parameters[filter_.name]
        # The one object among the filters: its parameter is a string of JSON, says Kombo's Python SDK.
        expected = "json" if filter_.name == "custom_fields" else FILTER_TYPES[parameter["type"]]
        assert filter_.type == expected, filter_.name
        assert list(filter_.choices) == parameter.get("enum", []), filter_.name


@each_model
def test_features_are_those_of_the_list(model: Model) -> None:
    supports = described(model)["supports"]
    assert supports["cursor"] == supports["page_size"]
    # Of what nobody is sure the answers tell.
    for name in PARAMETERS - model.features.unsure:
        assert getattr(model.features, {"page_size": "paging"}.get(name, name)) == supports[name], name


@each_model
def test_common_members_are_those_of_the_record(model: Model) -> None:
    carried, has = members(described(model)), described(model)["has"]
    assert "id" in carried
    assert model.has_remote_id == ("remote_id" in carried) == has["remote_id"]
    assert model.has_changed_at == ("changed_at" in carried) == has["changed_at"]
    assert model.has_remote_deleted_at == ("remote_deleted_at" in carried) == has["remote_deleted_at"]


# --- webhooks ----------------------------------------------------------------------------------------

WEBHOOK_NAMES = set(DESCRIPTION["webhook_model_names"]["sdk"])


def test_every_name_in_webhooks_means_one_list() -> None:
    meant = Counter(name for model in MODELS for name in model.webhook_names)
    assert [name for name, count in meant.items() if count > 1] == []
    assert set(meant) == WEBHOOK_NAMES - WITHOUT_LIST


@each_model
def test_the_list_that_a_webhook_name_means_carries_what_is_named(model: Model) -> None:
    for name in model.webhook_names:
        told = DESCRIPTION["webhook_to_endpoints"][name]
        assert model.path in [told["primary"], *(carrier["path"] for carrier in told["carried_by"])], name


# --- what a reporting role should not see ------------------------------------------------------------

#: By table, beside copies and content that nobody knows.
SENSITIVE = {
    "hris_employees": "ssn tax_id bank_accounts date_of_birth home_address gender ethnicity marital_status"
    " nationality personal_email mobile_phone_number avatar",
    "hris_employments": "pay_rate",
    "hris_absence_types": "name",
    "hris_absences": "employee_note type_id",
    "hris_time_off_balances": "type_id balance used",
    "hris_timesheets": "comment",
    "hris_performance_reviews": "summary_comment summary_rating reviewer_id",
    "hris_staffing_entities": "description remote_url",
    "hris_skill_proficiency_ratings": "proficiency",
    "hris_pay_runs": "totals",
    "hris_payslips": "totals",
    "hris_payslip_line_items": "name amount salary_type_id",
    "ats_jobs": "salary_amount salary_amount_from salary_amount_to remote_url",
    "ats_applications": "screening_question_answers rejection_reason_name remote_url",
    "ats_candidates": "first_name last_name company title phone_numbers email_addresses social_media location"
    " remote_url",
    "ats_tags": "name",
    "ats_interviews": "title location video_conferencing_url",
    "ats_notes": "title content_html",
    "ats_scorecards": "responses",
    "ats_attachments": "file_name content_ref",
    "lms_course_revisions": "remote_url",
    "assessment_orders": "candidate application job",
}
#: Members of unknown content, wherever they are.
UNKNOWN_CONTENT = {"remote_data", "custom_fields", "integration_fields"}


def test_sensitive_columns_are_exactly_these() -> None:
    expected = {f"{table}.{name}" for table, names in SENSITIVE.items() for name in names.split()}
    found = {
        f"{table}.{column.name}"
        for table, columns in tables()
        for column in columns
        if column.is_sensitive and column.privacy not in (Privacy.COPY, Privacy.UNKNOWN)
    }
    assert found == expected


def test_what_nobody_knows_is_classed_so_and_nothing_else_was_forgotten() -> None:
    unknown = {
        column.name for _, columns in tables() for column in columns if column.privacy is Privacy.UNKNOWN
    }
    assert unknown == UNKNOWN_CONTENT
    assert set(SHOWN) | set(WITHHELD) == set(Privacy)
    assert not set(SHOWN) & set(WITHHELD)


@each_model
def test_of_a_copy_nothing_is_shown_but_members_that_are_known(model: Model) -> None:
    for column in model.columns:
        member = at(described(model), column.source)
        if member is None or column.type != "json":
            continue
        inside = [each.member for each in model.links] + [each.member for each in model.children]
        of_records = bool(column.embeds) or any(
            path[: len(column.source)] == column.source for path in inside
        )
        assert not of_records or column.privacy is Privacy.COPY or column.members, column.name


@each_model
def test_every_member_of_a_value_that_is_shown_in_part_is_classed(model: Model) -> None:
    parts: list[tuple[tuple[str, ...], tuple[Column, ...]]] = [((), model.columns)]
    parts += [(link.member, link.columns) for link in model.links]
    parts += [(child.member, child.columns) for child in model.children]
    for path, columns in parts:
        for column in columns:
            member = at(described(model), (*path, *column.source))
            if column.is_shown_in_part and member is not None:
                assert_classed(column.members, member, column.name)


def assert_classed(classed: tuple[ClassedMember, ...], member: Member, where: str) -> None:
    known = members(member)
    assert {each.name for each in classed} == set(known), where
    for each in classed:
        if not each.privacy.is_sensitive:
            assert_classed(each.members, known[each.name], f"{where}.{each.name}")
