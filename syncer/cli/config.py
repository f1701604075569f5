"""``syncer config``: the settings that are set and where, or every one with its default."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from syncer.cli.options import json_option, pass_session
from syncer.cli.output import print_json, print_line, print_rich
from syncer.cli.session import Session
from syncer.cli.tables import report_table


@click.command()
@click.option("--example", is_flag=True, help="Print an example instead: every setting, explained.")
@json_option
@pass_session
def config(session: Session, example: bool, as_json: bool) -> int:
    """Show the settings that are set, and where each comes from.

    All others have their defaults. Secrets are not shown.

    \b
    syncer config --example > config.toml
    """
    if example:
        from syncer.config.example import example as read_example

        print_line(read_example().rstrip("\n"))
        return 0
    from syncer.config.loading import find_config, load_sources

    # They are read twice, so that what is shown is known to be right, and what is secret.
    session.settings()
    found: dict[str, tuple[str, str]] = {}
    for source in load_sources(session.config):
        for loc, value in _leaves(source.values):
            found.setdefault(".".join(map(str, loc)), (_shown(session, value), source.where(loc)))
    rows = [(key, value, place) for key, (value, place) in found.items()]
    if as_json:
        print_json([{"key": key, "value": value, "from": place} for key, value, place in rows])
        return 0
    path = find_config(session.config)
    print_line(f"configuration file: {'none' if path is None else path.absolute()}")
    if rows:
        print_line()
        print_rich(report_table(("setting", "value", "from"), rows, drop=("from",), folds=("value", "from")))
    return 0


def _leaves(value: Any, loc: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Walk through the values of nested tables, with the way to each."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*loc, key))
    elif isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        for place, inner in enumerate(value):
            yield from _leaves(inner, (*loc, place))
    else:
        yield loc, value


def _shown(session: Session, value: Any) -> str:
    return json.dumps(_hidden(session, value), ensure_ascii=False, default=str)


def _hidden(session: Session, value: Any) -> Any:
    """Hide secrets in texts, before they are escaped."""
    if isinstance(value, list):
        return [_hidden(session, each) for each in value]
    return session.hide(value) if isinstance(value, str) else value
