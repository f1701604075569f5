"""Limits on what is read, kept and written at once, so that memory stays bounded whatever a server sends.

They are no settings: a stream that exceeds one is not well, and a larger limit would only move the day on
which the process ends for want of memory, and every other stream with it.
"""

from __future__ import annotations

from typing import Final

MIB: Final = 1024 * 1024

#: Bytes of one answer, as received and once decompressed. A page of 250 large records has about 10 MiB, a
#: list that a tool gives as a whole may have more; decoded it takes several times its length.
MOST_ANSWER_BYTES: Final = 64 * MIB
#: Bytes of an answer from which on one is read at a time in a process, however many streams run.
LARGE_ANSWER_BYTES: Final = 8 * MIB
#: Bytes of the headers of an answer: of those that do not come at once httpcore's parser holds no more.
MOST_HEADER_BYTES: Final = 100 * 1024
#: Values in one answer: each takes some 60 to 200 bytes once decoded, however short its text is.
MOST_VALUES: Final = 4_000_000
#: Records in one answer: each takes some 1,700 bytes on its way into the mirror, however few it has itself.
MOST_RECORDS: Final = 250_000
#: Bytes of one record: it becomes a document, columns and entries of indexes, all in one statement.
MOST_RECORD_BYTES: Final = 8 * MIB
#: Bytes of the rows in one statement, unless a single row has more: both sides hold it several times over.
MOST_STATEMENT_BYTES: Final = 8 * MIB
#: Bytes of the records of a page from which on the next page is asked for with fewer.
LARGE_PAGE_BYTES: Final = 8 * MIB
#: Bytes of an answer that can be an error in Kombo's form; more is somebody else's page.
MOST_ERROR_BYTES: Final = MIB


#: Bytes of the body of a call that an application sends through the gateway.
MOST_CALL_BYTES: Final = 64 * MIB
#: Calls of applications that are forwarded at once, and lists that are read for them at once.
FORWARDED_AT_ONCE: Final = 64
LISTS_AT_ONCE: Final = 4


def in_mib(size: int) -> str:
    """Write a number of bytes for a message: ``64 MiB``, ``50.3 MiB``."""
    return f"{size / MIB:.1f}".removesuffix(".0") + " MiB"


def too_many_values(text: bytes | str, separators: str) -> bool:
    """Tell whether a text has more values than are decoded; separators: the characters that go before one."""
    if len(text) <= MOST_VALUES:
        return False
    if isinstance(text, bytes):
        return sum(text.count(each.encode()) for each in separators) > MOST_VALUES
    return sum(text.count(each) for each in separators) > MOST_VALUES
