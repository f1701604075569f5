"""docs/gateway.md: Kombo's own SDKs read through the gateway as the page says, and its tables are true."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from syncer.config.web import Web
from syncer.daemon.web.gateway import PATH
from syncer.domain.limits import MIB, MOST_CALL_BYTES
from syncer.simulator.company.company import Company
from tests.support.environment import without_settings
from tests.support.processes import Serve
from tests.support.source import MODELS, make_environment
from tests.support.tools import NODE_FOLDER, path_of
from tests.support.waiting import PATIENCE, until

PAGE = (Path(__file__).parents[2] / "docs" / "gateway.md").read_text(encoding="utf-8")
TOKEN = "token-of-the-gateway"
#: What the page says in their places.
ADDRESS, SHOWN_TOKEN, INTEGRATION = (
    "http://127.0.0.1:8484/gateway/v1",
    '"TOKEN"',
    "personio:suZiQbxKcBKj4NqPsFi9v7u4",
)


def block(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


@dataclass
class Reader:
    """Somebody who follows the page next to a service whose mirror is complete."""

    folder: Path
    url: str
    company: Company

    def program(self, language: str) -> str:
        """The page's program in a language, for this service."""
        text = block(language).replace(ADDRESS, self.url).replace(INTEGRATION, self.company.integration_id)
        return text.replace(SHOWN_TOKEN, json.dumps(TOKEN))

    def ran(self, *command: str | Path) -> list[str]:
        """Run a command that succeeds; give the lines that it prints."""
        done = subprocess.run(
            command, cwd=self.folder, env=without_settings(), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()


@pytest.fixture
def reader(serve: Serve, sqlite_url: str, tmp_path: Path) -> Reader:
    """The page's configuration, and a service on a company of which Kombo is asked for lists once alone."""
    source = serve(make_environment(records=300))
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    config = block("toml").replace("/run/secrets/gateway_token", str(tmp_path / "token"))
    (tmp_path / "config.toml").write_text(config, encoding="utf-8")
    settings = {**source.settings(sqlite_url), "SYNCER_SYNC__EVERY": "1h"}
    service = source.start_program((sys.executable, "-m", "syncer", "run"), settings)
    url = f"{service.wait_for('pages_served')['url'].removesuffix('/')}{PATH.removesuffix('/')}"
    [company] = source.environment.companies.values()
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Integration-Id": company.integration_id}

    def is_answered() -> bool:
        found = [
            httpx.get(f"{url}/hris/{name}", headers=headers, timeout=PATIENCE).headers.get("x-mirror")
            for name in ("employees", "groups", "locations")
        ]
        return found == ["hit"] * len(MODELS)

    until(is_answered, "the lists come from the mirror")
    return Reader(tmp_path, url, company)


def test_the_official_sdk_in_python_reads_people_from_the_mirror(reader: Reader) -> None:
    (reader.folder / "people.py").write_text(reader.program("python"), encoding="utf-8")
    assert sorted(reader.ran(sys.executable, "people.py")) == reader.company.ids("hris_employees")


@pytest.mark.tool("kombo-sdk")
@pytest.mark.tool("tsc")
@pytest.mark.tool("node")
def test_the_official_sdk_in_typescript_compiles_and_reads_people_from_the_mirror(reader: Reader) -> None:
    tsc, node = path_of("tsc"), path_of("node")
    assert tsc is not None
    assert node is not None
    (reader.folder / "people.ts").write_text(reader.program("typescript"), encoding="utf-8")
    (reader.folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    (reader.folder / "node_modules").symlink_to(NODE_FOLDER / "node_modules")
    options = ["--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext", "--types", "node"]
    reader.ran(tsc, *options, "people.ts")
    assert sorted(reader.ran(node, "people.js")) == reader.company.ids("hris_employees")


def test_the_call_by_hand_is_answered_from_the_mirror(reader: Reader) -> None:
    command = block("console").removeprefix("$ ")
    done = subprocess.run(
        ["sh", "-ec", command],
        env={
            **os.environ,
            "TOKEN": TOKEN,
            "INTEGRATION": reader.company.integration_id,
            "GATEWAY": reader.url,
        },
        capture_output=True,
        text=True,
    )
    assert len(json.loads(done.stdout)["data"]["results"]) == 2


def test_the_page_has_the_address_and_the_limit_of_the_program() -> None:
    assert f"http://127.0.0.1:{Web().port}{PATH}" == f"{ADDRESS}/"
    assert f"{MOST_CALL_BYTES // MIB} MiB at most" in PAGE
