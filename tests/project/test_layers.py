"""The rules of the layout: which folder may import which, and what must come in as an argument."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "syncer").rglob("*.py"))

CONFIGURATION = {
    "settings",
    "config_filters",
    "config_passthrough",
    "config_passthrough_parts",
    "config_sections",
    "config_sources",
    "config_values",
}
USE_CASES = {"domain", "kombo", "store", "sync"}
#: What each layer may import besides itself. A module directly in syncer/ is a layer of its own.
MAY_IMPORT = {
    "domain": set[str](),
    "kombo": {"domain"},
    "store": {"domain"},
    "sync": {"domain", "kombo", "store"},
    "simulator": {"domain"},
    "logs": set[str](),
    "memory": set[str](),
    "owner": set[str](),
    "rules": {"domain", "sync"} | CONFIGURATION,
    "planning": {"domain", "store", "sync"} | CONFIGURATION,
    "outlook": {"domain", "store", "sync", "selection", "planning"} | CONFIGURATION,
    "report": {"domain", "store"},
    "selection": {"domain", "kombo", "store", "sync", "settings"},
    "schema_reference": {"domain", "store"},
    **{module: {"domain"} | CONFIGURATION for module in CONFIGURATION},
    "app": USE_CASES
    | CONFIGURATION
    | {"simulator", "logs", "owner", "outlook", "planning", "report", "rules", "selection"},
    "single_records": {"domain", "store", "sync", "app"},
    "preview": {"domain", "sync", "app"},
    "checkup": {"domain", "selection", "store", "sync", "app"},
    "progress": {"domain", "sync", "app"},
    "daemon": USE_CASES | CONFIGURATION | {"simulator", "logs", "planning", "report", "selection", "app"},
    "cli": USE_CASES
    | CONFIGURATION
    | {"simulator", "logs", "outlook", "report", "schema_reference", "selection"}
    | {"app", "checkup", "memory", "preview", "progress", "single_records", "daemon"},
    "__main__": {"cli"},
    "__init__": set[str](),
}
#: Where clock, randomness and sleeping are arguments.
TIMELESS = USE_CASES
CLOCKS = {
    "asyncio.sleep",
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "os.urandom",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.perf_counter_ns",
    "time.sleep",
    "time.time",
    "time.time_ns",
    "uuid.uuid1",
    "uuid.uuid4",
}
#: Longer files, and why they are one.
MAY_BE_LONG: dict[str, str] = {}


def layer(path: Path) -> str:
    return path.relative_to(ROOT / "syncer").parts[0].removesuffix(".py")


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """(module, name) for every import of a file, wherever it stands; name is empty for a plain import."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            near = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*near, *(node.module or "").split("."))).rstrip(".")
            yield from ((module, alias.name) for alias in node.names)


def imported_layers(path: Path) -> set[str]:
    """The layers of syncer that a file imports; the bare package, with its version, is none."""
    found: set[str] = set()
    for module, name in imports(path):
        parts = [*module.split("."), name]
        if parts[0] == "syncer" and parts[1] and not parts[1].startswith("__version__"):
            found.add(parts[1])
    return found


def uses(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) for every name of another module that a file uses, under its full name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    full: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            full |= {alias.asname or alias.name.split(".")[0]: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            full |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            rest: list[str] = []
            inner: ast.expr = node
            while isinstance(inner, ast.Attribute):
                rest.insert(0, inner.attr)
                inner = inner.value
            if isinstance(inner, ast.Name) and inner.id in full:
                yield node.lineno, ".".join((full[inner.id], *rest))


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_imports_point_down(path: Path) -> None:
    own = layer(path)
    assert own in MAY_IMPORT, f"give {own} its place among the layers"
    assert imported_layers(path) <= MAY_IMPORT[own] | {own}


def test_kombo_and_store_never_meet() -> None:
    assert "store" not in MAY_IMPORT["kombo"]
    assert "kombo" not in MAY_IMPORT["store"]


def test_no_settings_below_the_app() -> None:
    for name in (*USE_CASES, "simulator", "logs", "owner", "report", "progress"):
        assert not MAY_IMPORT[name] & CONFIGURATION


def test_only_python_m_syncer_imports_the_command_line() -> None:
    assert [name for name, allowed in MAY_IMPORT.items() if "cli" in allowed] == ["__main__"]


def test_one_module_knows_httpx() -> None:
    knowing = {
        shown(path) for path in FILES for module, _ in imports(path) if module.split(".")[0] == "httpx"
    }
    assert knowing == {"syncer/kombo/client.py"}


@pytest.mark.parametrize("path", [path for path in FILES if layer(path) in TIMELESS], ids=shown)
def test_clock_randomness_and_sleeping_are_arguments(path: Path) -> None:
    found = [
        f"line {line}: {name}"
        for line, name in uses(path)
        # random.Random is the type of such an argument; who makes one decides on the seed.
        if name in CLOCKS
        or (name.split(".")[0] in ("random", "secrets") and name not in ("random", "random.Random"))
    ]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found += [
        f"line {node.lineno}: {ast.unparse(node.func)}()"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("random.Random", "Random")
    ]
    assert found == []


def test_no_file_is_longer_than_a_reader_keeps_in_mind() -> None:
    lengths = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {path: lines for path, lines in lengths.items() if lines > 300 and path not in MAY_BE_LONG} == {}
