"""Recording of `syncer demo` for the README, as a picture that moves; `make recording` runs this.

python -m tests.support.recording docs/images/demo.svg
"""

from __future__ import annotations

import codecs
import fcntl
import os
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from xml.sax.saxutils import escape

from rich.cells import cell_len
from rich.color import Color

from tests.support.environment import without_settings
from tests.support.terminal_screen import Line, Screen, Style

WIDTH, HEIGHT = 100, 27
#: Changes at the source after which the recording ends.
CHANGES = 9
#: Seconds: between two frames at least, one without anything new at most, and the last one.
SHORTEST, LONGEST, LAST = 0.12, 1.6, 4.0
#: Seconds of the first load, which is played faster where it took longer; the demo says how long that was.
FILLING = 4.0
#: What stands on the screen when the first load is over.
FILLED = "Ctrl-C ends it."
#: Pixels of a character and a line, and around all of them.
ACROSS, DOWN, EDGE = 8.4, 18.0, 14.0
PAPER, INK = "#0d1117", "#d6dde5"
#: Colours of SGR, of which each is at least 4.5:1 on the paper.
COLOURS = {
    "31": "#ff7b72",
    "32": "#56d364",
    "33": "#e3b341",
    "34": "#79c0ff",
    "35": "#d2a8ff",
    "36": "#56d4dd",
}

#: (seconds that it is seen, its lines).
Frame = tuple[float, tuple[Line, ...]]


def main() -> None:
    """Write the picture into the file that is named."""
    file = Path(sys.argv[1])
    file.write_text(draw(hurry(list(film(record())))), encoding="utf-8")
    print(file)


def record() -> Iterator[tuple[float, str]]:
    """Run the demo on a terminal; gives what it writes, and when."""
    ours, its = os.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    environ = without_settings() | {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            ["syncer", "demo", "--port", "0"],
            cwd=folder,
            env=environ,
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
        ) as demo,
    ):
        os.close(its)
        seen, decoder = b"", codecs.getincrementaldecoder("utf-8")()
        with suppress(OSError):
            while chunk := os.read(ours, 65536):
                seen += chunk
                yield time.monotonic(), decoder.decode(chunk)
                if seen.count(b"  source") >= CHANGES:
                    break
        demo.send_signal(signal.SIGINT)
        # What it still says has to be taken from it.
        with suppress(OSError):
            while os.read(ours, 65536):
                pass
        os.close(ours)


def film(written: Iterator[tuple[float, str]]) -> Iterator[Frame]:
    """Make frames of what was written; pauses are shortened, and what comes at once is one frame."""
    screen = Screen(WIDTH)
    screen.write("\x1b[32m$\x1b[0m \x1b[1msyncer demo\x1b[0m\r\n")
    shown, since = screen.lines(HEIGHT), time.monotonic()
    for at, text in written:
        if at - since >= SHORTEST:
            yield min(at - since, LONGEST), shown
            since = at
        screen.write(text)
        shown = screen.lines(HEIGHT)
    yield LAST, shown


def hurry(frames: list[Frame]) -> list[Frame]:
    """Play what comes before the mirror is filled within a few seconds."""
    loading = list(takewhile(lambda frame: ((FILLED, ()),) not in frame[1], frames))
    factor = FILLING / max(FILLING, sum(seconds for seconds, _ in loading))
    return [(seconds * factor, lines) for seconds, lines in loading] + frames[len(loading) :]


def draw(frames: list[Frame]) -> str:
    """Draw the frames as a strip of film that moves behind a window, each line of text only once.

    Where nothing moves, or the reader wants nothing to, the last frame is seen.
    """
    width, height = WIDTH * ACROSS + 2 * EDGE, HEIGHT * DOWN + 2 * EDGE
    names = {line: f"l{number}" for number, line in enumerate(_texts(frames))}
    whole = sum(seconds for seconds, _ in frames)
    moves, strip, at = [], [], 0.0
    for number, (seconds, lines) in enumerate(frames):
        moves.append(f"{at / whole:.3%}{{transform:translateY(-{number * height:g}px)}}")
        at += seconds
        strip += [
            f'<use href="#{names[line]}" y="{number * height + place * DOWN:g}"/>'
            for place, line in enumerate(lines)
            if line in names
        ]
    end = f"transform:translateY(-{(len(frames) - 1) * height:g}px)"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
            f'width="{width:g}" height="{height:g}" role="img" aria-label="A recording of syncer demo">',
            f"<style>text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
            f"fill:{INK};white-space:pre}}#film{{{end};animation:film {whole:.2f}s step-end infinite}}"
            f"@keyframes film{{{''.join(moves)}}}"
            "@media(prefers-reduced-motion:reduce){#film{animation:none}}</style>",
            "<defs>",
            *(_text(line, name) for line, name in names.items()),
            f'<clipPath id="window"><rect width="{width:g}" height="{height:g}" rx="8"/></clipPath>',
            "</defs>",
            f'<g clip-path="url(#window)"><rect width="{width:g}" height="{height:g}" fill="{PAPER}"/>',
            '<g id="film">',
            *strip,
            "</g></g></svg>",
            "",
        ]
    )


def _texts(frames: list[Frame]) -> dict[Line, None]:
    return dict.fromkeys(line for _, lines in frames for line in lines if line)


def _text(line: Line, name: str) -> str:
    """Draw a line; every run has its place and length, so that the columns stand whatever the font is."""
    runs, column = [], 0
    for text, style in line:
        length = f'textLength="{cell_len(text) * ACROSS:g}" lengthAdjust="spacingAndGlyphs"'
        place = f'x="{EDGE + column * ACROSS:g}" {length}'
        runs.append(f"<tspan {place}{_look(style)}>{escape(text)}</tspan>")
        column += cell_len(text)
    return f'<text id="{name}" y="{EDGE + DOWN * 0.75:g}">{"".join(runs)}</text>'


def _look(style: Style) -> str:
    colours = [COLOURS.get(each) or _colour(each) for each in style]
    colour = next((each for each in reversed(colours) if each is not None), None)
    look = "" if colour is None else f' fill="{colour}"'
    look += ' font-weight="bold"' if "1" in style else ""
    return look + (' fill-opacity="0.7"' if "2" in style else "")


def _colour(look: str) -> str | None:
    """Give one of the 256 colours; None for what is no colour of letters."""
    return Color.from_ansi(int(look[5:])).get_truecolor().hex if look.startswith("38;5;") else None


if __name__ == "__main__":
    main()
