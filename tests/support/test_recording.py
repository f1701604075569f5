"""The recording for the README: a terminal as programs draw on it, and a picture that browsers can read."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.support.recording import ACROSS, FILLED, FILLING, LONGEST, draw, film, hurry
from tests.support.terminal_screen import Screen

SVG = "{http://www.w3.org/2000/svg}"


def test_lines_that_are_drawn_again_stand_once() -> None:
    screen = Screen(20)
    screen.write("\x1b[?25lone\r\ntwo\x1b[2K\r\x1b[1A\x1b[2Ketc.\r\n\x1b[1;32mthree\x1b[0m!")
    assert screen.lines(9) == ((("etc.", ()),), (("three", ("1", "32")), ("!", ())))


def test_sequences_may_come_in_pieces_and_name_one_of_256_colours() -> None:
    screen = Screen(20)
    for piece in ("\x1b", "[38;5;2", "37mdark\x1b[", "0;31mred"):
        screen.write(piece)
    assert screen.lines(1) == ((("dark", ("38;5;237",)), ("red", ("31",))),)


def test_a_long_line_goes_on_below_and_the_last_ones_are_seen() -> None:
    screen = Screen(3)
    screen.write("abcde\r\nf")
    assert screen.lines(2) == ((("de", ()),), (("f", ()),))


def test_a_sequence_that_the_screen_does_not_know_is_an_error() -> None:
    with pytest.raises(ValueError, match="2J"):
        Screen(9).write("\x1b[2J")


def test_the_picture_has_each_line_once_pauses_are_short_and_the_last_frame_stays() -> None:
    frames = list(film(iter([(1e9, "a <b>\r\n"), (2e9, "\x1b[36mcyan\x1b[0m山\r\n")])))
    assert [seconds for seconds, _ in frames[:-1]] == [LONGEST, LONGEST]
    picture = ElementTree.fromstring(draw(frames))
    texts = ["".join(each.itertext()) for each in picture.iter(f"{SVG}text")]
    assert texts == ["$ syncer demo", "a <b>", "cyan山"]
    spans = {each.text: each for each in picture.iter(f"{SVG}tspan")}
    assert (spans["cyan"].get("textLength"), spans["cyan"].get("fill")) == (f"{4 * ACROSS:g}", "#56d4dd")
    assert spans["山"].get("textLength") == f"{2 * ACROSS:g}"
    style = next(each.text for each in picture.iter(f"{SVG}style"))
    assert style is not None
    assert style.count("translateY") == len(frames) + 1
    assert len(list(picture.iter(f"{SVG}use"))) == 1 + 2 + 3


def test_a_slow_first_load_is_played_within_seconds_and_what_follows_as_it_was() -> None:
    load, after = ((("0 of 35 streams", ()),),), (((FILLED, ()),),)
    played = hurry([(30.0, load), (10.0, load), (1.5, after), (1.5, load)])
    assert [seconds for seconds, _ in played] == [0.75 * FILLING, 0.25 * FILLING, 1.5, 1.5]
    assert hurry([(1.0, load), (1.5, after)]) == [(1.0, load), (1.5, after)]
