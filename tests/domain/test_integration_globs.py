"""Integrations are selected by ids and globs."""

from __future__ import annotations

import pytest

from syncer.domain.errors import UsageError
from syncer.domain.integration_globs import select_integrations

KNOWN = ["personio:8d1hpPsbjxUkoCoa1veLZGe5", "hibob:7Yq", "personio:4xx"]


def test_ids_and_globs_select_in_the_order_of_those_known() -> None:
    assert select_integrations([], KNOWN) == KNOWN
    assert select_integrations(["personio:4xx", "*:7Yq"], KNOWN) == ["hibob:7Yq", "personio:4xx"]
    assert select_integrations(["personio:*"], KNOWN) == [KNOWN[0], KNOWN[2]]
    assert select_integrations([], []) == []


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("hibob:7yq", "hibob:7yq is not mirrored. Did you mean hibob:7Yq?"),
        ("personio", "personio is not mirrored. Did you mean"),
        ("Personio:8d1hpPsbjxUkoCoa1veLZGe5", f"Did you mean {KNOWN[0]}?"),
        ("workday:*", "workday:* is not mirrored. `syncer integrations list` shows what is."),
    ],
)
def test_one_that_fits_none_is_refused_with_a_hint(pattern: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        select_integrations([pattern], KNOWN)
    assert hint in str(raised.value)
