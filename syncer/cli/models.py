"""``syncer models``: the catalogue of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from syncer.cli.options import json_option
from syncer.cli.output import print_json, print_rich
from syncer.cli.tables import report_table

if TYPE_CHECKING:
    from syncer.domain.catalogue.model import Model


@click.command()
@json_option
def models(as_json: bool) -> int:
    """List the models that can be mirrored.

    Filters are set in the configuration, under [sync.model.NAME].

    \b
    syncer models
    """
    from syncer.domain.catalogue.lookup import catalogue

    if as_json:
        print_json([_value(each) for each in catalogue().values()])
        return 0
    rows = [
        (
            each.name,
            each.path,
            str(len(each.columns)),
            "yes" if each.features.updated_after else "no",
            "yes" if each.features.include_deleted else "no",
            ", ".join(one.name for one in each.filters),
        )
        for each in catalogue().values()
    ]
    columns = ("model", "path", "columns", "incremental", "deletions", "filters")
    drop = ("columns", "path", "deletions")
    print_rich(report_table(columns, rows, numbers=("columns",), drop=drop, folds=("filters",)))
    return 0


def _value(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "title": model.title,
        "meaning": model.meaning,
        "path": model.path,
        "columns": [column.name for column in model.columns],
        "tables": [*(link.table for link in model.links), *(child.table for child in model.children)],
        "features": {
            "incremental": model.features.updated_after,
            "deletions": model.features.include_deleted,
            "ids": model.features.ids,
            "remote_ids": model.features.remote_ids,
        },
        "filters": [each.name for each in model.filters],
    }
