"""Every command of the README is executed, in its order, as a reader would."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncer.cli import group
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.limit import RateLimit
from syncer.simulator.server.serve import running_in_thread
from tests.support.readme import README, commands, end, finish, read, start

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_make_demo_fills_a_mirror_and_its_three_queries_work_in_a_second_terminal(
    tmp_path: Path, environ: dict[str, str], started: list[subprocess.Popen[str]]
) -> None:
    assert commands(None) == ["make demo"]
    program, said = start(f"make demo DIRECTORY={tmp_path}", ROOT, environ, started, until="Ctrl-C ends it.")
    queries = re.findall(r"^  (\S*syncer --config \S+ query '.*?')", said, flags=re.MULTILINE | re.DOTALL)
    assert len(queries) == 3
    for query in queries:
        assert len(finish(query, ROOT, environ).splitlines()) > 1
    read(program, until="mirror  ")
    assert "The demo has ended" in end(program)


@pytest.mark.slow
def test_the_service_starts_as_described(
    tmp_path: Path, environ: dict[str, str], started: list[subprocess.Popen[str]]
) -> None:
    clock = SimClock(lambda: datetime.now(UTC))
    export, init, run = commands("Use it with your Kombo environment")
    name, _, key = export.removeprefix("export ").partition("=")
    environment = Environment(clock, api_key=key, limit=RateLimit(time.monotonic))
    environment.add(Company(init.split()[-1], clock, records=300))
    with running_in_thread(environment) as base_url:
        environ |= {name: key, "SYNCER_KOMBO__BASE_URL": base_url, "SYNCER_WEB__PORT": "0"}
        finish(init, tmp_path, environ)
        program, _ = start(run, tmp_path, environ, started, until="run_ended")
        end(program)
    assert program.returncode == 0


def test_the_other_commands_are_there() -> None:
    assert commands("Install") == ["pip install ."]
    for command in commands("Read on"):
        done = subprocess.run(
            [*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout


def test_the_lines_for_systemd_put_everything_where_the_unit_looks_for_it(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    [block] = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    *lines, enable = [line.replace("sudo ", "") for line in block.splitlines()]
    assert enable == "systemctl enable --now syncer"
    make, *lines = lines
    assert make == "python3 -m venv /opt/syncer && /opt/syncer/bin/pip install ."
    here = tmp_path / "checkout"
    shutil.copytree(ROOT / "deploy", here / "deploy")
    (here / "config.toml").write_text('[kombo]\nregion = "eu"\n')
    (here / "kombo_api_key").write_text("key")
    root = tmp_path / "root"
    units = root / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    script = "\n".join(lines).replace(" /etc/", f" {root}/etc/")
    subprocess.run(["bash", "-euc", script], cwd=here, check=True, capture_output=True)
    unit = (units / "syncer.service").read_text()
    named = re.findall(r"=-?(?:\w+[:=])?(/etc/\S+)", unit)
    assert len(named) == 3
    assert all((root / each.removeprefix("/")).is_file() for each in named), named
    secret = ("kombo_api_key", "environment")
    assert [(root / "etc/syncer" / each).stat().st_mode & 0o777 for each in secret] == [0o600, 0o600]
    variables = dict(
        line.split("=", 1) for line in (root / "etc/syncer/environment").read_text().splitlines()
    )
    said = finish(f"syncer --config {root}/etc/syncer/config.toml config", tmp_path, {**environ, **variables})
    [state] = re.findall(r"^StateDirectory=(.+)$", unit, flags=re.MULTILINE)
    assert f"sqlite:////var/lib/{state}/kombo.db" in said


def test_it_is_short_and_each_cell_of_the_comparison_is_filled() -> None:
    assert len(README.splitlines()) < 200
    rows = README.partition("## Compared with others")[2].partition("**Where others")[0]
    cells = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in rows.splitlines() if line.startswith("|")
    ]
    assert {len(row) for row in cells} == {8}
    assert all(all(row) for row in cells[2:])
    # What is said of others is said by them, or we say that we do not know.
    for place, who in list(enumerate(cells[0]))[2:-1]:
        assert sum("](https://" in row[place] for row in cells) >= 4, who


def test_every_command_of_the_table_exists_and_no_other_is_missing() -> None:
    named = {
        name
        for row in re.findall(r"^\| (`.+?) \|", README, flags=re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert named == set(group.commands)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "RELEASING.md"])
def test_every_file_and_target_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text()
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    paths = re.findall(r"`(?:\.venv/bin/pytest .*?)?((?:syncer|tests|docs)/[a-z_/.]+)[ `]", text)
    assert [target for target in [*links, *paths] if not (ROOT / target).exists()] == []
    makefile = (ROOT / "Makefile").read_text()
    commands = re.findall(r"(?:`|\$ )(make [a-z -]+)", text)
    targets = {target for command in commands for target in command.split()[1:]}
    assert targets - set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE)) == set()
