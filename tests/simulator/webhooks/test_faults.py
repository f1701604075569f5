"""Faults of webhooks: read from text, and drawn the same for the same seed."""

from __future__ import annotations

from random import Random

import pytest

from syncer.simulator.webhooks.faults import NO_FAULTS, Delivery, WebhookFaults


def test_all_faults_are_read() -> None:
    faults = WebhookFaults.parse("lose=0.3, double=0.25,reorder=1,delay=2s,forge=0")
    assert faults == WebhookFaults(lose=0.3, double=0.25, reorder=1, delay=2, forge=0)
    assert WebhookFaults.parse("") == NO_FAULTS


@pytest.mark.parametrize(
    ("text", "named"),
    [("loose=0.3", "loose"), ("lose", "lose"), ("lose=2", "2"), ("lose=nan", "nan"), ("delay=soon", "delay")],
)
def test_what_is_no_fault_is_named(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        WebhookFaults.parse(text)
    with pytest.raises(ValueError, match="twice"):
        WebhookFaults.parse("lose=0.1,lose=0.2")


def test_the_same_seed_loses_and_doubles_the_same_events() -> None:
    def drawn(seed: int, faults: WebhookFaults) -> list[list[Delivery]]:
        rng = Random(seed)
        return [faults.deliveries(rng) for _ in range(2_000)]

    faults = WebhookFaults(lose=0.3, double=0.3, reorder=0.3, delay=2, forge=0.1)
    assert drawn(1, faults) == drawn(1, faults) != drawn(2, faults)
    fates = drawn(1, faults)
    real = [[each for each in sent if each.forgery is None] for sent in fates]
    lost = sum(not each for each in real) / len(fates)
    doubled = sum(len(each) == 2 for each in real) / len(fates)
    assert (round(lost, 1), round(doubled, 1)) == (0.3, 0.2), "what is lost is not doubled"
    assert {each.forgery for sent in fates for each in sent} >= {"unsigned", "padded", "hexadecimal"}
    assert min(each.after for sent in fates for each in sent) == 2
    # Another fault, switched on, changes nothing about which events are lost.
    alone = [not sent for sent in drawn(1, WebhookFaults(lose=0.3))]
    assert alone == [not each for each in real]
    assert drawn(1, NO_FAULTS) == [[Delivery()]] * 2_000
