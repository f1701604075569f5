"""Options of ``syncer simulate`` about what goes wrong: answers that fail or are late."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from random import Random
from typing import TYPE_CHECKING, Any

import click

from syncer.domain.errors import UsageError

if TYPE_CHECKING:
    from syncer.simulator.server.environment import Environment


def fault_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options about what goes wrong; ``apply_faults`` takes their values."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option(
        "--fail",
        "failing",
        multiple=True,
        metavar="FAULT",
        help="Let requests fail, as in hris_absences=500, 'hris_*=truncated@10%' or bad-gateway=5%; may be "
        "given more than once. docs/simulator.md lists the faults.",
    ),
    click.option(
        "--slow",
        multiple=True,
        metavar="SECONDS",
        help="Answer so late, or only lists of some models, as in 'ats_*=2.5'; may be given more than once.",
    ),
    click.option(
        "--inactive",
        multiple=True,
        metavar="GLOB",
        help="Serve these integrations as INACTIVE, as in 'personio:*'; may be given more than once.",
    ),
    click.option(
        "--refuse",
        "refused",
        multiple=True,
        metavar="MODEL=PARAMETER",
        help="Let a list refuse a query parameter, as in hris_skills=updated_after; may be given more than"
        " once.",
    ),
)


def apply_faults(
    environment: Environment,
    failing: Sequence[str],
    slow: Sequence[str],
    inactive: Sequence[str],
    refused: Sequence[str],
    seed: int,
) -> None:
    """Let go wrong what the options say, the same for the same seed. Raises UsageError."""
    from syncer.simulator.server.faults import Late, Match
    from syncer.simulator.server.named_faults import add_named, check_models

    chance = Random(f"requests of {seed}")
    for text in failing:
        _checked("--fail", add_named, environment.faults, text, chance)
    for text in slow:
        models, _, seconds = text.rpartition("=")
        if models:
            _checked("--slow", check_models, models)
        # After the others: what fails does so at once.
        environment.faults.add(Match(model=models or "*"), Late(_seconds(seconds)), None)
    for glob in inactive:
        _deactivate(environment, glob)
    for text in refused:
        _refuse(environment, text)


def _checked(option: str, call: Callable[..., object], *arguments: object) -> None:
    try:
        call(*arguments)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= 3600:
        raise UsageError(f"--slow: {text!r} is no number of seconds: write one such as 2.5 or 'ats_*=2.5'.")
    return seconds


def _refuse(environment: Environment, text: str) -> None:
    from syncer.domain.catalogue.model import PARAMETERS
    from syncer.simulator.server.named_faults import check_models

    model, _, parameter = text.partition("=")
    _checked("--refuse", check_models, model)
    if parameter not in PARAMETERS:
        raise UsageError(f"--refuse: write MODEL=PARAMETER with one of {', '.join(sorted(PARAMETERS))}.")
    environment.refused_parameters.add((model, parameter))


def _deactivate(environment: Environment, glob: str) -> None:
    ids = list(environment.integrations)
    chosen = [id for id in ids if fnmatchcase(id, glob)]
    if not chosen:
        raise UsageError(f"--inactive {glob}: there are only the integrations {', '.join(ids)}.")
    for id in chosen:
        environment.integrations[id].status = "INACTIVE"
