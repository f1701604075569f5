"""The status page: what is wrong first, then how each integration stands; no scripts.

It is made for a few streams and for a thousand: beyond ``MOST_STREAMS`` the streams of an integration have a
page of their own, and all that share one trouble share one line.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from syncer.daemon.web.style import STYLE
from syncer.domain.durations import describe_age, describe_span
from syncer.operations.status import waiting_requests

#: More streams than this are not all listed on one page.
MOST_STREAMS = 150
#: Lines of trouble that are shown.
MOST_TROUBLES = 15
#: Models that are named in a line.
MOST_NAMES = 4
#: States that a person should look at, the worst first. What is new or incomplete is on its way.
TROUBLES = ("failed", "gone", "held", "waiting")
_KINDS = {
    "complete": "ok",
    "failed": "bad",
    "gone": "bad",
    "held": "bad",
    "waiting": "odd",
    "incomplete": "odd",
}

Stream = dict[str, Any]


def status_page(status: dict[str, Any], chosen: str | None = None) -> str:
    """HTML of what ``report_status`` gives; chosen: the one integration to show, by its id."""
    streams: dict[str, list[Stream]] = defaultdict(list)
    for each in status["streams"]:
        if chosen in (None, each["integration"]):
            streams[each["integration"]].append(each)
    integrations = [each for each in status["integrations"] if chosen in (None, each["id"])]
    shown = [stream for each in streams.values() for stream in each]
    body = [_troubles(shown), _integrations(integrations, streams) if chosen is None else _way_back()]
    database = status.get("database")
    if len(shown) <= MOST_STREAMS or chosen is not None:
        body += [_streams(each, streams[each["id"]]) for each in integrations]
    now = f"{status['now'][:19].replace('T', ' ')} UTC"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(_title(shown, database))}</title><style>{STYLE}</style></head><body>
<header><h1>syncer</h1><p>{_sentence(shown, database)} <span class="dim">{escape(now)}</span></p></header>
{_facts(shown, status["budget"])}
{_behind(status["behind"])}
{"".join(body)}
</body></html>
"""


def _title(streams: Sequence[Stream], database: str | None) -> str:
    troubled = sum(map(_is_troubled, streams)) + (database is not None)
    return f"({troubled}) syncer" if troubled else "syncer"


def _sentence(streams: Sequence[Stream], database: str | None) -> str:
    """How it stands, in a sentence; database: why nothing can be stored in it."""
    if database is not None:
        return f'<b class="bad">Nothing can be stored now.</b> {escape(database)}'
    troubled, all_ = sum(map(_is_troubled, streams)), len(streams)
    begun = sum(each["state"] not in ("new", "incomplete") for each in streams)
    if not streams:
        return "Nothing is mirrored yet: <code>syncer integrations add ID</code> begins."
    if troubled:
        needs = "needs a look" if troubled == 1 else "need a look"
        return f'<b class="bad">{troubled:,} of {all_:,} streams {needs}.</b>'
    if begun < all_:
        return f"<b>{begun:,} of {all_:,} streams have been read.</b>"
    return f'<b class="ok">Everything is well: {all_:,} stream{"" if all_ == 1 else "s"}.</b>'


def _facts(streams: Sequence[Stream], budget: dict[str, Any] | None) -> str:
    facts = [
        ("live rows", f"{sum(each['rows_live'] for each in streams):,}"),
        ("deleted rows", f"{sum(each['rows_deleted'] for each in streams):,}"),
        ("running now", f"{sum(each['is_running'] for each in streams):,}"),
    ]
    if budget is not None and budget["limit"] is not None:
        window = f"requests in {budget['window_seconds']:.0f} s"
        facts.append((window, f"{budget['used']:,} of {budget['limit']:,}"))
        facts.append(("kept in reserve", f"{budget['reserve']:,}"))
        facts.append(("to the next window", f"{budget['resets_in_seconds']:.0f} s"))
        facts.append(("pacing", budget["pacing"]))
        facts.append(("waiting requests", waiting_requests(budget)))
        facts.append(("refused (429)", f"{budget['answers_429']:,}"))
    shown = "".join(f"<div><dd>{escape(value)}</dd><dt>{escape(name)}</dt></div>" for name, value in facts)
    return f"<dl>{shown}</dl>"


def _behind(behind: dict[str, Any] | None) -> str:
    """How far the schedule is behind, in a sentence."""
    if behind is None:
        return ""
    late = "1 stream is" if behind["streams"] == 1 else f"{behind['streams']:,} streams are"
    return (
        f'<p><b class="odd">Behind schedule:</b> {late} overdue, the longest by '
        f"{describe_span(behind['longest_seconds'])}. "
        f"The schedule needs {behind['needs_a_minute']:,.0f} requests a minute, "
        f"the budget permits {behind['permits_a_minute']:,.0f}.</p>"
    )


def _is_troubled(stream: Stream) -> bool:
    return stream["state"] in TROUBLES or bool(stream["quarantined"])


def _troubles(streams: Iterable[Stream]) -> str:
    """What is wrong, the worst first; streams of one integration with the same trouble on one line."""
    alike: dict[tuple[str, str, str], list[Stream]] = defaultdict(list)
    for each in filter(_is_troubled, streams):
        said = [each["last_error"]] if each["state"] in TROUBLES else []
        if each["quarantined"]:
            since = (each["quarantined_since"] or "")[:10]
            said.append(f"{each['quarantined']:,} records in quarantine since {since}")
        alike[each["integration"], each["state"], "; ".join(filter(None, said))].append(each)
    if not alike:
        return ""
    order = {state: place for place, state in enumerate(TROUBLES)}
    lines = sorted(alike.items(), key=lambda item: (order.get(item[0][1], len(order)), item[0]))
    rows = "".join(
        f'<tr><td>{_state(state)}</td><td>{_link(integration)}<br><span class="dim">'
        f"{escape(_names(each['model'] for each in group))}</span></td><td>{escape(error)}</td></tr>"
        for (integration, state, error), group in lines[:MOST_TROUBLES]
    )
    more = len(lines) - MOST_TROUBLES
    rest = f'<p class="dim">and {more:,} more: see the integrations below</p>' if more > 0 else ""
    return f'<section><h2>Needs a look</h2><table class="troubles">{rows}</table>{rest}</section>'


def _integrations(integrations: Sequence[dict[str, Any]], streams: dict[str, list[Stream]]) -> str:
    if len(integrations) < 2:
        return ""
    rows = "".join(
        f'<tr><td>{_link(each["id"])}<br><span class="dim">{escape(_described(each))}</span></td>'
        f"<td>{_states(streams[each['id']])}</td>"
        f'<td class="number wide">{sum(one["rows_live"] for one in streams[each["id"]]):,}</td>'
        f'<td class="number">{_oldest(streams[each["id"]])}</td></tr>'
        for each in sorted(integrations, key=lambda each: -sum(map(_is_troubled, streams[each["id"]])))
    )
    return (
        "<section><h2>Integrations</h2><table>"
        '<tr><th>integration</th><th>streams</th><th class="number wide">live rows</th>'
        f'<th class="number">complete until</th></tr>{rows}</table></section>'
    )


def _link(integration: str) -> str:
    return f'<a href="/?integration={quote(integration, safe="")}">{escape(integration)}</a>'


def _way_back() -> str:
    return '<p><a href="/">All integrations</a></p>'


def _streams(integration: dict[str, Any], streams: Sequence[Stream]) -> str:
    """One integration's streams; those with nothing to tell share a line."""
    silent = {
        state: [each for each in streams if each["state"] == state and _is_silent(each)]
        for state in ("new", "unavailable")
    }
    rows = "".join(_stream(each) for each in streams if each not in silent.get(each["state"], ()))
    if rows:
        rows = (
            '<table class="streams"><tr><th>model</th><th>state</th><th class="number">live rows</th>'
            f'<th class="number wide">deleted</th><th class="number">complete until</th></tr>{rows}</table>'
        )
    told = "".join(
        f'<p class="dim">{words}: {escape(", ".join(each["model"] for each in silent[state]))}</p>'
        for state, words in (("new", "Not read yet"), ("unavailable", "Not offered here"))
        if silent[state]
    )
    described = f'<span class="dim">{escape(_described(integration))}</span>'
    return f"<section><h2>{escape(integration['id'])} {described}</h2>{rows}{told}</section>"


def _is_silent(stream: Stream) -> bool:
    return not stream["is_running"] and not stream["rows_live"] + stream["rows_deleted"]


def _stream(stream: Stream) -> str:
    lag = stream["lag_seconds"]
    state = _state(stream["state"])
    if stream["is_running"]:
        state += f' <span class="run">{escape(_progress(stream["walk"]))}</span>'
    return (
        f"<tr><td>{escape(stream['model'])}</td><td>{state}</td>"
        f'<td class="number">{stream["rows_live"]:,}</td>'
        f'<td class="number wide">{stream["rows_deleted"]:,}</td>'
        f'<td class="number">{"never" if lag is None else describe_age(lag)}</td></tr>'
    )


def _progress(walk: dict[str, Any] | None) -> str:
    if walk is None or not walk["pages"]:
        return "running"
    if walk["phase"] == "sweep":
        return "looking into what is missing"
    what = "reading everything" if walk["kind"] == "full" else "reading changes"
    return f"{what}: {walk['rows']:,} records"


def _described(integration: dict[str, Any]) -> str:
    facts = (integration["tool"], integration["organisation"], integration["status"])
    return " · ".join(fact for fact in facts if fact)


def _states(streams: Sequence[Stream]) -> str:
    counted = Counter(each["state"] for each in streams)
    order = [*TROUBLES, "incomplete", "new", "complete", "unavailable"]
    return ", ".join(
        f"{counted[state]:,} {_state(state)}"
        for state in sorted(counted, key=lambda each: _place(order, each))
    )


def _place(order: Sequence[str], state: str) -> int:
    return order.index(state) if state in order else len(order)


def _state(state: str) -> str:
    return f'<span class="{_KINDS.get(state, "dim")}">{escape(state)}</span>'


def _oldest(streams: Iterable[Stream]) -> str:
    lags = [each["lag_seconds"] for each in streams if each["lag_seconds"] is not None]
    return describe_age(max(lags)) if lags else "never"


def _names(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - MOST_NAMES} more" if len(found) > MOST_NAMES + 1 else ""
    return ", ".join(found[:MOST_NAMES] if more else found) + more
