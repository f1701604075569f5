"""The digest: one for one content, however it is spelled."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.verification.digest import canonical_json, digest, record_hash

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def respelled(value: Any) -> str:
    """Write a value in another way: as JSONB would give it back, if not worse."""
    match value:
        case dict():
            members = (f"{json.dumps(name)} : {respelled(each)}" for name, each in reversed(value.items()))
            return "{ " + " , ".join(members) + " }"
        case list():
            return "[ " + ", ".join(map(respelled, value)) + " ]"
        case str():
            return json.dumps(value, ensure_ascii=any(map(str.isspace, value)))
        case bool() | None:
            return json.dumps(value)
        case int():
            return f"{value}.000"
        case _:
            return f"{value:+.20e}".removeprefix("+") if abs(value) < 1e300 else repr(value)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_a_record_has_one_hash_however_it_is_spelled(value: dict[str, Any]) -> None:
    assert record_hash(json.dumps(value).encode()) == record_hash(respelled(value).encode())


def test_the_canonical_form_is_as_documented() -> None:
    text = '{"b": [1, 2.50, 1e2, -0], "a": {"é": true, "d": null}}'
    assert canonical_json(text.encode()) == b'{"a":{"d":null,"\\u00e9":true},"b":[1.0,2.5,100.0,0.0]}'


def test_the_digest_is_that_of_the_lines_of_ids_and_hashes() -> None:
    lines = b"".join(b"%s %s\n" % (each, sha256(each).hexdigest().encode()) for each in (b"a", b"b"))
    assert digest([("a", sha256(b"a").digest()), ("b", sha256(b"b").digest())]) == sha256(lines).hexdigest()
    assert digest([]) == sha256().hexdigest()
