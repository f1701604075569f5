"""The status page: problems first, then a summary of each integration; no scripts.

It serves a few streams and a thousand: beyond ``MOST_STREAMS`` the streams of an integration have a page of
their own, and streams of one integration with the same problem share a line.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from syncer.daemon.web.consumer_section import consumer_section
from syncer.daemon.web.css import CSS
from syncer.daemon.web.delivery_section import delivery_section
from syncer.daemon.web.formatting import (
    Integration,
    Stream,
    colour_state,
    describe_integration,
    join_names,
    link_integration,
    meaning_of,
    needs_attention,
)
from syncer.daemon.web.integration_section import integration_section
from syncer.domain.durations import describe_age, describe_span
from syncer.domain.streams.state import MEANINGS, StreamState
from syncer.operations.deliveries import is_well
from syncer.operations.problems import describe_problem
from syncer.operations.status_report import describe_refused_key, waiting_requests

#: More streams than this are not all listed on one page.
MOST_STREAMS = 150
#: Lines of problems that are shown.
MOST_PROBLEMS = 15

_MOST_URGENT_FIRST = {state: place for place, state in enumerate(MEANINGS)}


def status_page(status: Mapping[str, Any], chosen: str | None = None) -> str:
    """Make the HTML of a status report; chosen: id of the one integration to show."""
    streams: dict[str, list[Stream]] = defaultdict(list)
    for each in status["streams"]:
        if chosen in (None, each["integration"]):
            streams[each["integration"]].append(each)
    integrations = [each for each in status["integrations"] if chosen in (None, each["id"])]
    shown = [stream for each in streams.values() for stream in each]
    problems = [each for each in status["problems"] if chosen in (None, each["integration"])]
    most = MOST_PROBLEMS if chosen is None else None
    body = [
        _problems(problems, status["now"], most),
        _integrations(integrations, streams) if chosen is None else _way_back(),
    ]
    if len(shown) <= MOST_STREAMS or chosen is not None:
        body += [integration_section(each, streams[each["id"]]) for each in integrations]
    database_error = status.get("database")
    now = f"{status['now'][:19].replace('T', ' ')} UTC"
    unwell = [each for each in status["deliveries"] if not is_well(each)]
    title = _title(shown, database_error, status["key"], *unwell)
    headline = _headline(shown, database_error, len(unwell))
    if status["key"] is not None and database_error is None:
        headline = f'<b class="error">Nothing is read now.</b> {escape(describe_refused_key(status))}'
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{CSS}</style></head><body>
<header><h1>syncer</h1><p>{headline} <span class="dim">{escape(now)}</span></p></header>
{_totals(shown, status["budget"])}
{_behind(status["behind"])}
{"".join(body)}
{consumer_section(status["consumers"], status["now"]) if chosen is None else ""}
{delivery_section(status["deliveries"], status["now"]) if chosen is None else ""}
</body></html>
"""


def _title(streams: Sequence[Stream], *troubles: object) -> str:
    problems = sum(map(needs_attention, streams)) + sum(each is not None for each in troubles)
    return f"({problems}) syncer" if problems else "syncer"


def _headline(streams: Sequence[Stream], database_error: str | None, unwell: int) -> str:
    """Sum up all streams, and the deliveries that are not well, in a sentence or two."""
    if database_error is not None:
        return f'<b class="error">Nothing can be stored now.</b> {escape(database_error)}'
    problems, all_ = sum(map(needs_attention, streams)), len(streams)
    if not streams:
        return "Nothing is mirrored yet: <code>syncer integrations add ID</code> begins."
    if problems:
        needs = "needs a look" if problems == 1 else "need a look"
        return f'<b class="error">{problems:,} of {all_:,} streams {needs}.</b>'
    if unwell:
        needs = "1 delivery needs" if unwell == 1 else f"{unwell:,} deliveries need"
        return f'<b class="error">{needs} a look.</b>'
    # Nothing is wrong: what is not well yet is being read.
    read = sum(meaning_of(each).is_well for each in streams)
    if read < all_:
        return f"<b>{read:,} of {all_:,} streams have been read.</b>"
    return f'<b class="ok">Everything is well: {all_:,} stream{"" if all_ == 1 else "s"}.</b>'


def _totals(streams: Sequence[Stream], budget: Mapping[str, Any] | None) -> str:
    totals = [
        ("live rows", f"{sum(each['rows_live'] for each in streams):,}"),
        ("deleted rows", f"{sum(each['rows_deleted'] for each in streams):,}"),
        ("running now", f"{sum(each['is_running'] for each in streams):,}"),
    ]
    if budget is not None and budget["limit"] is not None:
        totals += [
            (f"requests in {budget['window_seconds']:.0f} s", f"{budget['used']:,} of {budget['limit']:,}"),
            ("kept in reserve", f"{budget['reserve']:,}"),
            ("to the next window", f"{budget['resets_in_seconds']:.0f} s"),
            ("pacing", budget["pacing"]),
            ("waiting requests", waiting_requests(budget)),
            ("refused (429)", f"{budget['answers_429']:,}"),
        ]
    shown = "".join(f"<div><dd>{escape(value)}</dd><dt>{escape(name)}</dt></div>" for name, value in totals)
    return f"<dl>{shown}</dl>"


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
    """Make a table of all integrations, those with most problems first."""
    if len(integrations) < 2:
        return ""
    rows = "".join(
        f'<tr><td>{link_integration(each["id"])}<br><span class="dim">{escape(describe_integration(each))}'
        f"</span></td><td>{_states(streams[each['id']])}</td>"
        f'<td class="number wide">{sum(one["rows_live"] for one in streams[each["id"]]):,}</td>'
        f'<td class="number">{_oldest(streams[each["id"]])}</td></tr>'
        for each in sorted(integrations, key=lambda each: -sum(map(needs_attention, streams[each["id"]])))
    )
    return (
        "<section><h2>Integrations</h2><table>"
        '<tr><th>integration</th><th>streams</th><th class="number wide">live rows</th>'
        f'<th class="number">complete until</th></tr>{rows}</table></section>'
    )


def _states(streams: Sequence[Stream]) -> str:
    counts = Counter(StreamState(each["state"]) for each in streams)
    return ", ".join(
        f"{counts[state]:,} {colour_state(state)}"
        for state in sorted(counts, key=_MOST_URGENT_FIRST.__getitem__)
    )


def _oldest(streams: Iterable[Stream]) -> str:
    lags = [each["lag_seconds"] for each in streams if each["lag_seconds"] is not None]
    return describe_age(max(lags)) if lags else "never"


def _way_back() -> str:
    return '<p><a href="/">All integrations</a></p>'
