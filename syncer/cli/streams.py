"""Standard streams of the process, usable also where they are closed, full, stalled or not of UTF-8."""

from __future__ import annotations

import errno
import io
import os
import select
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDIN, _STDOUT, _STDERR = 0, 1, 2
#: Variables that say how large a terminal is; rich cannot bear all that they may hold.
_SIZES = ("COLUMNS", "LINES")
_WIDEST = 10_000


class OutputFailed(Exception):
    """Error of a writer to stdout: what was written is lost, and what follows goes nowhere."""


class _Stream(io.FileIO):
    """Descriptor of stdout or stderr that is redirected to nowhere once it cannot be written.

    raises: a writer learns of it by OutputFailed; stderr's could tell nobody.
    """

    failure: OSError | None = None

    def __init__(self, descriptor: int, *, raises: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._raises = raises

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            while (written := super().write(data)) is None:
                # Another program has made the pipe non-blocking, and it is full.
                select.select((), (self,), ())
            return written
        except OSError as error:
            _discard(self.fileno())
            self.failure = error
            if self._raises:
                raise OutputFailed from error
            return len(memoryview(data).cast("B"))


_stdout: _Stream | None = None


def prepare_streams() -> None:
    """Replace the standard streams of this process by ones that cannot break it."""
    global _stdout
    for descriptor in (_STDIN, _STDOUT, _STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            # Else the database's file or connection could get its number, and what is printed. This one
            # refuses to be written.
            os.open(os.devnull, os.O_RDONLY)
    _stdout = _Stream(_STDOUT, raises=True)
    sys.stdin = sys.stdin or io.TextIOWrapper(io.BufferedReader(io.FileIO(_STDIN)), "utf-8")
    sys.stdout = _text(_stdout, sys.stdout)
    sys.stderr = _text(_Stream(_STDERR, raises=False), sys.stderr)
    for name in _SIZES:
        text = os.environ.get(name, "")
        if not (text.isascii() and text.isdecimal() and 0 < int(text) <= _WIDEST):
            os.environ.pop(name, None)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Interrupt the command; what nobody reads must not keep it from ending."""
    drop_stalled_output()
    raise KeyboardInterrupt


def _text(stream: _Stream, before: TextIO | None) -> io.TextIOWrapper:
    """Make the text stream; a terminal of another encoding still shows everything, if not beautifully.

    Where Python was told not to buffer, each line goes out at once.
    """
    is_unbuffered = isinstance(before, io.TextIOWrapper) and before.write_through
    is_by_line = stream.isatty() or stream.fileno() == _STDERR or is_unbuffered
    encoding = (before and before.encoding) or "utf-8"
    return io.TextIOWrapper(
        io.BufferedWriter(stream), encoding, errors="backslashreplace", line_buffering=is_by_line
    )


def write_in_utf8() -> None:
    """Switch stdout to UTF-8: what programs read has no other encoding, whatever the locale says."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


def read_stdin() -> str:
    """Read standard input as UTF-8, whatever the locale says. Raises UnicodeDecodeError."""
    buffer = getattr(sys.stdin, "buffer", None)
    return sys.stdin.read() if buffer is None else buffer.read().decode("utf-8-sig")


def drop_stalled_output() -> None:
    """Discard what stdout or stderr does not take now, also in the middle of a write that waits.

    Call it where a signal is handled: the write goes on, to nowhere.
    """
    for descriptor in (_STDOUT, _STDERR):
        if not select.select((), (descriptor,), (), 0)[1]:
            _discard(descriptor)


def output_failure() -> str | None:
    """Tell in a sentence that not everything could be written to stdout.

    None where it was, and where its reader has left: they have seen what they wanted.
    """
    failure = None if _stdout is None else _stdout.failure
    if failure is None or isinstance(failure, BrokenPipeError):
        return None
    reason = "it is closed" if failure.errno == errno.EBADF else failure.strerror or str(failure)
    return f"Standard output cannot be written: {reason}."


def _discard(descriptor: int) -> None:
    """Send everything that is still written there nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
