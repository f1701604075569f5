"""The part of docs/privacy.md that lists the class of every column and member."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from syncer.domain.catalogue.model import Member
from syncer.domain.catalogue.privacy import SHOWN, WITHHELD, Privacy
from syncer.schema_reference.markdown import table
from syncer.store.schema.classification import classes, parts

BEGIN, END = "<!-- Classes, made by `make docs` from the catalogue -->", "<!-- End of the classes -->"
#: A column of one class in so many tables, and of no other anywhere, is said once for all.
_MANY = 4


def with_classes(page: str) -> str:
    """Give the page with today's list between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{class_tables()}\n\n{END}{after}"


def class_tables() -> str:
    """Write both lists: what is withheld, and what is shown."""
    return "\n\n".join(
        f"**{title}**\n\n{table(('class', 'why', 'where'), _rows(meanings))}"
        for title, meanings in (("Withheld", WITHHELD), ("Shown", SHOWN))
    )


def _rows(meanings: Mapping[Privacy, str]) -> Iterator[tuple[str, ...]]:
    for privacy, meaning in meanings.items():
        everywhere = sorted(name for name, found in _by_name().items() if _is_common(found, privacy))
        places = [f"every {', '.join(f'`{name}`' for name in everywhere)}"] if everywhere else []
        for name, columns in _by_table(privacy).items():
            own = [each for each in columns if each not in everywhere]
            if own:
                places.append(f"`{name}`: {', '.join(f'`{each}`' for each in own)}")
        yield privacy.value, meaning, "; ".join(places)


def _by_name() -> dict[str, list[Privacy]]:
    found: dict[str, list[Privacy]] = defaultdict(list)
    for columns in classes().values():
        for name, privacy in columns.items():
            found[name].append(privacy)
    return found


def _is_common(found: list[Privacy], privacy: Privacy) -> bool:
    return len(found) >= _MANY and set(found) == {privacy}


def _by_table(privacy: Privacy) -> dict[str, list[str]]:
    """List by table its columns of this class, and members where a column is shown in part."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, columns in classes().items():
        for column, own in columns.items():
            members = dict(_members(column, parts()[name].get(column, ())))
            found[name] += [path for path, its in members.items() if its is privacy]
            if own is privacy and not members:
                found[name].append(column)
    return found


def _members(path: str, members: tuple[Member, ...]) -> Iterator[tuple[str, Privacy]]:
    for member in members:
        inside = f"{path}.{member.name}"
        if member.members:
            yield from _members(inside, member.members)
        else:
            yield inside, member.privacy
