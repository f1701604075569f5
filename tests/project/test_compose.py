"""What the files of containers promise: compose.yaml by its schema, hardened, and complete."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from syncer.config.loading import load_settings
from tests.support.environment import without_settings

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


def test_the_first_lines_of_compose_yaml_make_what_the_service_reads(tmp_path: Path) -> None:
    head = (ROOT / "compose.yaml").read_text(encoding="utf-8").partition("\n\n")[0]
    commands = "\n".join(line.removeprefix("#   ") for line in head.splitlines() if line.startswith("#   "))
    shutil.copy(ROOT / "config.example.toml", tmp_path)
    command = ["sh", "-euc", commands.replace("KEY OF KOMBO", "key-of-kombo")]
    subprocess.run(command, cwd=tmp_path, env=without_settings(), check=True)
    made = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").iterdir()}
    assert made == dict.fromkeys(COMPOSE["secrets"], 0o444)
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700

    # In the container each secret has the name of a setting.
    mounted = tmp_path / "run-secrets"
    mounted.mkdir()
    service = COMPOSE["services"]["syncer"]
    for each in service["secrets"]:
        shutil.copy(tmp_path / "secrets" / each["source"], mounted / each["target"])
    environ = {name: value for name, value in service["environment"].items() if name != "SYNCER_CONFIG"}
    settings = load_settings(tmp_path / "config.toml", environ, mounted)
    assert settings.api_key() == "key-of-kombo"
    assert re.fullmatch(
        r"postgresql://syncer:[0-9a-f]{48}@postgres/syncer", settings.database.url.get_secret_value()
    )
    assert len(settings.web.token.get_secret_value()) == 48
    assert list(settings.web.hosts) == ["syncer"]
