"""What is shipped: sdist and wheel, their pins, and what the machine-readable files promise."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from typing import TypedDict
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

import syncer
from tests.support import readme
from tests.support.installed import install_wheel
from tests.support.mirror import Mirror, differences
from tests.support.processes import Serve
from tests.support.source import make_environment

ROOT = Path(__file__).parents[2]
#: The metadata of the wheel; the distribution is not called like the package.
DIST_INFO = f"kombo_syncer-{syncer.__version__}.dist-info"
#: Files that a checkout may have and nobody else may get.
STRAYS = [
    f"{folder}{name}"
    for folder in (
        "",
        "syncer/",
        "syncer/daemon/web/page/static/",
        "migrations/",
        "tests/",
        "docs/",
        "benchmarks/",
    )
    for name in (".env", "notes.txt")
]
#: What is in a checkout and too much to copy.
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", ".tools", ".*_cache", ".hypothesis", "__pycache__", "build", "dist"
)


class Project(TypedDict):
    """The members of [project] that are checked here."""

    dependencies: list[str]
    classifiers: list[str]


def pyproject() -> Project:
    project: Project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def build(target: str, source: Path, folder: Path) -> Path:
    """Build the sdist or wheel of a folder; gives its path."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, stdout=subprocess.DEVNULL)
    [path] = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout in which stray files lie about."""
    copy = tmp_path_factory.mktemp("checkout") / "syncer"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    for stray in STRAYS:
        (copy / stray).write_text("SYNCER_KOMBO__API_KEY=secret\n")
    return copy


@pytest.fixture(scope="module")
def unpacked(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the sdist of the checkout unpacks to."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(build("sdist", checkout, tmp_path_factory.mktemp("sdist"))) as sdist:
        sdist.extractall(folder, filter="data")
    return folder / f"kombo_syncer-{syncer.__version__}"


@pytest.fixture(scope="module", params=["checkout", "unpacked"])
def wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as the checkout and as the sdist build it."""
    source: Path = request.getfixturevalue(request.param)
    return build("wheel", source, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_package_with_its_migrations_and_nothing_else(wheel: Path) -> None:
    code = {path.relative_to(ROOT).as_posix() for path in (ROOT / "syncer").rglob("*.py")}
    migrations = {
        f"syncer/_migrations/{path.relative_to(ROOT / 'migrations').as_posix()}"
        for path in (ROOT / "migrations").rglob("*.py")
    }
    page = ROOT / "syncer" / "daemon" / "web" / "page"
    data = {
        "syncer/_config.example.toml",
        "syncer/py.typed",
        "syncer/domain/native/tools.json",
        "syncer/domain/texts/plain_words.json",
    }
    data |= {
        path.relative_to(ROOT).as_posix()
        for folder in ("static", "templates")
        for path in (page / folder).rglob("*")
        if path.is_file()
    }
    shipped = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert "syncer/_migrations/env.py" in migrations
    assert shipped == code | migrations | data


def test_the_wheel_is_of_this_version_and_brings_the_command_and_the_licence(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        assert "syncer = syncer.cli:main" in archive.read(f"{DIST_INFO}/entry_points.txt").decode()
        assert "MIT License" in archive.read(f"{DIST_INFO}/licenses/LICENSE").decode()
        metadata = archive.read(f"{DIST_INFO}/METADATA").decode()
    assert "\nName: kombo-syncer\n" in metadata
    assert "\nDescription-Content-Type: text/markdown\n" in metadata


def test_the_sdist_holds_what_a_checkout_needs_and_no_stray_file(unpacked: Path) -> None:
    shipped = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    tests = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")}
    assert shipped & set(STRAYS) == set()
    assert tests | {"Makefile", "constraints.txt", "README.md", "CHANGELOG.md", "LICENSE"} <= shipped


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a clean environment, with the wheel and what it requires."""
    required = installed_for(["kombo-syncer"]) - {"kombo-syncer"}
    return install_wheel(wheel, required, tmp_path_factory.mktemp("clean"))


@pytest.mark.parametrize("wheel", ["unpacked"], indirect=True)
def test_the_wheel_runs_in_a_clean_environment_as_in_the_image(
    programs: Path, tmp_path: Path, serve: Serve
) -> None:
    """The sdist's wheel and what it requires, with settings and probe of the Dockerfile."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    source = serve(make_environment(records=100))
    database_url = f"sqlite:///{tmp_path}/kombo.db"
    settings = {
        **source.settings(database_url),
        **dict(re.findall(r"\b(SYNCER_WEB__\w+)=(\S+)", dockerfile)),
        "SYNCER_WEB__PORT": port,
        "SYNCER_WEB__TOKEN": "only-for-the-tests",
        "SYNCER_SYNC__MODELS": '["hris_groups"]',
    }
    [probe] = re.findall(r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", dockerfile, re.MULTILINE)
    python, *arguments = json.loads(probe)

    def probed() -> int:
        command = [str(programs / python), *arguments]
        return subprocess.run(command, env={"SYNCER_WEB__PORT": port}, capture_output=True).returncode

    assert probed() == 1
    program = source.start_program([str(programs / "syncer"), "run"], settings)
    program.wait_for("run_ended", model="hris_groups")
    assert probed() == 0
    assert program.stop() == 0
    assert probed() == 1
    with Mirror(database_url).read() as connection:
        assert not list(differences(connection, source.environment, ["hris_groups"]))


@pytest.mark.parametrize("wheel", ["unpacked"], indirect=True)
def test_the_bill_of_materials_names_all_that_is_installed_with_version_and_licence(
    programs: Path, tmp_path: Path
) -> None:
    written = tmp_path / "sbom.json"
    tool = [str(Path(sys.executable).with_name("cyclonedx-py")), "environment", "--output-file", str(written)]
    subprocess.run([*tool, "--validate", str(programs / "python")], check=True, capture_output=True)
    listed = json.loads(written.read_text(encoding="utf-8"))["components"]
    assert {plain(each["name"]) for each in listed} == installed_for(["kombo-syncer"])
    assert [each["name"] for each in listed if not each.get("version") or not each.get("licenses")] == []


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """An environment with the wheel installed, which finds what it needs where this one has it."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(folder)]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    [site_packages] = folder.glob("lib/python*/site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return folder


@pytest.mark.parametrize("wheel", ["checkout"], indirect=True)
def test_the_installed_wheel_has_its_first_rows_in_the_five_steps_of_the_readme(
    environment: Path, tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    # Nothing of the checkout is found there.
    environ = {**os.environ, "PATH": f"{environment / 'bin'}:{os.environ['PATH']}", "COLUMNS": "100"}
    simulate, export, *rest = readme.commands("Try it against the fake API")
    assert len([simulate, *rest]) == 5
    simulator, _ = readme.start(simulate, tmp_path, environ, started, until="Ctrl-C ends it.")
    name, _, value = export.removeprefix("export ").partition("=")
    environ[name] = value
    said = [readme.finish(command, tmp_path, environ) for command in rest]
    assert len(said[-1].splitlines()) == 6, "five rows and the names of their columns"
    assert readme.finish("syncer config --example", tmp_path, environ).startswith("# Every setting")
    readme.end(simulator)
    assert simulator.returncode == 0


@pytest.mark.parametrize("wheel", ["checkout"], indirect=True)
def test_a_program_that_uses_the_installed_package_is_checked_against_its_types(
    environment: Path, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import syncer\n"
        "from syncer.domain.errors import SyncerError, UsageError\n"
        "version: str = syncer.__version__\n"
        "error: SyncerError = UsageError('no such model')\n"
        "outcome: syncer.Outcome = syncer.Mirror().sync()[0].outcome\n"
        "code: str = error.exit_code\n"
    )
    mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(
        [*mypy, "--python-executable", str(environment / "bin" / "python"), program.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[:-1] == [
        "program.py:6: error: Incompatible types in assignment "
        '(expression has type "int", variable has type "str")  [assignment]'
    ], done.stdout + done.stderr


def test_constraints_pin_versions_and_name_no_place_to_download_from() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+]+", line)] == []


def test_constraints_pin_all_that_is_installed_for_the_project_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert installed_for(["kombo-syncer[dev]", "pip"]) - {"kombo-syncer"} == {
        plain(line.partition("==")[0]) for line in lines
    }


@pytest.mark.parametrize(
    ("file", "name"),
    [("requirements-runtime.txt", "kombo-syncer[workers]"), ("requirements-build.txt", "hatchling")],
)
def test_the_image_installs_what_is_pinned_by_hash_and_nothing_else(file: str, name: str) -> None:
    text = (ROOT / "deploy" / file).read_text(encoding="utf-8")
    entries = [entry.split(" \\\n    ") for entry in re.split(r"\n(?=\S)", text.removesuffix("\n"))]
    hashes = [each for _, *of_entry in entries for each in of_entry]
    assert [each for each in hashes if not re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each)] == []
    assert all(len(entry) > 1 for entry in entries)
    pinned = set((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())
    assert {pin for pin, *_ in entries} <= pinned
    assert {plain(pin.partition("==")[0]) for pin, *_ in entries} == installed_for([name]) - {"kombo-syncer"}


def test_base_images_are_named_by_digest() -> None:
    named = [
        line.partition("=" if line.startswith("ARG") else ":")[2].strip()
        for file in ("Dockerfile", "compose.yaml")
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines()
        if re.match(r"ARG PYTHON=|\s+image:", line)
    ]
    assert len(named) >= 2
    assert [each for each in named if not re.fullmatch(r"[a-z/]+:[\w.-]+@sha256:[0-9a-f]{64}", each)] == []
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"${PYTHON}"}


def installed_for(requirements: list[str]) -> set[str]:
    """Names of the distributions that these requirements bring, with all that those require in turn."""
    found: set[tuple[str, str]] = set()
    open_ = [Requirement(text) for text in requirements]
    while open_:
        requirement = open_.pop()
        for extra in ("", *requirement.extras):
            if (plain(requirement.name), extra) in found:
                continue
            found.add((plain(requirement.name), extra))
            wanted = map(Requirement, distribution(requirement.name).requires or [])
            open_ += [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def plain(name: str) -> str:
    """Normalise the name of a distribution."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_promised_version_of_python_is_tested() -> None:
    versions = re.findall(r"Python :: (3\.\d+)", "\n".join(pyproject()["classifiers"]))
    workflow = (ROOT / ".github" / "workflows" / "ci.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r'python: "(3\.\d+)"', workflow)) == set(versions)
    assert f"Python {versions[0]} to {versions[-1]}" in (ROOT / "README.md").read_text(encoding="utf-8")
