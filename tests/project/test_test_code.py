"""The rules of the tests' own code: types say what a test gets, and nothing hangs on private names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.for_each import for_each

TESTS = Path(__file__).parents[1]
FILES = sorted(TESTS.rglob("*.py"))
#: Names with an underscore that their libraries document.
DOCUMENTED = {"_asdict", "_exit", "_fields", "_mapping", "_replace"}


@for_each("file", FILES)
def test_tests_and_fixtures_say_what_they_get_and_give(file: Path) -> None:
    assert list(untyped(ast.parse(file.read_text(encoding="utf-8")))) == []


def untyped(tree: ast.Module) -> Iterator[str]:
    """Find arguments and results of tests and fixtures that may be anything."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (
            node.name.startswith("test_") or any(map(is_fixture, node.decorator_list))
        ):
            arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            annotations = {each.arg: each.annotation for each in arguments if each.arg != "self"}
            for name, annotation in {**annotations, "return": node.returns}.items():
                if annotation is None or ast.unparse(annotation) in {"Any", "typing.Any"}:
                    yield f"line {node.lineno}: {name} of {node.name}"


def is_fixture(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(called) == "pytest.fixture"


@for_each("file", FILES)
def test_nothing_private_of_another_module_is_used(file: Path) -> None:
    assert list(private_names(ast.parse(file.read_text(encoding="utf-8")))) == []


def private_names(tree: ast.Module) -> Iterator[str]:
    """Find private names of others: what is imported, reached into, or replaced by its name as a text."""
    of_this_file = {
        each.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == "self"
    }
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(names=names):
                yield from (
                    f"line {node.lineno}: import of {each.name}" for each in names if is_private(each.name)
                )
            case ast.Attribute(value=value, attr=attr) if is_private(attr):
                if ast.unparse(value) not in {"self", "cls", "super()"} and attr not in of_this_file:
                    yield f"line {node.lineno}: {ast.unparse(node)}"
            case (
                ast.Call(func=ast.Attribute(attr="setattr" | "delattr"))
                | ast.Call(func=ast.Name(id="getattr" | "setattr" | "delattr"))
            ):
                for each in node.args:
                    text = each.value if isinstance(each, ast.Constant) else None
                    if isinstance(text, str) and (is_private(text) or text.startswith("syncer.")):
                        yield f"line {node.lineno}: {text!r} as a text"


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in DOCUMENTED


def test_the_rules_see_what_they_forbid() -> None:
    """A rule that sees nothing would hold for everything."""
    bad = ast.parse(
        "from typing import Any\n"
        "from syncer.app import _rules\n"
        "@pytest.fixture\n"
        "def thing() -> Any: ...\n"
        "def test_it(thing: Any, monkeypatch) -> None:\n"
        "    thing._inside\n"
        "    monkeypatch.setattr('syncer.app.ENVIRONMENT', 1)\n"
        "    monkeypatch.setattr(thing, '_inside', 1)\n"
    )
    assert [each.partition(": ")[2] for each in untyped(bad)] == [
        "return of thing",
        "thing of test_it",
        "monkeypatch of test_it",
    ]
    assert [each.partition(": ")[2] for each in private_names(bad)] == [
        "import of _rules",
        "thing._inside",
        "'syncer.app.ENVIRONMENT' as a text",
        "'_inside' as a text",
    ]
