"""HRIS: documents of employees."""

from __future__ import annotations

from syncer.domain.catalogue.model import Model
from syncer.domain.catalogue.models.columns import REMOTE_DATA, text

DOCUMENT_CATEGORIES = Model(
    name="hris_employee_document_categories",
    path="/hris/employee-document-categories",
    webhook_name="hris_employee_document_categories",
    title="Employee document categories",
    meaning="Kinds of documents that the tool files for employees",
    columns=(text("name", "Name of the category"), REMOTE_DATA),
)

MODELS: tuple[Model, ...] = (DOCUMENT_CATEGORIES,)
