"""What is shipped: the wheel, the pins, and what the machine-readable files promise."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

import syncer

ROOT = Path(__file__).parents[2]


def project() -> dict[str, list[str]]:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"runtime": table["dependencies"], **table["optional-dependencies"]}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = [
        "wheel",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(folder),
    ]
    subprocess.run([*pip, *build, str(ROOT)], check=True)
    [path] = folder.iterdir()
    return ZipFile(path)


def test_the_wheel_holds_the_package_with_its_migrations_and_nothing_else(wheel: ZipFile) -> None:
    code = {path.relative_to(ROOT).as_posix() for path in (ROOT / "syncer").rglob("*.py")}
    migrations = {
        f"syncer/_migrations/{path.relative_to(ROOT / 'migrations').as_posix()}"
        for path in (ROOT / "migrations").rglob("*.py")
    }
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert "syncer/_migrations/env.py" in migrations
    assert {name for name in shipped if name.endswith(".py")} == code | migrations
    assert {name.split("/")[0] for name in shipped} == {"syncer"}
    assert "syncer/domain/native/tools.json" in shipped


def test_the_wheel_is_of_this_version_and_brings_the_command_and_the_licence(wheel: ZipFile) -> None:
    folder = f"syncer-{syncer.__version__}.dist-info"
    assert "syncer = syncer.cli:main" in wheel.read(f"{folder}/entry_points.txt").decode()
    assert "MIT License" in wheel.read(f"{folder}/licenses/LICENSE").decode()
    assert "Description-Content-Type: text/markdown" in wheel.read(f"{folder}/METADATA").decode()


def test_constraints_pin_versions_and_name_no_place_to_download_from() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+]+", line)] == []


@pytest.mark.parametrize("group", ["runtime", "dev"])
def test_everything_the_project_asks_for_is_pinned(group: str) -> None:
    def plain(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    pinned = {plain(line.split("==")[0]) for line in (ROOT / "constraints.txt").read_text().splitlines()}
    asked = {plain(re.split(r"[\[<>=!~ ;]", requirement)[0]) for requirement in project()[group]}
    assert asked - pinned == set()
