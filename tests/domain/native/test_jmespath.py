"""What can be said of a JMESPath expression before and after it is followed."""

from __future__ import annotations

import pytest

from syncer.domain.native.jmespath import at, compiled, first_steps, projected


@pytest.mark.parametrize(
    ("path", "steps", "lists"),
    [
        ("a", ("a",), ()),
        ("a.b.c.d", ("a", "b", "c", "d"), ()),
        ('a."b-c".d', ("a", "b-c", "d"), ()),
        ("a.b[].c.d[].e", ("a", "b"), ("b", "d")),
        ("a.x.b[*].c", ("a", "x", "b"), ("b",)),
        ("a.b[?c == 'd'].e[].f", ("a", "b"), ("b", "e")),
        ("a.b[0].c", ("a", "b"), ("b",)),
        ("a.b[0:2]", ("a", "b"), ("b",)),
        ("a.*.b", ("a",), ()),
        ("a.b | [0]", ("a", "b"), ()),
        ("a[0][1].b.*", ("a",), ("a",)),
        ("a.length(b).c", ("a",), ()),
        ("@", (), ()),
        ("[].a", (), ()),
        ("sort_by(a[], &b)", (), ("a",)),
        ("{x: a.b[]}", (), ("b",)),
    ],
)
def test_the_first_members_of_a_path_are_told_and_those_it_takes_for_lists(
    path: str, steps: tuple[str, ...], lists: tuple[str, ...]
) -> None:
    assert first_steps(path) == steps
    assert projected(path) == set(lists)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "it ends too early"),
        ("a[", "it ends too early"),
        ("a..b", "character 3 cannot stand there"),
        ("a ! b", "character 3 cannot stand there"),
        ("a[?upper(b) == 'X']", "there is no function upper"),
    ],
)
def test_an_expression_that_is_none_says_where_it_is_wrong(path: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        compiled(path)


@pytest.mark.parametrize("path", ["sum(a)", "a[::0]", "join('', b)"])
def test_a_path_that_cannot_be_followed_repeats_no_value(path: str) -> None:
    with pytest.raises(ValueError, match="cannot be followed in what is there") as caught:
        at(path, {"a": ["secret"], "b": {"secret": 1}})
    assert "secret" not in str(caught.value)
