"""The status page: problems first, then a summary of each integration; no scripts.

It serves a few streams and thousands: where there are too many for one page, the streams of an integration
have a page of their own. Streams of one integration with the same problem share a line.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from syncer.daemon.web.consumer_section import consumer_section
from syncer.daemon.web.css import CSS
from syncer.daemon.web.delivery_section import delivery_section
from syncer.daemon.web.environment_section import environment_section
from syncer.daemon.web.formatting import (
    Integration,
    Stream,
    colour_state,
    describe_integration,
    join_names,
    link_integration,
    needs_attention,
)
from syncer.daemon.web.integration_section import integration_section
from syncer.domain.durations import describe_age, describe_span
from syncer.domain.streams.state import MEANINGS, StreamState
from syncer.operations.deliveries import is_well
from syncer.operations.problems import describe_problem
from syncer.operations.status_report import describe_refused_key, describe_webhooks, waiting_requests

#: Lines of problems that are shown.
MOST_PROBLEMS = 15

_MOST_URGENT_FIRST = {state: place for place, state in enumerate(MEANINGS)}


def status_page(status: Mapping[str, Any], chosen: str | None = None) -> str:
    """Make the HTML of a status report; chosen: id of the one integration that it is of."""
    streams: dict[str, list[Stream]] = defaultdict(list)
    for each in status["streams"]:
        streams[each["integration"]].append(each)
    most = MOST_PROBLEMS if chosen is None else None
    body = [
        _problems(status["problems"], status["now"], most),
        _integrations(status["integrations"], streams) if chosen is None else _way_back(),
    ]
    if status["lists_all"]:
        body += [integration_section(each, streams[each["id"]]) for each in status["integrations"]]
    database_error = status.get("database")
    now = f"{status['now'][:19].replace('T', ' ')} UTC"
    unwell = [each for each in status["deliveries"] if not is_well(each)]
    title = _title(status["streams"], database_error, status["key"], *unwell)
    headline = _headline(status, database_error, len(unwell))
    if status["key"] is not None and database_error is None:
        of = f" of {status['key']['environment']}" if len(status["environments"]) > 1 else ""
        described = escape(describe_refused_key(status))
        headline = f'<b class="error">Nothing{escape(of)} is read now.</b> {described}'
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{CSS}</style></head><body>
<header><h1>syncer</h1><p>{headline} <span class="dim">{escape(now)}</span></p></header>
{_totals(status["totals"], status["budget"])}
{_behind(status["behind"])}
{environment_section(status["environments"]) if chosen is None else ""}
{_webhooks(status)}
{"".join(body)}
{consumer_section(status["consumers"], status["now"]) if chosen is None else ""}
{delivery_section(status["deliveries"], status["now"]) if chosen is None else ""}
</body></html>
"""


def _title(streams: Sequence[Stream], *troubles: object) -> str:
    problems = sum(map(needs_attention, streams)) + sum(each is not None for each in troubles)
    return f"({problems}) syncer" if problems else "syncer"


def _headline(status: Mapping[str, Any], database_error: str | None, unwell: int) -> str:
    """Sum up all streams, and the deliveries that are not well, in a sentence or two."""
    if database_error is not None:
        return f'<b class="error">Nothing can be stored now.</b> {escape(database_error)}'
    counts: Mapping[str, int] = status["totals"]["streams"]
    problems, all_ = sum(map(needs_attention, status["streams"])), sum(counts.values())
    if not all_:
        return "Nothing is mirrored yet: <code>syncer integrations add ID</code> begins."
    if problems:
        needs = "needs a look" if problems == 1 else "need a look"
        return f'<b class="error">{problems:,} of {all_:,} streams {needs}.</b>'
    if unwell:
        needs = "1 delivery needs" if unwell == 1 else f"{unwell:,} deliveries need"
        return f'<b class="error">{needs} a look.</b>'
    # Nothing is wrong: what is not well yet is being read.
    read = sum(number for state, number in counts.items() if StreamState(state).meaning.is_well)
    if read < all_:
        return f"<b>{read:,} of {all_:,} streams have been read.</b>"
    return f'<b class="ok">Everything is well: {all_:,} stream{"" if all_ == 1 else "s"}.</b>'


def _totals(totals: Mapping[str, Any], budget: Mapping[str, Any] | None) -> str:
    shown = [
        ("live rows", f"{totals['rows_live']:,}"),
        ("deleted rows", f"{totals['rows_deleted']:,}"),
        ("running now", f"{totals['running']:,}"),
    ]
    if budget is not None and budget["limit"] is not None:
        shown += [
            (f"requests in {budget['window_seconds']:.0f} s", f"{budget['used']:,} of {budget['limit']:,}"),
            ("kept in reserve", f"{budget['reserve']:,}"),
            ("to the next window", f"{budget['resets_in_seconds']:.0f} s"),
            ("pacing", budget["pacing"]),
            ("waiting requests", waiting_requests(budget)),
            ("refused (429)", f"{budget['answers_429']:,}"),
        ]
    terms = "".join(f"<div><dd>{escape(value)}</dd><dt>{escape(name)}</dt></div>" for name, value in shown)
    return f"<dl>{terms}</dl>"


def _behind(behind: Mapping[str, Any] | None) -> str:
    """Describe how far the schedule is behind, in a sentence."""
    if behind is None:
        return ""
    late = "1 stream is" if behind["streams"] == 1 else f"{behind['streams']:,} streams are"
    return (
        f'<p><b class="warning">Behind schedule:</b> {late} overdue, the longest by '
        f"{describe_span(behind['longest_seconds'])}. "
        f"The schedule needs {behind['needs_a_minute']:,.0f} requests a minute, "
        f"the budget permits {behind['permits_a_minute']:,.0f}.</p>"
    )


def _webhooks(status: Mapping[str, Any]) -> str:
    """Describe the webhooks of the last day in a line."""
    line = describe_webhooks(status)
    return "" if line is None else f'<p class="dim">{escape(line)}</p>'


def _problems(problems: Sequence[Mapping[str, Any]], now: str, most: int | None) -> str:
    """List what needs attention, the most urgent first; most: lines that are shown, None: all."""
    if not problems:
        return ""
    rows = "".join(
        f"<tr><td>{colour_state(StreamState(each['state']))}</td><td>{link_integration(each['integration'])}"
        f'<br><span class="dim">{escape(join_names(each["models"]))}</span></td>'
        f"<td>{escape(describe_problem(each, now))}</td></tr>"
        for each in problems[:most]
    )
    more = 0 if most is None else len(problems) - most
    rest = f'<p class="dim">and {more:,} more: see the integrations below</p>' if more > 0 else ""
    return f'<section><h2>Needs a look</h2><table class="problems">{rows}</table>{rest}</section>'


def _integrations(integrations: Sequence[Integration], streams: Mapping[str, Sequence[Stream]]) -> str:
    """Make a table of all integrations, those with most problems first; streams: those that are listed."""
    if len(integrations) < 2:
        return ""
    rows = "".join(
        f'<tr><td>{link_integration(each["id"])}<br><span class="dim">{escape(describe_integration(each))}'
        f"</span></td><td>{_states(each['streams'])}</td>"
        f'<td class="number wide">{each["rows_live"]:,}</td>'
        f'<td class="number">{_age(each["lag_seconds"])}</td></tr>'
        for each in sorted(
            integrations, key=lambda each: -sum(map(needs_attention, streams.get(each["id"], ())))
        )
    )
    return (
        "<section><h2>Integrations</h2><table>"
        '<tr><th>integration</th><th>streams</th><th class="number wide">live rows</th>'
        f'<th class="number">complete until</th></tr>{rows}</table></section>'
    )


def _states(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{counts[state]:,} {colour_state(state)}"
        for state in sorted(map(StreamState, counts), key=_MOST_URGENT_FIRST.__getitem__)
    )


def _age(lag_seconds: float | None) -> str:
    return "never" if lag_seconds is None else describe_age(lag_seconds)


def _way_back() -> str:
    return '<p><a href="/">All integrations</a></p>'
