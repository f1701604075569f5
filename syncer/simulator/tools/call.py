"""Call as a simulated tool gets it from Kombo, and the tool's response."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct, field

from syncer.simulator.company.company import Company
from syncer.simulator.company.records import Record


class NativeCall(Struct, frozen=True):
    """Call of a tool's own API. form: names with texts, or with the content of files."""

    company: Company
    api: str
    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    data: Any
    form: Mapping[str, str | bytes]
    options: Mapping[str, str]

    @property
    def route(self) -> tuple[str, ...]:
        """Split into method and parts of the path: ``("GET", "people", "1")``, percent encoding undone."""
        return (self.method, *(unquote(part) for part in urlsplit(self.path).path.split("/") if part))

    @property
    def query(self) -> dict[str, str]:
        """Collect the parameters, those in the path among them."""
        return {**dict(parse_qsl(urlsplit(self.path).query)), **self.params}

    def values(self, name: str) -> list[str]:
        """Collect all values of a parameter that may come several times."""
        found = [value for key, value in parse_qsl(urlsplit(self.path).query) if key == name]
        return [*found, self.params[name]] if name in self.params else found

    def number(self, name: str, default: int) -> int:
        """Read a parameter that is a number; the default where it is missing or is none."""
        text = self.query.get(name, "")
        return int(text) if text.isdecimal() else default

    def live(self, model: str) -> Iterator[Record]:
        """Iterate over the records that the tool has, in the order of their making."""
        tables = self.company.tables
        return (record for id in tables.known(model) if (record := tables.of(model)[id]).live)

    def employee(self, remote_id: str) -> Record | None:
        """Look an employee up by the tool's own id."""
        record = self.company.tables.get("hris_employees", self.company.id_for(remote_id))
        return record if record is not None and record.live else None


class NativeReply(Struct, frozen=True):
    """Response of a tool.

    data: an object or a list for JSON, text, or the bytes of a file; None for an empty body.
    """

    status: int
    data: Any = None
    headers: Mapping[str, str | list[str]] = field(
        default_factory=lambda: {"content-type": "application/json;charset=utf-8"}
    )


def has_left(employee: Record) -> bool:
    """Tell whether the employee is one that tools keep, but do not show where nobody asks for them."""
    return employee.fields.get("employment_status") == "INACTIVE"


def day(moment: str | None) -> str | None:
    """Cut the calendar day out of a midnight as Kombo writes it."""
    return None if moment is None else moment[:10]
