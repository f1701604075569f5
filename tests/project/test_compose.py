"""What the files of containers promise: compose.yaml by its schema, hardened, and complete."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


def output_of(*command: str) -> str:
    """Run a checker that must find nothing."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    assert output_of(str(BIN / "hadolint"), "Dockerfile") == ""


def test_compose_yaml_follows_the_specification() -> None:
    output_of(str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "compose.yaml")


def test_nothing_of_compose_yaml_is_left_open() -> None:
    # Least severity on purpose: everything that the checker knows counts.
    output_of(str(BIN / "compose-lint"), "--fail-on", "low", "compose.yaml")


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_each_service_is_confined_and_its_log_and_memory_are_bounded(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert {"mem_limit", "cpus", "pids_limit"} <= service.keys()
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_monitoring_starts_only_where_it_is_asked_for() -> None:
    optional = {name for name, service in COMPOSE["services"].items() if service.get("profiles")}
    assert optional == {"prometheus", "grafana"}


def test_everything_that_compose_yaml_mounts_is_in_the_checkout_or_made_by_its_first_lines() -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    head = text[: text.index("\nx-hardened")]
    mounted = [
        mount.partition(":")[0]
        for service in COMPOSE["services"].values()
        for mount in service.get("volumes", [])
        if mount.startswith("./")
    ]
    secrets = [each["file"] for each in COMPOSE["secrets"].values()]
    assert len(mounted) > 4
    missing = [
        path
        for path in (*mounted, *secrets)
        if not (ROOT / path).exists() and path.removeprefix("./") not in head
    ]
    assert missing == []
