"""The rule of data: it is a `Struct`, and a dataclass only for what a `Struct` cannot do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.for_each import for_each

SOURCE = Path(__file__).parents[2] / "syncer"
FILES = sorted(SOURCE.rglob("*.py"))
#: What `dataclasses.field` can do, and `msgspec.field` cannot.
MORE = {"repr", "compare", "metadata"}


@for_each("file", FILES)
def test_a_dataclass_hides_a_field_describes_its_fields_or_is_an_error(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = {each.name for each in dataclasses_of(tree) if not has_its_reason(each)}
    assert found == set()


def dataclasses_of(tree: ast.Module) -> Iterator[ast.ClassDef]:
    """Find classes that `@dataclass` makes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(
            ast.unparse(each).startswith("dataclass") for each in node.decorator_list
        ):
            yield node


def has_its_reason(each: ast.ClassDef) -> bool:
    """True where one of the fields is told more than a `Struct` keeps, or a base is no `Struct`, either."""
    bases = {ast.unparse(base) for base in each.bases}
    fields = [
        keyword.arg
        for node in each.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call)
        for keyword in node.value.keywords
    ]
    return not MORE.isdisjoint(fields) or any(
        base == "Exception" or base == "ABC" or base.endswith("Style") for base in bases
    )
