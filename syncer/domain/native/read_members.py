"""Members that a JMESPath expression may read, told from the expression alone. Pure.

What is not certain counts as read: ``*`` stands for one member of any name, ``**`` at the end of a path for
anything inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from syncer.domain.native.jmespath import compiled

Path = tuple[str, ...]

ANY: Final = "*"
ANYTHING_INSIDE: Final = "**"


def read_members(expression: str) -> frozenset[Path]:
    """List the paths that the expression may read; lists on the way are entered, and () is all there is.

    A name with dots counts as several. Raises ValueError where it is no expression.
    """
    tree = cast(Mapping[str, Any], compiled(expression).parsed)
    conditions: set[Path] = set()
    return frozenset(_results(tree, frozenset({()}), conditions) | conditions)


def _results(node: Mapping[str, Any], here: frozenset[Path], conditions: set[Path]) -> frozenset[Path]:
    """List where the values of a node may come from; here: where the value that it is applied to does."""
    children = node["children"]
    match node["type"]:
        case "field":
            return frozenset(_below(path, *node["value"].split(".")) for path in here)
        case "subexpression" | "pipe" | "index_expression" | "projection":
            return _in_turn(children, here, conditions)
        case "filter_projection":
            base = _results(children[0], here, conditions)
            conditions |= _results(children[2], base, conditions)
            return _results(children[1], base, conditions)
        case "value_projection":
            values = frozenset(_below(path, ANY) for path in _results(children[0], here, conditions))
            return _results(children[1], values, conditions)
        case "flatten":
            return _results(children[0], here, conditions)
        case "literal":
            return frozenset()
        case "identity" | "current" | "index" | "slice":
            return here
        case "function_expression":
            return _of_function(children, here, conditions)
        case "multi_select_list" | "multi_select_dict":
            return _with_all_inside(_of_all(children, here, conditions))
        case _:
            return _of_all(children, here, conditions)


def _in_turn(nodes: list[Mapping[str, Any]], here: frozenset[Path], conditions: set[Path]) -> frozenset[Path]:
    for node in nodes:
        here = _results(node, here, conditions)
    return here


def _of_all(nodes: list[Mapping[str, Any]], here: frozenset[Path], conditions: set[Path]) -> frozenset[Path]:
    return frozenset().union(*(_results(node, here, conditions) for node in nodes))


def _of_function(
    nodes: list[Mapping[str, Any]], here: frozenset[Path], conditions: set[Path]
) -> frozenset[Path]:
    """List what a function may give: anything of its arguments; expressions are applied to the others."""
    values = _of_all([node for node in nodes if node["type"] != "expref"], here, conditions)
    applied = (_of_all(node["children"], values, conditions) for node in nodes if node["type"] == "expref")
    return _with_all_inside(values.union(*applied))


def _with_all_inside(paths: frozenset[Path]) -> frozenset[Path]:
    return frozenset(_below(path, ANYTHING_INSIDE) for path in paths)


def _below(path: Path, *names: str) -> Path:
    return path if path[-1:] == (ANYTHING_INSIDE,) else (*path, *names)


def overlap(read: Path, member: Path) -> bool:
    """Tell whether a path that is read leads to the member, into it, or to something that holds it."""
    for name, wanted in zip(read, member, strict=False):
        if name == ANYTHING_INSIDE:
            return True
        if name not in (wanted, ANY):
            return False
    return True


def overlaps_anywhere(read: Path, member: Path) -> bool:
    """Tell whether a path that is read may pass the member at any depth; what it leads to holds no more."""
    return any(overlap(rest, member) for rest in _endings(read))


def _endings(path: Path) -> Iterator[Path]:
    yield from (path[start:] for start in range(len(path)))
    if not path:
        yield path
