"""Samples: which rows are compared, and what follows from them for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import exp, lgamma

#: Confidence with which a sample tells something of all rows.
CONFIDENCE = 0.95


def choose(ids: Iterable[str], size: int, uniform: Callable[[], float]) -> tuple[list[str], int]:
    """Choose so many ids, each set of them as likely as any other; give them, and how many there were.

    uniform: chance, from 0 to less than 1. All ids pass by once, and only the chosen ones are kept.
    """
    chosen: list[str] = []
    total = 0
    for each in ids:
        total += 1
        if len(chosen) < size:
            chosen.append(each)
        elif (place := int(uniform() * total)) < size:
            chosen[place] = each
    return chosen, total


def most_differing(rows: int, sampled: int, found: int, confidence: float = CONFIDENCE) -> int:
    """Compute how many of the rows differ at most, where so many of those sampled do.

    Were there one more, a sample would show so few with a chance of less than 1 - confidence. For small
    samples of many rows without a difference it is near ``3 * rows / sampled``, the rule of three.
    """
    low, high = found, rows - sampled + found
    while low < high:
        middle = (low + high + 1) // 2
        if _chance_of_few(rows, middle, sampled, found) >= 1 - confidence:
            low = middle
        else:
            high = middle - 1
    return low


def _chance_of_few(rows: int, differing: int, sampled: int, found: int) -> float:
    """Compute the chance that a sample shows at most so many of the differing rows (hypergeometric)."""
    least = max(0, sampled - (rows - differing))
    whole = _log_choose(rows, sampled)
    return sum(
        exp(_log_choose(differing, shown) + _log_choose(rows - differing, sampled - shown) - whole)
        for shown in range(least, min(found, differing) + 1)
    )


def _log_choose(number: int, chosen: int) -> float:
    return lgamma(number + 1) - lgamma(chosen + 1) - lgamma(number - chosen + 1)
