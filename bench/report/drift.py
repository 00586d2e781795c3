"""What is said of times and speeds that were measured one after the other: how far the machine's own drift reaches."""

import math
from collections.abc import Collection, Sequence

from bench.records.comparison import ModelComparison, VariantRatio
from bench.records.estimate import Summary
from bench.report import numbers

CLEAR = 0.05


def mark(one: ModelComparison | VariantRatio) -> str:
    """Beside a verdict that drift took: how far it reaches; empty where the p takes it anyway, or there is no allowance to make."""
    if not one.is_apart or one.verdict != "cannot_tell" or one.p_holm is None or one.p_holm > CLEAR:
        return ""
    return "its drift is not known" if one.drift is None else f"within drift, {reach(one.drift)}"


def between(summary: Summary, metric: str, pair: Collection[tuple[str, str]]) -> str:
    """`mark` of the comparison of these two, models or variants, in a metric; empty where there is none, or it stands."""
    for one in summary.comparisons:
        if one.metric == metric and one.grader_id is None and {(who.model_id, who.variant_id) for who in (one.a, one.b)} == set(pair):
            return mark(one)
    for each in summary.ratios:
        if each.metric == metric and {(each.model_id, each.variant_id), (each.model_id, each.baseline_id)} == set(pair):
            return mark(each)
    return ""


def reach(drift: float) -> str:
    """`× 1.08`; cut where it says no more than that nothing can be told."""
    return f"× {numbers.significant(drift, 3)}" if math.isfinite(drift) and drift < 1000 else "more than × 1000"


def notes(found: Sequence[ModelComparison | VariantRatio]) -> tuple[str, ...]:
    """The explanation, where anything was measured one after the other and tested."""
    apart = [one for one in found if one.is_apart and one.p_holm is not None]
    if not apart:
        return ()
    unknown = " Where nothing shows it (one round, or several sessions) there is no verdict." if any(one.drift is None for one in apart) else ""
    told = (
        "Times and speeds were measured one after the other, so what the machine did meanwhile is in them and in no interval or p. A verdict also "
        f"takes a ratio beyond that drift, by how far the halves of each block lie apart.{unknown} With `order: interleaved` they take turns."
    )
    return (told,)
