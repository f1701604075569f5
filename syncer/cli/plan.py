"""``syncer plan``: cost of commands and of the schedule in requests, before anything is asked."""

from __future__ import annotations

from typing import Any

import click

from syncer.cli.options import json_option, pass_session, stream_options
from syncer.cli.output import is_terminal, print_json, print_line, print_rich, styled
from syncer.cli.session import Session
from syncer.cli.tables import report_table
from syncer.domain.durations import describe_elapsed

_COMMANDS = ("backfill", "reconcile", "sync")
#: Columns that a narrow terminal goes without, in this order; each column of a command sums up below.
_LEAST_IMPORTANT = ("every", "streams", "reconcile", "backfill", "sync", "rows")


@click.command()
@click.argument("command", required=False, type=click.Choice(_COMMANDS))
@stream_options
@json_option
@pass_session
def plan(
    session: Session,
    command: str | None,
    integrations: tuple[str, ...],
    models: tuple[str, ...],
    environments: tuple[str, ...],
    as_json: bool,
) -> int:
    """Estimate the requests and the time that a command takes.

    Without a command: of all of them, and what the schedule of the service takes a day. It asks Kombo
    nothing: the numbers follow from the rows that are here. Retries and questions about missing records come
    on top.

    \b
    syncer plan
    syncer plan backfill --integration 'personio:*'
    """
    from syncer.operations import plan as operation
    from syncer.planning.cost import Command

    commands = [Command(each) for each in _COMMANDS if command in (None, each)]
    with session.opened_app() as app:
        has_several = len(app.select(environments)) > 1
        found = operation.plan(app, commands, integrations, models, environments)
    if as_json:
        print_json({"environments": found} if has_several else next(iter(found.values())))
        return 0
    for name, costs in found.items():
        if has_several:
            print_rich(styled(f"environment {name}", "bold"))
        _print(costs, with_schedule=command is None)
        if has_several and name != list(found)[-1]:
            print_line()
    return 0


def _print(found: dict[str, Any], *, with_schedule: bool) -> None:
    commands = found["commands"]
    by_model: dict[str, dict[str, Any]] = {}
    for name, cost in commands.items():
        for each in cost["models"]:
            by_model.setdefault(each["model"], {})[name] = each
    daily = {each["model"]: each for each in found["schedule"]["models"]} if with_schedule else {}
    columns = ["model", "streams", "rows", *commands, *(["every", "requests a day"] if daily else [])]
    lines = []
    for model, costs in by_model.items():
        first = next(iter(costs.values()))
        rows = max(each["rows"] for each in costs.values())
        mark = "about " if any(each["estimated"] for each in costs.values()) else ""
        cells = [model, f"{first['streams']:,}", f"{mark}{rows:,}" if rows else ""]
        cells += [f"{costs[name]['requests']:,}" for name in commands]
        if daily:
            day = daily.get(model)
            cells += [day["every"], f"{day['requests_a_day']:,}"] if day else ["", ""]
        lines.append(cells)
    numbers = ("streams", "rows", *commands, "requests a day")
    print_rich(
        report_table(
            columns, lines, numbers=numbers, drop=[each for each in _LEAST_IMPORTANT if each in columns]
        ),
        "",
    )
    print_line(_budget(found["budget"]))
    for name, cost in commands.items():
        print_line(f"{name}: {_cost(cost)}")
    if with_schedule:
        print_line(f"schedule: {_schedule(found['schedule'])}")
    for warning in _warnings(found):
        print_rich(styled("✗ " if is_terminal() else "", "red").append(warning, "default"))


def _budget(budget: dict[str, Any]) -> str:
    limit = f"{budget['limit']:,} requests in {budget['window_seconds']:.0f} s"
    permits = (
        f"{budget['reserve']:,} kept in reserve: {budget['requests_a_minute']:,.0f} a minute, "
        f"{budget['requests_a_day']:,} a day"
    )
    if budget["limit_is_assumed"]:
        return f"request limit: not known yet, assumed to be {limit} · {permits}"
    return f"request limit: {limit} · {permits}"


def _cost(cost: dict[str, Any]) -> str:
    parts = [
        f"{_requests(cost['requests'])} at least",
        _time(cost["seconds"]),
        f"{_share(cost['share_of_a_day'])} of a day's budget",
    ]
    if cost["skipped"]:
        parts.append(f"nothing to do for {cost['skipped']:,} of {cost['streams']:,} streams")
    if cost["estimated"]:
        parts.append(f"the rows of {_streams(cost['estimated'])} are estimated")
    return " · ".join(parts)


def _schedule(schedule: dict[str, Any]) -> str:
    parts = [
        f"{_streams(schedule['streams'])}: {_requests(schedule['requests_a_day'])} a day",
        f"{schedule['requests_a_minute']:,.0f} a minute",
        f"{_share(schedule['share_of_the_budget'])} of the budget",
    ]
    if schedule["for_full_walks_a_day"]:
        parts.append(f"{schedule['for_full_walks_a_day']:,} of them to read everything anew")
    return " · ".join(parts)


def _warnings(found: dict[str, Any]) -> list[str]:
    schedule, permits = found["schedule"], found["budget"]["requests_a_minute"]
    if schedule["fits"]:
        return []
    head = (
        f"The schedule does not fit: it needs {schedule['requests_a_minute']:,.0f} requests a minute, and "
        f"the limit permits {permits:,.0f}, some of which should be left for what nobody knows before."
    )
    proposed = schedule["fitting_every"]
    if proposed is None:
        return [f"{head} Reading everything anew takes too much of it: set a longer full_every."]
    if schedule["at_every_max"]["fits"]:
        return [
            f"{head} So the service polls streams that change seldom less often, at most every_max "
            f'({schedule["every_max"]}) apart. Polled alike, all would fit with every = "{proposed}".'
        ]
    return [
        f"{head} Nor does it fit where streams that change seldom are polled less often, up to every_max "
        f'({schedule["every_max"]}): they wait in turn. It would with every = "{proposed}", or with '
        "such an every_max."
    ]


def _requests(number: int) -> str:
    return f"{number:,} request{'' if number == 1 else 's'}"


def _streams(number: int) -> str:
    return f"{number:,} stream{'' if number == 1 else 's'}"


def _time(seconds: float) -> str:
    if seconds < 60:
        return "less than a minute"
    return describe_elapsed(seconds)


def _share(share: float) -> str:
    if 0 < share < 0.001:
        return "less than 0.1 %"
    return f"{share * 100:.1f} %" if share < 0.1 else f"{share * 100:,.0f} %"
