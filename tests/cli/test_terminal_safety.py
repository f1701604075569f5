"""What a terminal gets of texts that others wrote: nothing that steers it, in any format and command."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import NullPool, create_engine, text

from syncer.cli.output import console
from tests.support.command_line import ESCAPES

if TYPE_CHECKING:
    from tests.support.command_line import Shell

#: Title of a window, colour, direction of writing, C1, DEL, a line that begins again, and markup of rich's.
HOSTILE = "\x1b]0;x\x07\x1b[2J\u202eevil\u2066\x9b31m\x7f\r[red]x[/red]\u2028end"
STEERING = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def without_own_codes(shown: str) -> str:
    """Remove what the program itself sends to a terminal: colours and ends of lines."""
    return ESCAPES.sub("", shown).replace("\r\n", "\n")


@pytest.mark.parametrize("form", ["table", "csv", "json", "jsonl"])
def test_no_format_of_a_query_steers_a_terminal(mirror: Shell, form: str) -> None:
    ran = mirror.on_terminal(
        "query", "SELECT :it AS it, 1 AS n", "--param", f"it={HOSTILE}", "--format", form, width=300
    )
    assert ran.code == 0
    assert "\x1b]" not in ran.out
    assert "\x1b[2J" not in ran.out
    plain = without_own_codes(ran.out)
    assert STEERING.search(plain) is None
    assert "\r" not in plain
    assert "[red]x[/r" in plain
    assert "\\x1b" in plain or "\\u001b" in plain


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_a_program_reads_the_same_value_from_a_pipe(mirror: Shell, form: str) -> None:
    ran = mirror.spawn("query", "SELECT :it AS it", "--param", f"it={HOSTILE}", "--format", form)
    if form == "csv":
        assert HOSTILE.replace("\r", "\n") in ran.out.replace("\r", "\n")
    else:
        found = json.loads(ran.out)
        assert (found[0] if form == "json" else found) == {"it": HOSTILE}
        assert STEERING.search(ran.out) is None


def test_cells_of_a_spreadsheet_are_no_formulas_where_that_is_asked_for(mirror: Shell) -> None:
    statement = "SELECT '=1+1' AS \"@a\", '+49 30' AS b, -5 AS c, '-5' AS d, 'x' AS e"
    plain = mirror.run("query", statement, "--format", "csv")
    assert plain.out.splitlines() == ["@a,b,c,d,e", "=1+1,+49 30,-5,-5,x"]
    inert = mirror.run("query", statement, "--format", "csv", "--spreadsheet")
    assert inert.out.splitlines() == ["'@a,b,c,d,e", "'=1+1,'+49 30,-5,-5,x"]
    assert mirror.run("query", statement, "--format", "json", "--spreadsheet").code == 2


def plant(shell: Shell, planted: str) -> None:
    """Put a text where the mirror keeps texts of others that commands show."""
    engine = create_engine(shell.settings["SYNCER_DATABASE__URL"], poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM sync_quarantine"))
        for statement in (
            "UPDATE sync_integrations SET tool = :it, status = :it, organisation = :it",
            "UPDATE sync_streams SET last_error = :it, state = 'failed'",
            "INSERT INTO sync_quarantine SELECT environment, integration_id, model, :it, :it, '{}', 'r',"
            " last_run_at, last_run_at FROM sync_streams LIMIT 1",
        ):
            connection.execute(text(statement), {"it": planted})
    engine.dispose()


def test_no_command_shows_what_steers_a_terminal(mirror: Shell) -> None:
    assert mirror.run("sync").code == 0
    plant(mirror, HOSTILE)
    for command in ("status", "integrations list", "quarantine list"):
        for arguments in ([], ["--json"]):
            ran = mirror.on_terminal(*command.split(), *arguments, width=400)
            assert STEERING.search(without_own_codes(ran.out)) is None, (command, arguments)
            assert "\x1b]" not in ran.out
            assert "evil" in ran.out


def test_no_text_of_others_steers_whoever_reads_what_a_command_shows(mirror: Shell) -> None:
    assert mirror.run("sync").code == 0

    @settings(max_examples=25, deadline=None)
    @given(
        st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from(HOSTILE)), min_size=1, max_size=30)
    )
    def check(planted: str) -> None:
        plant(mirror, planted := planted.replace("\0", "") or "x")
        commands = (
            "status",
            "status --json",
            "integrations list",
            "quarantine list",
            "quarantine list --json",
        )
        shown = [mirror.run(*command.split()) for command in commands]
        for form in ("table", "json", "jsonl"):
            shown.append(
                mirror.run("query", "SELECT :it AS it", "--param", f"it={planted}", "--format", form)
            )
        for ran in shown:
            assert STEERING.search(ran.out + ran.err) is None

    check()


def test_a_mistyped_option_is_shown_without_its_control_characters(shell: Shell) -> None:
    ran = shell.run("status", f"--{HOSTILE}")
    assert ran.code == 2
    assert STEERING.search(ran.err) is None


def test_the_console_escapes_what_no_caller_has(capsys: pytest.CaptureFixture[str]) -> None:
    console().print(HOSTILE)
    assert STEERING.search(capsys.readouterr().out) is None
