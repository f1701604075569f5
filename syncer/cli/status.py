"""``syncer status``: streams, freshness and request budget, and what is not well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from syncer.cli.options import json_option, pass_session, stream_options
from syncer.cli.output import (
    indented,
    is_terminal,
    join_models,
    print_json,
    print_rich,
    styled,
)
from syncer.cli.session import Session
from syncer.cli.tables import report_table
from syncer.domain.durations import describe_age, describe_span
from syncer.domain.streams.state import MEANINGS, Meaning, Severity, StreamState
from syncer.domain.texts.printable import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

#: Integrations with problems that a summary tells of.
MOST_INTEGRATIONS = 20
#: Colours of severities on a terminal; any other is yellow.
_COLOURS = {Severity.OK: "green", Severity.ERROR: "red"}


@click.command()
@stream_options
@click.option("--all", "every", is_flag=True, help="List every stream, however many there are.")
@click.option("--troubles", is_flag=True, help="List only what is not well, or running.")
@json_option
@pass_session
def status(
    session: Session,
    integrations: tuple[str, ...],
    models: tuple[str, ...],
    environments: tuple[str, ...],
    every: bool,
    troubles: bool,
    as_json: bool,
) -> int:
    """Show streams, freshness, request budget and quarantine.

    Of more than 150 streams those are listed that are not well, and the others summed up; JSON has all.

    \b
    syncer status
    syncer status --troubles --model 'hris_*'
    """
    if every and troubles:
        raise click.UsageError("--all and --troubles exclude each other.")
    from syncer.operations import status as operation

    with session.opened_app() as app:
        only_problems = _only_problems(every or as_json, troubles)
        choice = operation.choose(app, integrations, models, only_problems, environments)
        found = operation.status(app, choice, environments)
        configured = operation.configured(app, environments)
    known = {each["id"] for each in found["integrations"] if each["streams"]}
    not_begun = [each for each in choice.integrations or configured if each not in known]
    # A mirror of nothing is not a good one.
    is_well = found["is_well"] and bool(known) and not not_begun
    if as_json:
        print_json({**found, "is_well": is_well, "not_begun": not_begun})
    else:
        print_rich(*_lines(found, not_begun, MOST_INTEGRATIONS if choice.only_problems is None else None))
    return 0 if is_well else 1


def _only_problems(every: bool, troubles: bool) -> bool | None:
    return True if troubles else False if every else None


def _lines(found: dict[str, Any], not_begun: Sequence[str], most: int | None) -> Iterator[RenderableType]:
    """Give what is printed; most: integrations of a summary that are told of one by one, None: all."""
    for environment in found["environments"]:
        if environment["key"] is not None:
            from syncer.operations.status_report import describe_refused_key

            yield styled(printable(describe_refused_key(found, environment["key"])), "red")
            yield ""
    streams = grouped(found["streams"])
    problems = grouped(found["problems"])
    shown = [each for each in found["integrations"] if each["id"] in streams or each["id"] in problems]
    most = None if found["lists_all"] else most
    for integration in shown[:most]:
        key = integration["id"]
        yield from _integration_lines(integration, streams.get(key, []), problems.get(key, []), found)
    if not found["lists_all"]:
        yield from _rest(found, shown, most)
    for each in not_begun:
        hint = "  not mirrored yet: `syncer backfill` begins"
        yield styled(printable(each), "bold").append(hint, "yellow")
        yield ""
    if found["deliveries"]:
        from syncer.cli.deliveries import delivery_lines

        yield from delivery_lines(found["deliveries"])
        yield ""
    if not found["totals"]["streams"]:
        if not not_begun:
            yield (
                "Nothing is mirrored: name an integration in the configuration, "
                "or with `syncer integrations add ID`."
            )
        return
    yield _totals(found)
    for environment in found["environments"]:
        yield _named(environment, found, _budget(environment["budget"]))
    from syncer.cli.unknown_lists import unknown_lines
    from syncer.operations.status_report import describe_webhooks

    if (webhooks := describe_webhooks(found)) is not None:
        yield printable(webhooks)
    yield from unknown_lines(found["unknown_models"])
    for environment in found["environments"]:
        # With a refused key nothing is read, whatever the budget permits.
        if environment["behind"] is not None and environment["key"] is None:
            yield styled(_named(environment, found, behind(environment["behind"])), "yellow")
    from syncer.operations.workers import describe_depth

    for environment in found["environments"]:
        if environment["queue"] is not None:
            yield _named(environment, found, describe_depth(environment["queue"]))
    from datetime import datetime

    from syncer.operations.verification_report import describe_verification

    for environment in found["environments"]:
        if (verification := environment["verification"]) is not None:
            line = describe_verification(verification, datetime.fromisoformat(found["now"]))
            yield styled(_named(environment, found, line), "" if verification["is_well"] else "red")
    if found["consumers"]:
        from syncer.cli.changes import consumer_table

        yield ""
        yield consumer_table(found["consumers"])
    from syncer.operations.process_report import describe_process

    for each in found["processes"]:
        yield styled(printable(describe_process(each)), "dim" if each["is_alive"] else "yellow")
    running = [f"{each['integration']} {each['model']}" for each in found["streams"] if each["is_running"]]
    if running:
        yield styled(f"running now: {', '.join(running)}", "cyan")
    if found["problems"]:
        from syncer.cli.further_reading import sections_on

        sections = sections_on({StreamState(each["state"]) for each in found["problems"]})
        yield styled(f"what it means, and what to do: {', '.join(sections)}", "dim")


def _rest(
    found: dict[str, Any], shown: Sequence[dict[str, Any]], most: int | None
) -> Iterator[RenderableType]:
    """Sum up the integrations that are not told of one by one."""
    is_told = False
    if most is not None and len(shown) > most:
        more = f"and {len(shown) - most:,} more integrations with problems: `syncer status --troubles`"
        yield styled(more, "red")
        is_told = True
    quiet = sum(1 for each in found["integrations"] if each["streams"]) - len(shown)
    if quiet > 0:
        how = "`syncer status --all` lists their streams"
        yield styled(f"{quiet:,} integrations without problems: {how}", "dim")
        is_told = True
    if is_told:
        yield ""


def grouped(things: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Group streams or problems of a report by their integration."""
    found: dict[str, list[dict[str, Any]]] = {}
    for each in things:
        found.setdefault(each["integration"], []).append(each)
    return found


def _integration_lines(
    integration: dict[str, Any],
    streams: Sequence[dict[str, Any]],
    problems: Iterable[dict[str, Any]],
    found: dict[str, Any],
) -> Iterator[RenderableType]:
    has_several = len(found["environments"]) > 1
    named = integration["environment"] if has_several else None
    facts = [named, integration["tool"], integration["organisation"], integration["status"]]
    from syncer.operations.problems import describe_problem

    head = styled(printable(integration["id"]), "bold")
    yield head.append("  " + " · ".join(printable(fact) for fact in facts if fact), "dim")
    # Streams that are empty share a line.
    empty = {
        meaning.label: [each for each in streams if each["state"] == state and not _has_rows(each)]
        for state, meaning in MEANINGS.items()
        if meaning.label is not None
    }
    # And there is nothing to show of those that are empty because of a problem but the problem.
    without_lines = {each["model"] for group in empty.values() for each in group} | {
        each["model"] for each in streams if _meaning(each).is_trouble and not _has_rows(each)
    }
    yield from _table([each for each in streams if each["model"] not in without_lines], found["now"])
    mark = "✗ " if is_terminal() else ""
    for problem in problems:
        subject = f"{mark}{join_models(problem['models'])}: "
        note = printable(describe_problem(problem, found["now"]))
        yield indented(styled(subject, "red").append(note, "default"))
    for words, group in empty.items():
        if group:
            line = styled(f"{words}: {', '.join(each['model'] for each in group)}", "dim")
            yield indented(line)
    yield ""


def _table(streams: Sequence[dict[str, Any]], now: str) -> Iterator[RenderableType]:
    """Give the table of these streams, if there are any."""
    columns = ("model", "state", "live", "deleted", "complete as of", "last run")
    rows = [
        (
            each["model"],
            each["state"],
            f"{each['rows_live']:,}",
            f"{each['rows_deleted']:,}",
            "never" if each["lag_seconds"] is None else describe_age(each["lag_seconds"]),
            "never" if each["last_run_at"] is None else describe_age(_seconds(now, each["last_run_at"])),
        )
        for each in streams
    ]
    if rows:
        yield report_table(
            columns,
            rows,
            numbers=("live", "deleted"),
            drop=("last run", "deleted", "complete as of", "live"),
            colours={"state": lambda state: _COLOURS.get(StreamState(state).meaning.severity, "yellow")},
            indent=2,
        )


def _has_rows(stream: dict[str, Any]) -> bool:
    return bool(stream["rows_live"] + stream["rows_deleted"])


def _meaning(stream: dict[str, Any]) -> Meaning:
    return StreamState(stream["state"]).meaning


def _named(environment: dict[str, Any], found: dict[str, Any], text: str) -> str:
    """Put the name of an environment before a text, where there are several."""
    return f"{environment['name']}: {text}" if len(found["environments"]) > 1 else text


def _totals(found: dict[str, Any]) -> str:
    totals = found["totals"]
    states = ", ".join(f"{number:,} {state}" for state, number in Counter(totals["streams"]).most_common())
    return (
        f"{sum(totals['streams'].values()):,} streams: {states} · "
        f"{totals['rows_live']:,} rows live, {totals['rows_deleted']:,} deleted"
    )


def _budget(budget: dict[str, Any] | None) -> str:
    from syncer.operations.status_report import waiting_requests

    if budget is None or budget["limit"] is None:
        return "request limit: not known yet"
    resets = budget["resets_in_seconds"]
    parts = [
        f"request limit: {budget['used']:,} of {budget['limit']:,} used in this window",
        f"{budget['reserve']:,} kept in reserve",
        f"resets in {resets:.0f} s" if resets else "idle",
        f"pacing: {budget['pacing']}",
        f"waiting: {waiting_requests(budget)}",
        f"{budget['answers_429'] or 'none'} refused (429)",
    ]
    return " · ".join(parts)


def behind(how: dict[str, Any]) -> str:
    """Describe how far the schedule is behind, in a sentence; how: that part of the status."""
    number = how["streams"]
    return (
        f"behind schedule: {number:,} stream{'' if number == 1 else 's'}, the longest overdue by "
        f"{describe_span(how['longest_seconds'])}; "
        f"the schedule needs {how['needs_a_minute']:,.0f} requests a minute, "
        f"the budget permits {how['permits_a_minute']:,.0f}"
    )


def _seconds(now: str, then: str) -> float:
    from datetime import datetime

    return (datetime.fromisoformat(now) - datetime.fromisoformat(then)).total_seconds()
