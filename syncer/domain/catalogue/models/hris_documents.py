"""HRIS: documents of employees."""

from __future__ import annotations

from syncer.domain.catalogue.model import Model
from syncer.domain.catalogue.models.columns import REMOTE_DATA, text
from syncer.domain.catalogue.privacy import Privacy

DOCUMENT_CATEGORIES = Model(
    name="hris_employee_document_categories",
    remote_id=Privacy.ORGANISATION,
    path="/hris/employee-document-categories",
    webhook_name="hris_employee_document_categories",
    title="Employee document categories",
    meaning="Kinds of documents that the tool files for employees",
    columns=(text("name", "Name of the category", Privacy.ORGANISATION), REMOTE_DATA),
)

MODELS: tuple[Model, ...] = (DOCUMENT_CATEGORIES,)
