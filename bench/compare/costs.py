"""How surely two costs differ: as surely as what they follow from does, tokens or time, prompt by prompt.

An amount is read once, but another run of the same would come to another one: answers are longer or shorter, and take their time. The error is that
of the ratio of two sums over the same prompts; what of a price does not vary, as that of the prompts' tokens, makes it too wide, never too narrow.
"""

from math import sqrt

import numpy as np

from bench.compare.align import Aligned
from bench.records.baseline import Price
from bench.stats.distributions import normal_quantile, t_quantile

BY_TOKENS = "price_table"  # the cost model that reads no clock
_LEAST = 2  # prompts
_EXACT = 1e-12  # where nothing varied, as at temperature 0: any difference is one


def error_of(one: Aligned, per: str, level: float) -> float | None:
    """The standard error of the logarithm of head's cost / base's; None where it cannot be told.

    Widened for few prompts as Student's t is. Source: W. G. Cochran, Sampling Techniques, 3rd edition (1977), §2.11, the variance of a ratio.
    """
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
    n = len(sums)
    base_of, head_of = np.array(list(sums.values())).reshape(-1, 2).T
    if n < _LEAST or not base_of.sum() > 0 or not head_of.sum() > 0:
        return None
    rest = head_of - base_of * (head_of.sum() / base_of.sum())
    variance = n / (n - 1) * float(rest @ rest) / float(head_of.sum()) ** 2
    if per == "accepted_answer":
        variance += _accepted(first, n) + _accepted(second, n)
    wider = t_quantile(n - 1, (1 + level) / 2) / normal_quantile((1 + level) / 2)
    return max(wider * sqrt(variance), _EXACT)


def _accepted(cost: Price, n: int) -> float:
    """The most that the share of accepted answers adds: as if all answers to a prompt had one fate."""
    share = cost.amounts["request"] / cost.amounts["accepted_answer"]
    return max(0.0, (1 - share) / (share * n))
