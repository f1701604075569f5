"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from syncer.cli.completion_values import complete_environments, complete_integrations, complete_models

pass_session = click.pass_obj
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")

_model_option = click.option(
    "--model",
    "models",
    multiple=True,
    metavar="GLOB",
    shell_complete=complete_models,
    help="Only these models, such as hris_employees or 'ats_*'; may be given more than once.",
)
integration_option = click.option(
    "--integration",
    "integrations",
    multiple=True,
    metavar="GLOB",
    shell_complete=complete_integrations,
    help="Only this integration, or those of a glob such as 'personio:*'; may be given more than once.",
)
environment_option = click.option(
    "--environment",
    "environments",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_environments,
    help="Only this environment of the configuration; may be given more than once.",
)


def stream_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select streams."""
    return integration_option(_model_option(environment_option(command)))
