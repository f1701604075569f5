"""Events as Kombo sends them: their shapes, and the bytes that are signed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct

from syncer.domain.webhooks.signature import SIGNATURE_HEADER, sign
from syncer.simulator.company.ids import iso, kombo_id
from syncer.simulator.company.records import Record
from syncer.simulator.company.render import to_json
from syncer.simulator.server.integration import SimIntegration

#: What Kombo finds once it cannot log in to a tool any more.
_ISSUE = "integration.authentication_failed"


class Event(Struct, frozen=True):
    """Event before it is sent. data: as in the webhook's body; integration_id: whom it concerns."""

    id: str
    type: str
    data: Mapping[str, Any]
    integration_id: str

    def body(self) -> bytes:
        """Write the body; the same event gives the same bytes."""
        return to_json({"id": self.id, "type": self.type, "data": self.data})

    @property
    def models(self) -> tuple[str, ...]:
        """Names of what changed, of ``data-changed``."""
        return tuple(each["name"] for each in self.data.get("changed_models", ()))


def signed_headers(body: bytes, secret: str) -> dict[str, str]:
    """Make the headers of a webhook that carries this body."""
    return {"content-type": "application/json", SIGNATURE_HEADER: sign(body, secret)}


def data_changed(integration: SimIntegration, names: Iterable[str]) -> dict[str, Any]:
    """Tell which models have news."""
    return {**_prefixed(integration), "changed_models": [{"name": name} for name in names]}


def integration_created(integration: SimIntegration) -> dict[str, Any]:
    """Tell of a new integration, whose id is called ``id`` here."""
    return {**_plain(integration), "end_user": integration.end_user()}


def integration_deleted(integration: SimIntegration, at: int) -> dict[str, Any]:
    """Tell that an integration was deleted, at that millisecond."""
    return {**integration_created(integration), "deleted_at": iso(at)}


def state_changed(integration: SimIntegration, at: int) -> dict[str, Any]:
    """Tell how an integration stands since that millisecond."""
    return {
        **_prefixed(integration),
        "end_user": integration.end_user(),
        "qa_status": "FAILED" if integration.qa_failed else "PASSED",
        "setup_status": integration.setup_status,
        "state": integration.status,
        "updated_at": iso(at),
    }


def issue_changed(
    integration: SimIntegration, change: Literal["raised", "resolved"], raised_at: int, at: int
) -> dict[str, Any]:
    """Tell that Kombo cannot log in to the tool any more, or can again."""
    return {
        "change": change,
        "issue": {
            "id": kombo_id(integration.id, f"issue of {raised_at}"),
            "type": _ISSUE,
            "title": "Authentication failed",
            "status": "OPEN" if change == "raised" else "RESOLVED",
            "markdown_message": f"The credentials of **{integration.tool.title()}** are not accepted.",
            "first_observed_at": iso(raised_at),
            "resolved_at": None if change == "raised" else iso(at),
        },
        "integration": integration_created(integration),
    }


def order_received(integration: SimIntegration, order: Record) -> dict[str, Any]:
    """Tell of an assessment that was ordered."""
    members = ("package_id", "status", "candidate", "application", "job")
    told = {name: order.fields[name] for name in members}
    return {"id": order.id, "integration_id": integration.id, **told}


def _plain(integration: SimIntegration) -> dict[str, Any]:
    return {"id": integration.id, "tool": integration.tool, "category": integration.category}


def _prefixed(integration: SimIntegration) -> dict[str, Any]:
    return {f"integration_{name}": value for name, value in _plain(integration).items()}
