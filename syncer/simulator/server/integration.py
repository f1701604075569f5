"""Integration as the API describes it, with its refusals to serve records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Literal

from msgspec import Struct, field

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.model import Model
from syncer.simulator.company.company import Company
from syncer.simulator.company.extra_lists import EXTRA_LISTS
from syncer.simulator.company.ids import iso, kombo_id, to_ms

Status = Literal["ACTIVE", "INVALID", "INACTIVE"]
SetupStatus = Literal["INCOMPLETE", "FINAL_SYNC_PENDING", "COMPLETED"]

_SETUP_CODES = {
    "INCOMPLETE": ("INTEGRATION.SETUP_INCOMPLETE", "The setup of this integration is not finished."),
    "FINAL_SYNC_PENDING": ("INTEGRATION.SETUP_SYNC_PENDING", "The first sync has not finished yet."),
}


#: Members whose change Kombo tells of.
_STATES = frozenset({"status", "setup_status", "qa_failed"})


class Refusal(Struct, frozen=True):
    """Refusal to serve a list."""

    status: int
    code: str
    message: str


class SimIntegration(Struct):
    """Integration of a company, with states to be set by tests.

    offers: globs of the models that the tool has; asking for another is MODEL_NOT_AVAILABLE. disabled:
    models switched off in the scope configuration (MODEL_DISABLED). unsupported_filters: (model, parameter)
    pairs that the tool has no data for. setup_error_status: 409; it was 503 before May 2026.
    refuses_inactive: whether lists of an INVALID or INACTIVE integration are refused, which Kombo does not
    document. extra_lists: names of lists that the catalogue lacks and this tool has; of the others nobody
    knows. concurrency_limit: calls of the tool's own API at once; under_way: how many there are now.
    on_state: called with the integration and its former status after a change of its status or set-up.
    """

    company: Company
    category: Literal["HRIS", "ATS", "LMS", "ASSESSMENT"] = "HRIS"
    status: Status = "ACTIVE"
    setup_status: SetupStatus = "COMPLETED"
    qa_failed: bool = False
    data_expired_at: datetime | None = None
    offers: tuple[str, ...] = ("*",)
    disabled: set[str] = field(default_factory=set)
    unsupported_filters: set[tuple[str, str]] = field(default_factory=set)
    setup_error_status: int = 409
    refuses_inactive: bool = False
    extra_lists: tuple[str, ...] = ()
    created_at: datetime | None = None
    concurrency_limit: int = 30
    under_way: int = 0
    on_state: Callable[[SimIntegration, Status], object] | None = None

    def __setattr__(self, name: str, value: object) -> None:
        before, status = getattr(self, name, None), getattr(self, "status", "ACTIVE")
        super().__setattr__(name, value)
        on_state = getattr(self, "on_state", None)
        if on_state is not None and name in _STATES and value != before:
            on_state(self, status)

    @property
    def id(self) -> str:
        return self.company.integration_id

    @property
    def tool(self) -> str:
        return self.id.partition(":")[0]

    def unready(self) -> Refusal | None:
        """Refuse everything of an integration that is not ready; None if it is."""
        if self.qa_failed:
            return Refusal(self.setup_error_status, "INTEGRATION.QA_FAILED", "The quality check has failed.")
        if self.setup_status in _SETUP_CODES:
            return Refusal(self.setup_error_status, *_SETUP_CODES[self.setup_status])
        if self.status != "ACTIVE" and self.refuses_inactive:
            return Refusal(403, "INTEGRATION.INACTIVE", "This integration is not active.")
        return None

    def refusal(self, model: Model) -> Refusal | None:
        """Refuse a list that is not served now; None if it is."""
        unready = self.unready()
        if unready is not None:
            return unready
        if not self._offered(model):
            return Refusal(
                403, "INTEGRATION.MODEL_NOT_AVAILABLE", f"{self.tool} does not have {model.title}."
            )
        if model.name in self.disabled:
            return Refusal(
                403, "INTEGRATION.MODEL_DISABLED", f"{model.title} are disabled in the scope config."
            )
        return None

    def end_user(self) -> dict[str, Any]:
        """Describe the customer, as Kombo does wherever it names one."""
        return {
            "organization_name": f"Firma {self.company.domain}",
            "creator_email": f"hr@{self.company.domain}",
            "origin_id": f"customer-{self.company.domain.partition('.')[0]}",
        }

    def describe(self) -> dict[str, Any]:
        """Describe the integration as ``GET /integrations/{id}`` does."""
        created = self.created_at or self.company.clock.now()
        return {
            "id": self.id,
            "tool": {
                "id": self.tool,
                "label": self.tool.title(),
                "internal_label": None,
                "logo_url": f"https://storage.example.com/{self.tool}/logo.svg",
                "icon_url": f"https://storage.example.com/{self.tool}/icon.svg",
            },
            "category": self.category,
            "status": self.status,
            "setup_status": self.setup_status,
            "end_user": self.end_user(),
            "scope_config": {"id": kombo_id(self.id, "scope-config"), "name": "Everything"},
            "data_expired_at": None if self.data_expired_at is None else iso(to_ms(self.data_expired_at)),
            "created_at": iso(to_ms(created)),
            "beta": False,
            "read_models": [self._read_model(each) for each in self._models() if each.webhook_name],
            "write_actions": [],
        }

    def _models(self) -> list[Model]:
        return [*catalogue().values(), *(EXTRA_LISTS[name] for name in self.extra_lists)]

    def _offered(self, model: Model) -> bool:
        return any(fnmatchcase(model.name, glob) for glob in self.offers)

    def _read_model(self, model: Model) -> dict[str, Any]:
        members = ("remote_id", *(each.name for each in model.columns if len(each.source) == 1))
        coverage = self._coverage(self._offered(model), model.name not in self.disabled)
        return {
            "id": model.webhook_name,
            "label": model.title,
            **coverage,
            "fields": [{"id": name, **coverage} for name in members],
        }

    @staticmethod
    def _coverage(offered: bool, enabled: bool) -> dict[str, Any]:
        return {
            "is_available": offered and enabled,
            "coverage_status": "SUPPORTED" if offered else "UNSUPPORTED",
            "scope_config_setting": "ENABLED" if enabled else "DISABLED",
            "opted_out_by_customer": False,
        }
