"""Rendering of the status page: templates, the parts of a page, and what has changed of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from msgspec import Struct

from syncer.daemon.web.page.assets import assets, assets_version
from syncer.daemon.web.page.grid import tone
from syncer.domain.durations import describe_age, describe_span
from syncer.domain.streams.state import Outcome, StreamState

#: Signs of states, so that no colour is needed to tell them apart.
SIGNS = {
    StreamState.FAILED: "✕",
    StreamState.GONE: "?",
    StreamState.HELD: "‖",
    StreamState.WAITING: "…",
    StreamState.INCOMPLETE: "!",
    StreamState.NEW: "·",
    StreamState.COMPLETE: "✓",
    StreamState.UNAVAILABLE: "\N{EN DASH}",
}
#: What a time element shows of its time: that changes while the time stays.
_SHOWN_TIME = re.compile(r'(<time data-form="\w+" datetime="[^"]*")[^>]*>[^<]*')
_COMMAND = re.compile(r"`([^`]+)`")


class Part(Struct, frozen=True):
    """Piece of a page that is sent anew when it has changed. version: hash of all but the ages in it."""

    html: Markup
    version: str


class Page(Struct, frozen=True):
    """Page as of a moment. template: what its parts are put into; context: what that needs besides."""

    template: str
    title: str
    now: datetime
    parts: Mapping[str, Part]
    context: Mapping[str, Any]

    def document(self, next_poll: float) -> str:
        """Render the whole document; next_poll: seconds after which it asks what has changed."""
        return (
            templates()
            .get_template(self.template)
            .render(
                {
                    **self.context,
                    "title": self.title,
                    "now": self.now,
                    "parts": self.parts,
                    "next_poll": next_poll,
                    "assets": {name: each.path for name, each in assets().items()},
                    "assets_version": assets_version(),
                }
            )
        )

    def changes(self, known: Mapping[str, str]) -> dict[str, Any] | None:
        """Give the parts that differ from those whose versions are known; None where there are none."""
        changed = {name: part for name, part in self.parts.items() if known.get(name) != part.version}
        if not changed:
            return None
        return {
            "title": self.title,
            "parts": {name: [part.version, str(part.html)] for name, part in changed.items()},
        }


def make_page(
    template: str, names: Iterable[str], context: Mapping[str, Any], *, title: str, now: datetime
) -> Page:
    """Render the named parts of a page, each by its template."""
    # The templates' functions for times need to know when it is.
    shared = {**context, "now": now}
    parts = {}
    for name in names:
        html = templates().get_template(f"parts/{name}.html").render(shared).strip()
        fixed = _SHOWN_TIME.sub(r"\1>", html)
        parts[name] = Part(Markup(html), blake2b(fixed.encode(), digest_size=6).hexdigest())
    return Page(template, title, now, parts, context)


@cache
def templates() -> Environment:
    """Load the templates; whatever they are given is escaped."""
    made = Environment(
        loader=PackageLoader("syncer.daemon.web.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": lambda value: f"{value:,}", "commands": show_commands, "span": describe_span}
    made.globals |= {
        "age": show_age,
        "cell_age": show_cell_age,
        "until": show_until,
        "sign": lambda state: SIGNS[StreamState(state)],
        "severity": lambda state: StreamState(state).meaning.severity,
        "outcome_severity": outcome_severity,
        "link": link,
    }
    return made


def link(integration: str, model: str | None = None) -> str:
    """Make the path of the page of an integration, or of a stream of it."""
    path = f"/integrations/{quote(integration, safe=':')}"
    return path if model is None else f"{path}/{quote(model, safe='')}"


def show_age(moment: datetime | str | None, now: datetime, empty: str = "never") -> Markup:
    """Show how long ago something was, or in what time it will be; the script keeps it current."""
    if moment is None:
        return escape(empty)
    at = _moment(moment)
    seconds = (now - at).total_seconds()
    text = describe_age(seconds) if seconds > -1 else f"in {describe_span(-seconds)}"
    return _time("age", at, text)


def show_until(moment: datetime | str | None, now: datetime, empty: str) -> Markup:
    """Show in what time something will be; what should have been by now is to be at once."""
    if moment is None:
        return escape(empty)
    at = _moment(moment)
    seconds = (at - now).total_seconds()
    return _time("until", at, f"in {describe_span(seconds)}" if seconds >= 1 else "at once")


def show_cell_age(moment: datetime, now: datetime) -> Markup:
    """Show an age in three characters, in the tone of its freshness."""
    seconds = max(0, round((now - moment).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length:
            return _time("cell", moment, f"{seconds // length}{unit}", tone(moment, now))
    return _time("cell", moment, f"{seconds}s", tone(moment, now))


def show_commands(text: str) -> Markup:
    """Show a sentence whose commands stand between backticks, each with a button that copies it."""
    made = Markup()
    for number, piece in enumerate(_COMMAND.split(text)):
        made += (
            Markup(
                '<span class="command"><code>{0}</code><button type="button" class="copy" '
                'aria-label="Copy: {0}">Copy</button></span>'
            ).format(piece)
            if number % 2
            else escape(piece)
        )
    return made


def outcome_severity(outcome: Outcome) -> str:
    """Give the severity of a run's outcome: that of the state of the same name, if there is one."""
    try:
        return StreamState(outcome.value).meaning.severity
    except ValueError:
        return "neutral"


def _time(form: str, at: datetime, text: str, tone_of: int | None = None) -> Markup:
    iso = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    shade = "" if tone_of is None else f' class="tone{tone_of}"'
    return Markup('<time data-form="{}" datetime="{}"{} title="{} UTC">{}</time>').format(
        form, iso, Markup(shade), f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}", text
    )


def _moment(moment: datetime | str) -> datetime:
    return datetime.fromisoformat(moment) if isinstance(moment, str) else moment
