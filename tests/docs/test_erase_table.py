"""What docs/privacy.md says is erased with a record is what the catalogue says."""

from __future__ import annotations

import re
from pathlib import Path

from syncer.domain.erasure.relations import references, remote_owners

PAGE = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^  \| `(\w+)` \| (.*) \|$", re.MULTILINE)


def test_the_table_has_every_relation_of_the_catalogue() -> None:
    owned: dict[str, set[str]] = {}
    for name, each in references().items():
        for reference in each:
            if reference.is_owner:
                owned.setdefault(reference.table, set()).add(name)
    for name, owners in remote_owners().items():
        for owner in owners:
            owned.setdefault(owner.table, set()).add(name)
    written = {
        owner: {each for each in re.findall(r"`(\w+)`", cell) if "_" in each and each != "remote_id"}
        for owner, cell in _ROW.findall(PAGE)
    }
    assert written == owned
