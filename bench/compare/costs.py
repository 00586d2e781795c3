"""How surely two costs differ: as surely as what they follow from does, tokens or time, prompt by prompt.

An amount is read once, but another run of the same would come to another one: answers are longer or shorter, and take their time. What that does to
the ratio of two sums over the same prompts is told by letting prompts change places; what of a price does not vary, as that of the prompts' tokens,
makes the interval too wide, never too narrow.
"""

from math import log, sqrt
from typing import NamedTuple

import numpy as np

from bench.compare.align import Aligned
from bench.records.baseline import Price
from bench.stats.distributions import normal_quantile
from bench.stats.ratio_flips import ratio_flips

BY_TOKENS = "price_table"  # the cost model that reads no clock
_EXACT = 1e-12  # where nothing varied, as at temperature 0: any difference is one


class Sureness(NamedTuple):
    """On the scale of logarithms: how far below and above the ratio its interval reaches, and half of that as a standard error.

    `p`: of no difference; None where it follows from the error.
    """

    below: float
    above: float
    error: float
    p: float | None = None


def sureness(one: Aligned, per: str, level: float, seed: int) -> Sureness | None:
    """How surely head's cost / base's is told; None where too few prompts tell it."""
    first, second = one.base.cost, one.head.cost
    if first is None or second is None:
        return None
    metric = "completion_tokens" if first.cost_model == BY_TOKENS else "latency"
    sums: dict[str, tuple[float, float]] = {}
    for a, b in one.pairs:
        if metric not in a.values or metric not in b.values:
            return None
        base, head = sums.get(a.prompt_id, (0.0, 0.0))
        sums[a.prompt_id] = base + a.values[metric][0] * a.n, head + b.values[metric][0] * b.n
    base_of, head_of = np.array(list(sums.values())).reshape(-1, 2).T
    if not base_of.sum() > 0 or not head_of.sum() > 0:
        return None
    amounts = second.amounts[per] / first.amounts[per]
    against = float(head_of.sum() / base_of.sum()) / amounts  # amounts that differ by more than their tokens do are tested for what they differ by
    found = ratio_flips(base_of, head_of, np.random.default_rng(seed), level, against)
    if found.low is None or found.high is None:
        return None
    below, above = max(0.0, log(found.value / found.low)), max(0.0, log(found.high / found.value))
    z = normal_quantile((1 + level) / 2)
    error = max(below, above, _EXACT) / z
    if per != "accepted_answer":
        return Sureness(below, above, error, found.p)
    whole = sqrt(error**2 + _accepted(first, found.n) + _accepted(second, found.n))
    return Sureness(z * whole, z * whole, whole)


def _accepted(cost: Price, n: int) -> float:
    """The most that the share of accepted answers adds: as if all answers to a prompt had one fate."""
    share = cost.amounts["request"] / cost.amounts["accepted_answer"]
    return max(0.0, (1 - share) / (share * n))
