"""The chart of the request limit's last hour: what its bars and its sentence say."""

from __future__ import annotations

from syncer.daemon.web.page.budget_chart import HEIGHT, draw
from syncer.domain.ratelimit.history import SLOTS, Slot


def test_a_bar_is_as_high_as_the_share_and_one_in_the_reserve_is_another() -> None:
    chart = draw([Slot(), Slot(0.5), Slot(0.95), Slot(0.001), Slot(1.4)], reserve=0.1)
    assert [each.height for each in chart.bars] == [0, HEIGHT / 2, 0.95 * HEIGHT, 1.5, HEIGHT]
    assert all(each.y + each.height == HEIGHT for each in chart.bars)
    assert [each.is_over for each in chart.bars] == [False, False, True, False, True]
    assert chart.reserve_y == HEIGHT / 10
    assert draw([Slot(1.0)], reserve=0).bars[0].is_over is False


def test_the_sentence_says_how_long_something_is_known_and_what_was_refused() -> None:
    nothing = [Slot()] * (SLOTS - 1)
    assert draw([*nothing, Slot(0.42)], 0.1).words == (
        "At most 42% of the limit was used in a window of the last minute. None was refused."
    )
    assert "of the last 2 minutes. 1 request was refused." in draw([Slot(0.1), Slot(0.2, 1), Slot()], 0).words
    assert "of the last hour. 1,200 requests were refused." in draw([Slot(0.1, 20)] * SLOTS, 0).words
