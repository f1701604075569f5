"""The rules of the layout: which folder may import which, and what must come in as an argument."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.for_each import for_each

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "syncer").rglob("*.py"))

#: What each layer imports besides itself: no more, and no less, so that no permission outlives its use.
IMPORTS = {
    "domain": set[str](),
    "http_client": {"domain"},
    "kombo": {"domain", "http_client", "process"},
    "store": {"domain", "process"},
    "sync": {"domain", "kombo", "process", "store"},
    "config": {"domain"},
    "process": {"domain"},
    "http_server": set[str](),
    "planning": {"config", "domain", "process", "store", "sync"},
    "environments": {"config", "domain", "kombo", "planning", "process", "store", "sync"},
    "app": {
        "config",
        "domain",
        "environments",
        "http_client",
        "planning",
        "process",
        "store",
        "sync",
    },
    "operations": {"app", "domain", "environments", "kombo", "planning", "process", "store", "sync"},
    "daemon": {
        "app",
        "config",
        "domain",
        "environments",
        "http_server",
        "operations",
        "planning",
        "process",
        "store",
        "sync",
    },
    "schema_reference": {"domain", "store"},
    "simulator": {"domain", "http_server"},
    "library": {"app", "config", "domain", "operations", "process", "sync"},
    "testing": {"simulator"},
    "cli": {
        "app",
        "config",
        "daemon",
        "domain",
        "kombo",
        "operations",
        "planning",
        "process",
        "schema_reference",
        "simulator",
        "store",
        "sync",
    },
    "__main__": {"cli"},
    # Of what it names nothing is imported until it is used.
    "__init__": {"domain", "library", "sync"},
}
#: Layers that read settings.
READERS_OF_SETTINGS = {"planning", "environments", "app", "daemon", "library", "cli"}
#: Layers that are handed clients, stores and clocks by those above.
USE_CASES = {"domain", "http_client", "kombo", "store", "sync"}
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


def test_every_layer_imports_exactly_what_the_table_says() -> None:
    found: dict[str, set[str]] = {}
    for path in FILES:
        found.setdefault(layer(path), set()).update(imported_layers(path) - {layer(path)})
    assert found == IMPORTS


def test_imports_point_down() -> None:
    order: list[str] = []
    while len(order) < len(IMPORTS):
        free = sorted(name for name, below in IMPORTS.items() if name not in order and below <= {*order})
        assert free, f"a circle among {sorted(IMPORTS.keys() - {*order})}"
        order += free


@for_each("name", [name for name in IMPORTS if (ROOT / "syncer" / name).is_dir()])
def test_the_folders_of_a_layer_import_each_other_in_no_circle(name: str) -> None:
    top = ROOT / "syncer" / name
    below: dict[str, set[str]] = {}
    for path in sorted(top.rglob("*.py")):
        own = path.relative_to(top).parts[0]
        for module, imported in imports(path):
            parts = [*module.split("."), imported]
            if parts[:2] == ["syncer", name] and len(parts) > 2 and (top / parts[2]).is_dir():
                below.setdefault(own, set()).add(parts[2])
    folders = {each.name for each in top.iterdir() if each.is_dir() and each.name != "__pycache__"}
    while folders:
        free = {each for each in folders if not (below.get(each, set()) - {each}) & folders}
        assert free, f"a circle among {sorted(folders)}"
        folders -= free


def test_nothing_stands_loose_at_the_top() -> None:
    loose = {path.name for path in (ROOT / "syncer").glob("*.py")}
    assert loose == {"__init__.py", "__main__.py", "app.py"}


def test_kombo_and_store_never_meet() -> None:
    assert "store" not in IMPORTS["kombo"]
    assert "kombo" not in IMPORTS["store"]


def test_no_settings_below_the_app_but_in_planning() -> None:
    assert {name for name in IMPORTS if "config" in IMPORTS[name]} == READERS_OF_SETTINGS


def test_only_python_m_syncer_imports_the_command_line() -> None:
    assert [name for name, below in IMPORTS.items() if "cli" in below] == ["__main__"]


def test_only_those_who_send_requests_and_the_words_for_their_errors_know_httpx() -> None:
    knowing = {
        shown(path)
        for path in FILES
        for module, _ in imports(path)
        if module.split(".")[0] == "httpx" or module == "syncer.http_client.library"
    }
    assert knowing == {
        "syncer/http_client/connect_errors.py",
        "syncer/http_client/library.py",
        "syncer/http_client/receiver.py",
        "syncer/http_client/route.py",
        "syncer/kombo/connections.py",
        "syncer/kombo/streamed.py",
        "syncer/simulator/webhooks/sender.py",
    }


@for_each("path", [path for path in FILES if layer(path) in TIMELESS], called=shown)
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
    assert {path: lines for path, lines in lengths.items() if lines > 300} == {}
