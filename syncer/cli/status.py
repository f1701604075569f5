"""``syncer status``: streams, freshness and request budget, and what is not well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from syncer.cli.options import json_option, pass_session
from syncer.cli.output import (
    indented,
    is_terminal,
    join_models,
    print_json,
    print_rich,
    styled,
    table,
)
from syncer.cli.session import Session
from syncer.domain.durations import describe_age, describe_span
from syncer.domain.streams.state import MEANINGS, Meaning, Severity, StreamState
from syncer.domain.texts.printable import printable

#: Colours of severities on a terminal; any other is yellow.
_COLOURS = {Severity.OK: "green", Severity.ERROR: "red"}


@click.command()
@json_option
@pass_session
def status(session: Session, as_json: bool) -> int:
    """Show streams, freshness, request budget and quarantine."""
    from syncer.operations import status as operation

    with session.opened_app() as app:
        found = operation.status(app)
        configured = app.selection.configured(has_tables=True)
    known = {each["integration"] for each in found["streams"]}
    not_begun = [each for each in configured if each not in known]
    # A mirror of nothing is not a good one.
    is_well = found["is_well"] and bool(known) and not not_begun
    if as_json:
        print_json({**found, "is_well": is_well, "not_begun": not_begun})
    else:
        _print(found, not_begun)
    return 0 if is_well else 1


def _print(found: dict[str, Any], not_begun: Sequence[str]) -> None:
    if found["key"] is not None:
        from syncer.operations.status_report import describe_refused_key

        print_rich(styled(printable(describe_refused_key(found)), "red"), "")
    for integration in found["integrations"]:
        streams = [each for each in found["streams"] if each["integration"] == integration["id"]]
        if streams:
            _print_integration(integration, streams, found)
    for each in not_begun:
        hint = "  not mirrored yet: `syncer backfill` begins"
        print_rich(styled(printable(each), "bold").append(hint, "yellow"), "")
    if found["deliveries"]:
        from syncer.cli.deliveries import print_deliveries

        print_deliveries(found["deliveries"])
        print_rich("")
    if not found["streams"] and not not_begun:
        print_rich(
            "Nothing is mirrored: name an integration in the configuration, "
            "or with `syncer integrations add ID`."
        )
        return
    print_rich(_totals(found))
    print_rich(_budget(found["budget"]))
    if found["behind"] is not None:
        print_rich(styled(behind(found["behind"]), "yellow"))
    if found["consumers"]:
        from syncer.cli.changes import consumer_table

        print_rich("", consumer_table(found["consumers"]))
    running = [f"{each['integration']} {each['model']}" for each in found["streams"] if each["is_running"]]
    if running:
        print_rich(styled(f"running now: {', '.join(running)}", "cyan"))


def _print_integration(
    integration: dict[str, Any], streams: Sequence[dict[str, Any]], found: dict[str, Any]
) -> None:
    facts = [integration["tool"], integration["organisation"], integration["status"]]
    from syncer.operations.problems import describe_problem

    head = styled(printable(integration["id"]), "bold")
    print_rich(head.append("  " + " · ".join(printable(fact) for fact in facts if fact), "dim"))
    columns = ("model", "state", "live", "deleted", "complete as of", "last run")
    shown = table(*columns, numbers=("live", "deleted"))
    # Streams that are empty share a line.
    empty = {
        meaning.label: [each for each in streams if each["state"] == state and not _has_rows(each)]
        for state, meaning in MEANINGS.items()
        if meaning.label is not None
    }
    without_lines = [each for group in empty.values() for each in group]
    # And there is nothing to show of those that are empty because of a problem but the problem.
    without_lines += [each for each in streams if _meaning(each).is_trouble and not _has_rows(each)]
    for each in streams:
        if each in without_lines:
            continue
        shown.add_row(
            each["model"],
            styled(each["state"], _COLOURS.get(_meaning(each).severity, "yellow")),
            f"{each['rows_live']:,}",
            f"{each['rows_deleted']:,}",
            "never" if each["lag_seconds"] is None else describe_age(each["lag_seconds"]),
            "never"
            if each["last_run_at"] is None
            else describe_age(_seconds(found["now"], each["last_run_at"])),
        )
    if shown.row_count:
        print_rich(indented(shown))
    mark = "✗ " if is_terminal() else ""
    for problem in found["problems"]:
        if problem["integration"] == integration["id"]:
            subject = f"{mark}{join_models(problem['models'])}: "
            note = printable(describe_problem(problem, found["now"]))
            print_rich(indented(styled(subject, "red").append(note, "default")))
    for words, group in empty.items():
        if group:
            line = styled(f"{words}: {', '.join(each['model'] for each in group)}", "dim")
            print_rich(indented(line))
    print_rich("")


def _has_rows(stream: dict[str, Any]) -> bool:
    return bool(stream["rows_live"] + stream["rows_deleted"])


def _meaning(stream: dict[str, Any]) -> Meaning:
    return StreamState(stream["state"]).meaning


def _totals(found: dict[str, Any]) -> str:
    totals = found["totals"]
    states = ", ".join(f"{number} {state}" for state, number in Counter(totals["streams"]).most_common())
    return (
        f"{len(found['streams'])} streams: {states} · "
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
