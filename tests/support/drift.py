"""Drift of the API: what the installed official SDK of Kombo's has, and the program lacks.

    python -m tests.support.drift

prints it and fails where there is any. Each release of the SDK is generated from Kombo's own description of
the API: it is compared list by list, and what is left out on purpose stands in ``ON_PURPOSE``.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from types import ModuleType
from typing import Any, get_args, get_origin

from kombo import models
from pydantic import BaseModel

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.members import KEPT, members
from syncer.domain.catalogue.model import PARAMETERS, Model
from syncer.domain.catalogue.names import WITHOUT_LIST, lists_by_name
from syncer.domain.webhooks.event import EventType
from syncer.kombo.errors import BY_CODE, BY_PREFIX

#: Findings that are no lack, each with its reason. One that is found no more fails, too.
ON_PURPOSE: Mapping[str, str] = dict.fromkeys(
    (
        "error code ATS.APPLICATION_ALREADY_EXISTS",
        "error code ATS.JOB_CLOSED",
        "error code HRIS.EMPLOYEE_ALREADY_EXISTS",
        "error code HRIS.STAFFING_ENTITY_CLOSED",
    ),
    "An answer to a write, of which a mirror makes none: the status decides.",
)

#: Parts of the SDK whose lists are mirrored.
_PARTS = ("hris", "ats", "assessment")
#: Parameters that every list may have beside its own filters, and that need no entry of the catalogue.
_COMMON = frozenset({"cursor", "ignore_unsupported_filters"})


@dataclass(frozen=True, slots=True)
class SdkList:
    """List of the SDK: its path, query parameters, and the members of a record."""

    path: str
    parameters: frozenset[str]
    item: type[BaseModel]


@dataclass(frozen=True, slots=True)
class Sdk:
    """Content of an SDK that a mirror has to know."""

    version: str
    lists: tuple[SdkList, ...]
    error_codes: frozenset[str]
    webhook_types: frozenset[str]
    changed_models: frozenset[str]


def read_sdk() -> Sdk:
    """Read the SDK that is installed."""
    parts = [importlib.import_module(f"kombo.{name}") for name in _PARTS]
    return Sdk(
        version=version("kombo"),
        lists=tuple(each for part in parts for each in _lists(part)),
        error_codes=_literals(r"Kombo\w+ErrorCode"),
        webhook_types=_literals(r"\w+WebhookPayloadType"),
        changed_models=frozenset(get_args(_model_member(models.ChangedModel, "name"))),
    )


def find_drift(sdk: Sdk, ours: Mapping[str, Model], on_purpose: Collection[str] = ON_PURPOSE) -> list[str]:
    """Find what the SDK has and the catalogue lacks, and what is excepted and not there; a line each."""
    found = dict.fromkeys(
        [
            *_of_lists(sdk, {model.path: model for model in ours.values()}),
            *(f"error code {code}" for code in sorted(sdk.error_codes) if not _is_handled(code)),
            *(f"webhook {each}" for each in sorted(sdk.webhook_types - {each.value for each in EventType})),
            *(f"changed model {each}" for each in sorted(sdk.changed_models - _told(ours))),
        ]
    )
    lacking = [each for each in found if each not in on_purpose]
    return lacking + [
        f"{each}: is excepted, and not found any more" for each in on_purpose if each not in found
    ]


def _of_lists(sdk: Sdk, by_path: Mapping[str, Model]) -> Iterator[str]:
    for each in sdk.lists:
        model = by_path.get(each.path)
        if model is None:
            yield f"list {each.path}"
            continue
        features, own = model.features, {one.name for one in model.filters}
        taken = {name for name in PARAMETERS if getattr(features, {"page_size": "paging"}.get(name, name))}
        for name in sorted(each.parameters - taken - own - _COMMON):
            yield f"parameter {name} of {each.path}"
        for name in sorted(_names(each.item) - members()[model.name] - KEPT):
            yield f"member {name} of {each.path}"
        for child in model.children:
            for name in sorted(_names_at(each.item, child.member) - members()[child.table] - KEPT):
                yield f"member {'.'.join(child.member)}.{name} of {each.path}"


def _told(ours: Mapping[str, Model]) -> frozenset[str]:
    names = (name for name, model in lists_by_name().items() if model in ours)
    return WITHOUT_LIST.union(names)


def _is_handled(code: str) -> bool:
    return code in BY_CODE or any(code.startswith(prefix) for prefix in BY_PREFIX)


def _lists(part: ModuleType) -> Iterator[SdkList]:
    """Find the lists that a part of the SDK has operations for."""
    for function in ast.walk(ast.parse(inspect.getsource(part))):
        if not isinstance(function, ast.FunctionDef):
            continue
        said = {
            keyword.arg: keyword.value.value
            for call in ast.walk(function)
            if isinstance(call, ast.Call)
            for keyword in call.keywords
            if keyword.arg in ("method", "path", "operation_id") and isinstance(keyword.value, ast.Constant)
        }
        path, operation = str(said.get("path")), str(said.get("operation_id"))
        if said.get("method") != "GET" or "{" in path:
            continue
        item = _item(operation)
        if item is not None:
            yield SdkList(path, _parameters(operation), item)


def _item(operation: str) -> type[BaseModel] | None:
    """Find the model of a record that an operation's answer lists; None where it lists none."""
    answer = getattr(models, f"{operation}PositiveResponse", None)
    data = None if answer is None else _table(_model_member(answer, "data"))
    return (
        None if data is None or "results" not in data.model_fields else _table(_model_member(data, "results"))
    )


def _parameters(operation: str) -> frozenset[str]:
    request = getattr(models, f"{operation}Request")
    return frozenset(field.alias or name for name, field in request.model_fields.items())


def _model_member(model: type[BaseModel], name: str) -> Any:
    return model.model_fields[name].annotation


def _table(annotation: Any) -> type[BaseModel] | None:
    """Find the model inside of a list, or of what may be null; of several that it may be the first."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    parts = get_args(annotation) if get_origin(annotation) is not None else ()
    return next((found for part in parts if (found := _table(part)) is not None), None)


def _names(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(field.alias or name for name, field in model.model_fields.items())


def _names_at(model: type[BaseModel], path: tuple[str, ...]) -> frozenset[str]:
    """Name the members of the records at a path; none where the SDK does not have it."""
    for name in path:
        if name not in model.model_fields:
            return frozenset()
        inner = _table(_model_member(model, name))
        if inner is None:
            return frozenset()
        model = inner
    return _names(model)


def _literals(pattern: str) -> frozenset[str]:
    """Collect the values of the SDK's types whose names match."""
    named = (getattr(models, name) for name in dir(models) if re.fullmatch(pattern, name))
    return frozenset(value for each in named for value in get_args(each))


def main() -> int:
    """Print the drift; give 1 where there is any."""
    sdk = read_sdk()
    found = find_drift(sdk, catalogue())
    for line in found:
        print(line)
    if not found:
        print(f"The catalogue has all that Kombo's Python SDK {sdk.version} has ({len(sdk.lists)} lists).")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
