"""Units of systemd: well-formed, confined, and the same for the service and for passes by a timer."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.tools import path_of

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
#: Where the units look for the program.
PROGRAM = "/opt/syncer/bin/syncer"
#: Of 10; what is left are the network and the host's own root, which a client of PostgreSQL and Kombo needs.
MOST_EXPOSURE = 1.2
#: What differs between a service that goes on and a pass that ends.
OF_ITS_KIND = {
    *("Type", "ExecStart", "Restart", "RestartSec", "RestartPreventExitStatus", "TimeoutStopSec", "KillMode"),
    *("SuccessExitStatus", "TimeoutStartSec"),
}


def analyse(*arguments: str) -> str:
    """Run systemd-analyze, which must be content; give all that it says."""
    tool = path_of("systemd-analyze")
    assert tool is not None
    done = subprocess.run([tool, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def settings_of(unit: str) -> dict[str, list[str]]:
    """Read the section [Service] of a unit: all values of each setting."""
    text = (UNITS / unit).read_text(encoding="utf-8").partition("[Service]")[2].partition("\n[")[0]
    lines = [line.partition("=") for line in text.splitlines() if line and not line.startswith("#")]
    return {name: [value for each, _, value in lines if each == name] for name, _, _ in lines}


@pytest.mark.tool("systemd-analyze")
def test_systemd_understands_every_line_of_the_units(tmp_path: Path) -> None:
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8").replace(PROGRAM, sys.executable)
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    assert analyse("verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))) == ""


@pytest.mark.tool("systemd-analyze")
@pytest.mark.parametrize("unit", ["syncer.service", "syncer-sync.service", "syncer-worker.service"])
def test_a_unit_is_exposed_as_little_as_a_client_can_be(unit: str) -> None:
    said = analyse("security", "--offline=true", "--no-pager", str(UNITS / unit))
    [exposure] = re.findall(rf"exposure level for {unit}: ([\d.]+)", said)
    assert float(exposure) <= MOST_EXPOSURE


def test_passes_by_a_timer_are_confined_and_configured_as_the_service_is() -> None:
    service, once = settings_of("syncer.service"), settings_of("syncer-sync.service")
    assert {name for name in service if service[name] != once.get(name)} <= OF_ITS_KIND
    assert once.keys() - service.keys() <= OF_ITS_KIND


def test_a_worker_is_confined_and_configured_as_the_service_is() -> None:
    service, worker = settings_of("syncer.service"), settings_of("syncer-worker.service")
    assert worker == {**service, "ExecStart": [f"{PROGRAM} worker"]}


def test_only_a_mistake_in_the_configuration_keeps_the_service_from_being_started_again() -> None:
    assert settings_of("syncer.service")["Restart"] == ["always"]
    assert settings_of("syncer.service")["RestartPreventExitStatus"] == ["2"]
