"""Short constructors for columns, and the columns that many models share."""

from __future__ import annotations

from collections.abc import Mapping

from syncer.domain.catalogue.model import Column, Embed, Member
from syncer.domain.catalogue.privacy import Privacy


def text(name: str, meaning: str, privacy: Privacy, *, at: str = "") -> Column:
    return Column(name, "text", meaning, path=_path(at), privacy=privacy)


def boolean(name: str, meaning: str, privacy: Privacy, *, at: str = "") -> Column:
    return Column(name, "boolean", meaning, path=_path(at), privacy=privacy)


def integer(name: str, meaning: str, privacy: Privacy, *, at: str = "") -> Column:
    return Column(name, "integer", meaning, path=_path(at), privacy=privacy)


def number(name: str, meaning: str, privacy: Privacy, *, at: str = "") -> Column:
    return Column(name, "number", meaning, path=_path(at), privacy=privacy)


def date(name: str, meaning: str, privacy: Privacy, *, at: str = "") -> Column:
    return Column(name, "date", meaning, path=_path(at), privacy=privacy)


def time(name: str, meaning: str, privacy: Privacy, *, at: str = "") -> Column:
    return Column(name, "time", meaning, path=_path(at), privacy=privacy)


def timestamp(name: str, meaning: str, privacy: Privacy, *, at: str = "") -> Column:
    return Column(name, "timestamp", meaning, path=_path(at), privacy=privacy)


def json(
    name: str,
    meaning: str,
    privacy: Privacy,
    *,
    at: str = "",
    embeds: str | Mapping[str, str] = "",
    members: tuple[Member, ...] = (),
) -> Column:
    """embeds: the table that the value is a copy from, or path inside the value -> table."""
    copies = {"": embeds} if isinstance(embeds, str) else embeds
    return Column(
        name,
        "json",
        meaning,
        path=_path(at),
        privacy=privacy,
        embeds=tuple(Embed(table, _path(path)) for path, table in copies.items() if table),
        members=members,
    )


def ref(name: str, table: str, meaning: str, privacy: Privacy = Privacy.KEY, *, at: str = "") -> Column:
    """Describe an id in another table; the row there may be missing."""
    return Column(name, "text", meaning, references=table, path=_path(at), privacy=privacy)


def owner(name: str, table: str, meaning: str, *, at: str = "") -> Column:
    """Describe the id of the record that this one is about, and is erased with."""
    return Column(name, "text", meaning, references=table, path=_path(at), privacy=Privacy.KEY, is_owner=True)


def shown(privacy: Privacy, names: str) -> tuple[Member, ...]:
    """Describe members of a JSON value that are all of one class, by their names with spaces between."""
    return tuple(Member(name, privacy) for name in names.split())


def _path(at: str) -> tuple[str, ...]:
    """Split ``employee.id`` into a path; empty stays empty."""
    return tuple(at.split(".")) if at else ()


CHANGED_AT = timestamp("changed_at", "When the entry's own members last changed, says Kombo", Privacy.PROCESS)
CUSTOM_FIELDS = json(
    "custom_fields", "Fields that the customer has mapped: key to JSON value", Privacy.UNKNOWN
)
INTEGRATION_FIELDS = json(
    "integration_fields", "Single fields switched on in Kombo: key, label, value", Privacy.UNKNOWN
)
REMOTE_CREATED_AT = timestamp(
    "remote_created_at", "When the record was created in the tool, where it tells", Privacy.PROCESS
)
REMOTE_DATA = json(
    "remote_data", "The tool's own answers by endpoint; null unless switched on", Privacy.UNKNOWN
)
REMOTE_DELETED_AT = timestamp(
    "remote_deleted_at", "When Kombo found the entry gone; null while it lives", Privacy.PROCESS
)
REMOTE_UPDATED_AT = timestamp(
    "remote_updated_at", "When the record last changed in the tool, where it tells", Privacy.PROCESS
)
REMOTE_URL = text("remote_url", "Address of the record in the tool's web pages", Privacy.ACCESS)

#: Members of a place where people work: the house itself may be somebody's home.
WORKPLACE = (
    *shown(Privacy.ORGANISATION, "city state zip_code country"),
    *shown(Privacy.CONTACT, "street_1 street_2 raw"),
)
#: Members of a role that stands in a list without an id of Kombo's.
ROLE = shown(Privacy.ORGANISATION, "remote_id remote_label scope unified_type")
