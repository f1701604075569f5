"""Number of records of each model in a company of a given size."""

from __future__ import annotations

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.company.factories import FACTORIES

SMALLEST = 4


def sizes(records: int) -> dict[str, int]:
    """Compute the number of records by model.

    The largest list takes what the shares leave, so that the sum is records; but no list is empty: some 150
    records are the least.
    """
    fixed = {model: FACTORIES[model].count for model in catalogue()}
    shares = {model: FACTORIES[model].share for model in catalogue() if fixed[model] is None}
    wanted = {model: count for model, count in fixed.items() if count is not None}
    wanted |= {model: max(SMALLEST, int(share * records)) for model, share in shares.items()}
    wanted[max(shares, key=shares.__getitem__)] += max(0, records - sum(wanted.values()))
    for _ in range(sum(wanted.values()) - records):
        largest = max(shares, key=wanted.__getitem__)
        wanted[largest] = max(SMALLEST, wanted[largest] - 1)
    return wanted
