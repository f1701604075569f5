"""``run``, ``simulate`` and ``demo``: they begin, say what one needs to know, and end in order."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import subprocess
import tomllib
from typing import TYPE_CHECKING

import pytest

from syncer.domain.catalogue.lookup import catalogue

if TYPE_CHECKING:
    from tests.support.command_line import Shell
    from tests.support.source import Source


#: How the headers of the demo's three questions end.
HEADER_ENDS = ("people", "mirrored_at", "lag_seconds")


def line_with(words: str, command: subprocess.Popen[str]) -> list[str]:
    """Read the command's output up to a line with these words; gives all lines read."""
    assert command.stdout is not None
    lines: list[str] = []
    while not lines or words not in lines[-1]:
        line = command.stdout.readline()
        assert line, (lines, command.communicate())
        lines.append(line.rstrip("\n"))
    return lines


def ended(command: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> tuple[str, str]:
    """End it by a signal; gives what it still said. It has to end well."""
    command.send_signal(number)
    out, err = command.communicate()
    assert command.returncode == 0, err
    assert "Traceback" not in err
    return out, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_service_mirrors_until_it_is_told_to_end(
    mirror: Shell, source: Source, number: signal.Signals
) -> None:
    command = mirror.start("run", SYNCER_WEB__PORT="0")
    assert command.stderr is not None
    complete = 0
    while complete < 3:
        line = command.stderr.readline()
        assert line, command.communicate()
        complete += '"run_ended"' in line and '"complete"' in line
    ended(command, number)
    assert mirror.run("status", "--json").json["totals"]["streams"] == {"complete": 3}


def test_the_service_ends_with_the_exit_code_of_what_ends_it(mirror: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        clash = mirror.spawn("run", SYNCER_WEB__PORT=port)
    assert clash.code == 2
    assert port in clash.err.splitlines()[-1]


def test_what_the_simulator_prints_is_ready_to_be_pasted(shell: Shell) -> None:
    simulator = shell.start(
        "simulate", "--port", "0", "--records", "300", "--integrations", "2", "--api-key", "it's", "--live"
    )
    lines = line_with("Ctrl-C ends it", simulator)
    pasted = dict(shlex.split(line)[1].split("=", 1) for line in lines if line.strip().startswith("export "))
    assert pasted["SYNCER_KOMBO__API_KEY"] == "it's"
    shell.settings = {**pasted, "SYNCER_SYNC__MODELS": '["hris_groups"]'}
    ran = shell.run("backfill", "--json")
    assert ran.code == 0
    assert len(ran.json["streams"]) == 2
    for integration in {each["integration"] for each in ran.json["streams"]}:
        assert any(integration in line and "300 records" in line for line in lines)
    changed = line_with("  ", simulator)[-1]
    assert changed.split()[1] in {each["integration"] for each in ran.json["streams"]}
    ended(simulator)


def test_the_simulator_keeps_to_the_limit_it_is_given(shell: Shell) -> None:
    simulator = shell.start("simulate", "--port", "0", "--records", "300", "--limit", "7", "--window", "90")
    lines = line_with("Ctrl-C ends it", simulator)
    assert "  request limit  7 in 90 s" in lines
    ended(simulator, signal.SIGTERM)


def test_a_given_secret_of_webhooks_is_not_repeated_and_one_of_a_file_is_named_by_it(shell: Shell) -> None:
    (shell.directory / "secret").write_text("kept-in-a-file")
    url = ("--webhook", "http://127.0.0.1:9/webhooks/kombo")
    for arguments, settings in (
        (["--webhook-secret", "typed-by-hand"], {}),
        ([], {"SIMULATOR_WEBHOOK_SECRET": "typed-by-hand"}),
        (["--webhook-secret-file", "secret"], {}),
    ):
        simulator = shell.start("simulate", "--port", "0", "--records", "100", *url, *arguments, **settings)
        said = "\n".join(line_with("Ctrl-C ends it", simulator))
        assert "typed-by-hand" not in said
        assert "kept-in-a-file" not in said
        assert ("SYNCER_WEBHOOKS__SECRET_FILES" in said) == ("--webhook-secret-file" in arguments)
        ended(simulator)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--webhook", "127.0.0.1:8484"], "--webhook 127.0.0.1:8484"),
        (["--webhook", "http://a/", "--webhook-faults", "loose=0.3"], "loose"),
        (["--webhook-faults", "lose=0.3"], "--webhook URL"),
        (["--webhook", "http://a/", "--webhook-secret", "x", "--webhook-secret-file", "secret"], "twice"),
        (["--live-integrations"], "--live"),
        (
            ["--fail", "hris_absence=500"],
            "--fail: There is no model 'hris_absence'. Did you mean hris_absences",
        ),
        (["--slow", "soon"], "--slow: 'soon' is no number of seconds"),
        (["--slow", "hris_x=1"], "--slow: There is no model 'hris_x'"),
        (["--inactive", "workday:*"], "--inactive workday:*: there are only the integrations personio:"),
    ],
)
def test_options_that_mean_nothing_are_usage_errors(shell: Shell, arguments: list[str], named: str) -> None:
    (shell.directory / "secret").write_text("kept-in-a-file")
    ran = shell.run("simulate", "--records", "100", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert named in ran.err


def test_a_taken_port_is_a_usage_error(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for command in (["simulate", "--records", "100"], ["demo"]):
            ran = shell.run(*command, "--port", port)
            assert ran.code == 2
            assert port in ran.err


def test_the_demo_fills_a_mirror_shows_changes_and_can_be_asked(shell: Shell) -> None:
    # What is set on this machine must not reach the demo.
    demo = shell.start("demo", "--port", "0", SYNCER_KOMBO__API_KEY="real", SYNCER_SYNC__MODELS='["ats_*"]')
    lines = line_with("Ctrl-C ends it", demo)
    rows, _, words = lines[0].partition(" ")
    assert 4_900 < int(rows.replace(",", "")) < 5_100
    assert words.startswith(f"rows of {len(catalogue())} models arrived in ")
    # Pasted into a shell as they stand, quotes and line breaks included.
    commands = "\n".join(lines).partition("in a second terminal:")[2].partition("The status page")[0]
    pasted = subprocess.run(
        ["sh", "-ec", commands], cwd=shell.directory, env=shell.environ(), capture_output=True, text=True
    )
    assert pasted.returncode == 0, pasted.stderr
    headers = [line.split(",")[-1] for line in pasted.stdout.splitlines() if line.endswith(HEADER_ENDS)]
    assert headers == list(HEADER_ENDS)
    assert len(pasted.stdout.splitlines()) > 3 + 5 + 10 + len(catalogue()) - 1
    (call,) = (line for line in lines if line.strip().startswith("curl "))
    answered = subprocess.run(["sh", "-ec", call], capture_output=True, text=True)
    assert "x-mirror: hit" in answered.stdout, answered
    assert len(json.loads(answered.stdout.splitlines()[-1])["data"]["results"]) == 2
    told = line_with("  told  ", demo)
    arrived = line_with("after it was made", demo)
    assert any("  source  " in line for line in [*told, *arrived])
    out, _ = ended(demo)
    assert out.rstrip().endswith("The demo has ended; its database stays in syncer-demo.")

    config = shell.directory / "syncer-demo" / "config.toml"
    assert tomllib.loads(config.read_text())["kombo"]["api_key"] == "demo"
    assert shell.run("--config", str(config), "status", "--json").json["totals"]["rows_live"] > 4_000


def test_the_demo_leaves_the_files_of_others_alone(shell: Shell) -> None:
    (shell.directory / "config.toml").write_text("# mine\n")
    (shell.directory / "demo.db").write_text("mine, too")
    ran = shell.run("demo", "--port", "0", "--directory", ".")
    assert ran.code == 2
    assert "config.toml is not the demo's" in ran.err
    assert (shell.directory / "config.toml").read_text() == "# mine\n"
    assert (shell.directory / "demo.db").read_text() == "mine, too"
