"""Alerts: one message when a trouble begins, one when it is over, and no flood of them."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from syncer.domain.alerts.decisions import REMEMBERED, Decision, decide, find_untold, quiet_time
from syncer.domain.alerts.trouble import Alert, AlertKey, AlertKind, AlertState, Trouble
from tests.support.records import NOW

MINUTE = timedelta(minutes=1)
AFTER = timedelta(hours=1)
QUIET = quiet_time(AFTER)
KEY = AlertKey("default", AlertKind.FAILING, "tool:one")
STALE = AlertKey("default", AlertKind.STALE, "tool:one")
REFUSED = AlertKey("default", AlertKind.KEY_REFUSED, "default")
FAILS = Trouble("1 list (hris_groups) cannot be read: failed 1")


class Memory:
    """What is remembered of alerts, and what its receiver was told at which minute."""

    def __init__(self, after: timedelta = AFTER) -> None:
        self.after = after
        self.now = NOW
        self.alerts: dict[AlertKey, Alert] = {}
        self.messages: list[tuple[int, list[tuple[str, AlertState]]]] = []

    @property
    def minute(self) -> int:
        return (self.now - NOW) // MINUTE

    def look(self, *keys: AlertKey, accepts: bool = True) -> Decision:
        """Look once, with these troubles there; a minute passes."""
        there = dict.fromkeys(keys, FAILS)
        decision = decide(self.alerts, there, self.now, self.after)
        self.alerts |= {each.key: each for each in decision.changed}
        for key in decision.forgotten:
            del self.alerts[key]
        untold = find_untold(self.alerts.values(), self.now, self.after)
        if untold and accepts:
            self.messages.append((self.minute, [(each.key.subject, each.state) for each in untold]))
            for each in untold:
                self.alerts[each.key] = replace(each, told=each.state, told_at=self.now)
        self.now += MINUTE
        return decision

    def last(self, minutes: int, *keys: AlertKey, accepts: bool = True) -> None:
        for _ in range(minutes):
            self.look(*keys, accepts=accepts)


def test_a_trouble_is_told_once_when_it_has_lasted_and_once_when_it_is_over() -> None:
    memory = Memory()
    memory.last(180, KEY)
    assert memory.messages == [(60, [("tool:one", AlertState.OPEN)])]
    memory.last(60)
    assert memory.messages[1:] == [(190, [("tool:one", AlertState.OVER)])]
    assert memory.alerts[KEY].since == NOW
    memory.now += REMEMBERED
    memory.look()
    assert memory.alerts == {}


def test_a_trouble_that_passes_sooner_is_never_told() -> None:
    memory = Memory()
    memory.last(59, KEY)
    memory.last(60)
    assert (memory.messages, memory.alerts) == ([], {})


def test_a_trouble_that_comes_and_goes_within_the_quiet_time_is_one_alert() -> None:
    memory = Memory()
    for _ in range(20):
        memory.last(7, KEY)
        memory.last(8)
    assert memory.messages == [(60, [("tool:one", AlertState.OPEN)])]
    memory.last(15)
    assert [states for _, [(_, states)] in memory.messages] == [AlertState.OPEN, AlertState.OVER]


def test_a_trouble_that_was_noted_before_is_told_at_once() -> None:
    there = {KEY: replace(FAILS, since=NOW - AFTER)}
    [alert] = decide({}, there, NOW, AFTER).changed
    assert (alert.state, alert.since) == (AlertState.OPEN, NOW - AFTER)
    # A clock that was ahead counts as now.
    [alert] = decide({}, {KEY: replace(FAILS, since=NOW + AFTER)}, NOW, AFTER).changed
    assert (alert.state, alert.since) == (AlertState.PENDING, NOW)


def test_many_troubles_are_told_together_and_messages_are_the_quiet_time_apart() -> None:
    memory = Memory()
    keys = [KEY._replace(subject=f"tool:{number:02}") for number in range(30)]
    for number in range(30):
        memory.look(*keys[: number + 1])
    memory.last(90, *keys)
    assert [minute for minute, _ in memory.messages] == [60, 70, 80, 90]
    assert [len(told) for _, told in memory.messages] == [1, 10, 10, 9]


def test_what_the_receiver_did_not_take_is_told_later_and_what_is_over_by_then_never() -> None:
    memory = Memory()
    other = KEY._replace(subject="tool:two")
    memory.last(90, KEY, other, accepts=False)
    memory.last(20, KEY, accepts=False)
    memory.look(KEY)
    assert [told for _, told in memory.messages] == [[("tool:one", AlertState.OPEN)]]
    # Over, and back before anybody has heard of it: it was open all the time, as far as the receiver knows.
    memory.last(20, accepts=False)
    memory.last(5, KEY)
    assert len(memory.messages) == 1
    assert memory.alerts[KEY].state is AlertState.OPEN


def test_what_follows_from_a_refused_key_is_not_told_beside_it() -> None:
    memory = Memory()
    memory.last(70, KEY)
    memory.last(300, REFUSED, KEY, STALE)
    assert [told for _, told in memory.messages] == [
        [("tool:one", AlertState.OPEN)],
        [("default", AlertState.OPEN)],
    ]
    # Nothing was known of it meanwhile.
    memory.last(30)
    assert sorted(memory.messages[2][1]) == [("default", AlertState.OVER), ("tool:one", AlertState.OVER)]


def test_the_most_urgent_is_told_first_and_what_begins_before_what_is_over() -> None:
    held, delivery = AlertKey("default", AlertKind.HELD, "a"), AlertKey("", AlertKind.DELIVERY_STUCK, "b")
    alerts = [Alert(key, AlertState.OPEN, NOW, "") for key in (delivery, held, KEY, REFUSED)]
    over = Alert(STALE, AlertState.OVER, NOW, "", told=AlertState.OPEN)
    assert [each.key for each in find_untold([over, *alerts], NOW, AFTER)] == [
        REFUSED,
        KEY,
        held,
        delivery,
        STALE,
    ]


def test_a_second_episode_begins_anew() -> None:
    memory = Memory()
    memory.last(90, KEY)
    memory.last(30)
    memory.last(59, KEY)
    assert len(memory.messages) == 2
    memory.last(2, KEY)
    assert memory.messages[2:] == [(180, [("tool:one", AlertState.OPEN)])]
    assert memory.alerts[KEY].since == NOW + 120 * MINUTE


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 90), st.booleans(), st.booleans()), max_size=12))
def test_whatever_happens_begin_and_end_alternate_and_the_last_message_is_true(
    history: list[tuple[int, bool, bool]],
) -> None:
    memory = Memory()
    is_there = False
    for minutes, is_there, accepts in history:
        memory.last(minutes, *([KEY] if is_there else []), accepts=accepts)
    told = [state for _, [(_, state)] in memory.messages]
    assert told == ([AlertState.OPEN, AlertState.OVER] * len(told))[: len(told)]
    memory.last(80, *([KEY] if is_there else []))
    told = [state for _, [(_, state)] in memory.messages]
    assert (told[-1:] == [AlertState.OPEN]) == is_there
    apart = [minute for minute, _ in memory.messages]
    assert all(after - before >= QUIET / MINUTE for before, after in pairwise(apart))
