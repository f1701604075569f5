"""Follow JMESPath (https://jmespath.org/specification.html) to a value inside an answer or a record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from jmespath.parser import ParsedResult

#: Members of a value that a message names, and characters of each name.
_NAMED, _LONGEST = 8, 40
#: Name of a member; keys of records have other characters, or are numbers.
_MEMBER = re.compile(r"[A-Za-z_](?:[A-Za-z_.:-]|[0-9]{1,2}(?![0-9]))*")
_LIST_LIKE = frozenset({"projection", "filter_projection", "flatten", "index_expression"})


@cache
def compiled(path: str) -> ParsedResult:
    """Compile an expression. Raises ValueError that says what is wrong with it."""
    # Read where there are native lists.
    import jmespath
    from jmespath.exceptions import EmptyExpressionError, IncompleteExpressionError, LexerError, ParseError
    from jmespath.functions import Functions

    try:
        expression = jmespath.compile(path)
    except (EmptyExpressionError, IncompleteExpressionError):
        raise ValueError("it ends too early") from None
    except (LexerError, ParseError) as error:
        raise ValueError(f"character {error.lex_position + 1} cannot stand there") from None
    unknown = sorted(_functions(cast(Any, expression.parsed)) - Functions.FUNCTION_TABLE.keys())
    if unknown:
        raise ValueError(f"there is no function {unknown[0]}")
    return expression


def check_expression(path: str) -> None:
    """Check a JMESPath expression of the configuration. Raises ValueError."""
    try:
        compiled(path)
    except ValueError as error:
        raise ValueError(f"is not JMESPath: {error}") from None


def at(path: str, value: Any) -> Any:
    """Follow the path; None where it leads to nothing. Raises ValueError where it cannot be followed."""
    try:
        return compiled(path).search(value)
    except (ValueError, TypeError, ArithmeticError, AttributeError):
        # Its words repeat values.
        raise ValueError(f"{path!r} cannot be followed in what is there") from None


def led_to(path: str, value: Any) -> str:
    """Describe what the path led to, and what there is instead; values are not repeated."""
    inside, walked = value, []
    for step in first_steps(path):
        if not isinstance(inside, dict) or not isinstance(inside.get(step), dict):
            break
        inside = inside[step]
        walked.append(step)
    members = _members(list(inside)) if isinstance(inside, dict) else f"is {kind(inside)}"
    where = f"where {'.'.join(walked)}" if walked else "which"
    return f"{path!r} led to {kind(at(path, value))} in the answer, {where} {members}"


def _members(names: list[str]) -> str:
    """Name the members of an object, unless they are keys of records, such as addresses."""
    if not names:
        return "has no members"
    if not all(_MEMBER.fullmatch(name) for name in names):
        return f"has {len(names):,} member{'' if len(names) == 1 else 's'}"
    shown = [name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…" for name in names[:_NAMED]]
    return f"has: {', '.join(shown)}{', …' if len(names) > _NAMED else ''}"


def kind(value: Any) -> str:
    """Name the type of a JSON value, for a message."""
    if value is None:
        return "nothing"
    names = {bool: "a boolean", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")


def first_steps(path: str) -> tuple[str, ...]:
    """List the members that the path goes through before anything else: ``a.b[].c`` -> ("a", "b")."""
    return tuple(_chain(_tree(path))[0])


def projected(path: str) -> frozenset[str]:
    """Return the members that the path takes for lists: ``a.b[].c[0]`` -> {"b", "c"}."""
    return frozenset(_projected(_tree(path)))


def _tree(path: str) -> Mapping[str, Any]:
    tree: Any = compiled(path).parsed
    return cast(Mapping[str, Any], tree)


def _children(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the child nodes; those of a slice are numbers."""
    return [child for child in node["children"] if isinstance(child, Mapping)]


def _functions(node: Mapping[str, Any]) -> set[str]:
    own = {node["value"]} if node["type"] == "function_expression" else set()
    return own.union(*map(_functions, _children(node)))


def _chain(node: Mapping[str, Any]) -> tuple[list[str], bool]:
    """Return the leading members, and whether these are all there is."""
    match node["type"]:
        case "field":
            return [node["value"]], True
        case "subexpression":
            steps: list[str] = []
            for child in node["children"]:
                more, whole = _chain(child)
                steps += more
                if not whole:
                    return steps, False
            return steps, True
        case (
            "flatten" | "projection" | "filter_projection" | "value_projection" | "index_expression" | "pipe"
        ):
            return _chain(node["children"][0])[0], False
        case _:
            return [], False


def _projected(node: Mapping[str, Any]) -> list[str]:
    found = [] if node["type"] not in _LIST_LIKE else _last(node["children"][0])
    return found + [each for child in _children(node) for each in _projected(child)]


def _last(node: Mapping[str, Any]) -> list[str]:
    """Return the member that a node ends in; none where it ends in something else."""
    match node["type"]:
        case "field":
            return [node["value"]]
        case "subexpression" | "projection" | "filter_projection":
            return _last(node["children"][-1 if node["type"] == "subexpression" else 1])
        case _:
            return []
