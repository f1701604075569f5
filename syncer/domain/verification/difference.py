"""Kinds of differences between mirror and source, and what looks like one and is none."""

from __future__ import annotations

from enum import StrEnum


class Difference(StrEnum):
    """Kind of a difference; a record can have several.

    missing: the source has the record and the mirror no row. extra: the mirror has a live row that the source
    does not know. different: the documents differ. deleted: one of both says that the record is deleted.
    projected: columns, links or children that do not follow from the row's document.
    """

    MISSING = "missing"
    EXTRA = "extra"
    DIFFERENT = "different"
    DELETED = "deleted"
    PROJECTED = "projected"


class Apart(StrEnum):
    """Reason for which a record is counted apart, and not as a difference.

    newer: it has changed since the mirror last read its list; the next reading brings it. stale_copies: only
    copies of other records inside it are older, and Kombo does not send it again for that. kept: Kombo has
    blanked it, and the mirror has its last values, for good or until the next full walk. outside_filters: the
    list's filters leave it out. erased: a person has erased it, or it was deleted for so long that it is
    forgotten; it is to have no row. unsettled: nobody could tell within the time that a verification takes;
    the mirror is not shown to be equal then.
    """

    NEWER = "newer"
    STALE_COPIES = "stale_copies"
    KEPT = "kept"
    OUTSIDE_FILTERS = "outside_filters"
    ERASED = "erased"
    UNSETTLED = "unsettled"


class Verdict(StrEnum):
    """Result for a stream.

    equal: no difference. different: there are some. unsettled: no difference is certain, and not all could be
    told. unread: it could not be verified. skipped: there is nothing to verify.
    """

    EQUAL = "equal"
    DIFFERENT = "different"
    UNSETTLED = "unsettled"
    UNREAD = "unread"
    SKIPPED = "skipped"

    @property
    def is_well(self) -> bool:
        """True where a command may report success with it."""
        return self in {Verdict.EQUAL, Verdict.SKIPPED}
