"""Figures over all answers of a model, head against base: percentiles, rates, and what is read once, as memory and costs.

They are compared only where both runs asked the same: other prompts, or other shares of them, move a percentile by themselves. A percentile or a rate
has an interval on each side; that of their ratio takes the two as independent, so it is wider than one of pairs. A cost varies as the tokens or the
time that it follows from. Memory and sizes have no noise that the run could tell: they decide as they are read, as in gates.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import exp, log
from typing import NamedTuple

from msgspec.structs import replace

from bench.compare.align import Aligned
from bench.compare.costs import BY_TOKENS, sureness
from bench.compare.figures import LEVEL, POWER, ROUNDING, edge_of, said, six
from bench.compare.tolerance import tolerance
from bench.compare.vetoes import Push, Vetoes, allowed, forbidden, joined, marked
from bench.records.baseline import Answered, Baseline, Contestant, Level, Measure
from bench.records.compare import Change
from bench.records.comparison import ComparisonVerdict
from bench.stats.distributions import normal_cdf, normal_quantile
from bench.stats.mover import Bounded, difference_interval
from bench.stats.paired import holm

FACTS = {"rss_bytes": "rss_peak_bytes", "gpu_bytes": "gpu_bytes", "disk_bytes": "disk_bytes", "load_s": "load_s"}
"""What a user calls a fact -> its name in a baseline."""
COSTS = {
    "cost": "run",
    "cost_per_request": "request",
    "cost_per_million_tokens": "million_tokens",
    "cost_per_accepted_answer": "accepted_answer",
}
_OF_COSTS = "the ratio of what the costs follow from, tokens or time, over the same prompts"
RATES = {"output_tps": "tokens/s", "request_rate": "1/s", "goodput": "1/s"}
_STATISTICS = ("p50", "p90", "p95", "p99", "mean", "max", "share", "ratio", "rate")
_Z = normal_quantile((1 + LEVEL) / 2)


class Wanted(NamedTuple):
    """A figure as it was asked for: `ttft:p95`, `goodput`, `rss_bytes`."""

    metric: str
    statistic: str | None = None


def wanted(word: str) -> Wanted | None:
    """What a word asks for; None for a metric that is compared prompt by prompt."""
    metric, colon, statistic = word.partition(":")
    if colon:
        return Wanted(metric, statistic)
    return Wanted(metric) if metric in FACTS or metric in COSTS or metric in RATES else None


def is_statistic(word: str) -> bool:
    """Whether a statistic of this name is compared."""
    return word in _STATISTICS


class Told(NamedTuple):
    """A change, and its standard error on the scale of logarithms; None for a reading, or where there is no interval. `p`: where it is exact."""

    change: Change
    effect: float = 0.0
    error: float | None = None
    veto: Push | None = None
    p: float | None = None

    @property
    def chance(self) -> float:
        """How likely such a difference is by chance alone: as told, or by the standard error."""
        return self.p if self.p is not None else 2 * normal_cdf(-abs(self.effect) / (self.error or 1.0))


def levels(
    base: Baseline, head: Baseline, aligned: Iterable[Aligned], asked: Sequence[Wanted], more: tuple[Mapping[str, float], Vetoes]
) -> list[Told]:
    """Every figure of every model; without verdicts yet (`decided`). `more`: the tolerances that were given, and the vetoes."""
    return [_one((base, head), one, each, more) for one in aligned for each in asked]


def _one(runs: tuple[Baseline, Baseline], one: Aligned, asked: Wanted, more: tuple[Mapping[str, float], Vetoes]) -> Told:
    given, vetoes = more
    metric = asked.metric
    if metric in FACTS:
        unit = "s" if metric.endswith("_s") else "B"
        empty = _empty(one, asked, Measure(unit=unit, better="lower"), given)
        sides = [each.facts.get(FACTS[metric]) for each in (one.base, one.head)]
        return _reading(empty, sides[0], sides[1], _of_fact(metric, one, vetoes))
    if metric in COSTS:
        return _cost(one, asked, (given, vetoes, runs[0].seed))
    measure = next((run.metrics[metric] for run in runs if metric in run.metrics), None)
    if measure is None:
        measure = Measure(unit=RATES.get(metric, ""), better="higher")
    empty = _empty(one, asked, measure, given)
    if metric == "goodput" and runs[0].slo != runs[1].slo:
        return Told(replace(empty, reason=f"another `slo`: {runs[0].slo or 'none'} → {runs[1].slo or 'none'}"))
    return _level(empty, one, asked, vetoes.on(metric, measure, one, runs[0].slo))


def _of_fact(metric: str, one: Aligned, vetoes: Vetoes) -> Push | None:
    if metric == "disk_bytes":
        return None
    if metric == "load_s":
        return vetoes.machine or forbidden("one load on each side does not tell how loads vary")
    return vetoes.memory(one, "memory" if metric == "rss_bytes" else "gpu_memory")


def _empty(one: Aligned, asked: Wanted, measure: Measure, given: Mapping[str, float]) -> Change:
    model, variant = one.name
    return Change(
        metric=asked.metric,
        unit=measure.unit,
        better=measure.better,
        model_id=model,
        variant_id=variant,
        statistic=asked.statistic or ("rate" if asked.metric in RATES else "value"),
        effect="ratio",
        n_prompts=len({a.prompt_id for a, _ in one.pairs}),
        needed=1,
        tolerance=given.get(f"{asked.metric}:{asked.statistic}", tolerance(asked.metric, Measure(unit="s", better="lower"), given)),
        reason=f"not both have the {asked.statistic} of it" if asked.statistic else "not both have this figure",
    )


def _level(empty: Change, one: Aligned, asked: Wanted, veto: Push | None) -> Told:
    first, second = (_found(side, asked) for side in (one.base, one.head))
    if first is None or second is None:
        return Told(empty)
    shown = replace(empty, base=six(first.value), head=six(second.value), difference=six(second.value - first.value))
    if (unlike := other_work(one.base, one.head)) is not None:
        return Told(replace(shown, reason=unlike), veto=forbidden(unlike))
    if first.value <= 0 or second.value <= 0:
        return Told(replace(shown, reason="one of the two is 0, which has no ratio"))
    effect = log(second.value / first.value)
    shown = replace(shown, ratio=six(exp(effect)), method="two intervals, as of runs that are independent")
    bounds = [_logs(each) for each in (first, second)]
    if bounds[0] is None or bounds[1] is None:
        return Told(
            replace(shown, reason="too few prompts for an interval"), effect, None, joined(veto, forbidden("too few prompts for an interval"))
        )
    told = difference_interval(bounds[1], bounds[0])
    error = max(((told.value - told.low) if effect > 0 else (told.high - told.value)) / _Z, 1e-12)
    return Told(replace(shown, low=six(exp(told.low)), high=six(exp(told.high))), effect, error, veto)


def _found(side: Contestant, asked: Wanted) -> Level | None:
    name = asked.statistic or "rate"
    return next((level for level in side.levels if (level.metric, level.statistic) == (asked.metric, name)), None)


def _logs(level: Level) -> Bounded | None:
    if level.low is None or level.high is None or level.low <= 0:
        return None
    return Bounded(log(level.value), log(level.low), log(level.high))


def _reading(empty: Change, base: float | None, head: float | None, veto: Push | None) -> Told:
    """A fact of each run, which has no noise that it could tell."""
    if not base or not head:
        return Told(empty if base is None or head is None else replace(empty, base=base, head=head, reason="one of the two is 0, which has no ratio"))
    ratio = six(head / base)
    change = replace(
        empty, base=six(base), head=six(head), difference=six(head - base), ratio=ratio, low=ratio, high=ratio, method="one reading on each side"
    )
    return Told(change, log(head / base), None, veto)


def _cost(one: Aligned, asked: Wanted, more: tuple[Mapping[str, float], Vetoes, int]) -> Told:
    given, vetoes, seed = more
    first, second, per = one.base.cost, one.head.cost, COSTS[asked.metric]
    empty = _empty(one, asked, Measure(unit=second.currency if second else "", better="lower"), given)
    if first is None or second is None:
        return Told(empty)
    if (first.cost_model, first.priced, first.currency) != (second.cost_model, second.priced, second.currency):
        return Told(replace(empty, reason="priced otherwise"))
    unlike = other_work(one.base, one.head, is_whole=per == "run")
    veto = forbidden(unlike) or (None if first.cost_model == BY_TOKENS else vetoes.cost(first.cost_model, one))
    read = _reading(empty, first.amounts.get(per), second.amounts.get(per), veto)
    if read.change.ratio is None or (veto is not None and veto.way == "any"):
        return read
    sure = sureness(one, per, LEVEL, seed)
    if sure is None:
        change = replace(read.change, low=None, high=None)
        return read._replace(change=change, veto=forbidden("too few prompts to tell how much it varies"))
    low, high = six(exp(read.effect - sure.below)), six(exp(read.effect + sure.above))
    return read._replace(change=replace(read.change, low=low, high=high, method=_OF_COSTS), error=sure.error, p=sure.p)


def other_work(base: Contestant, head: Contestant, *, is_whole: bool = False) -> str | None:
    """Why figures over all answers do not compare: other prompts or words, or other shares of them. `is_whole`: the number of answers counts, too."""
    first, second = (_work(each.answers) for each in (base, head))
    if first.keys() != second.keys():
        return "not the same prompts in the same words on both sides, and this figure is of all answers"
    shares = {second[key] / first[key] for key in first}
    if len(shares) > 1 or (is_whole and shares != {1.0}):
        return "not as many answers to each prompt on both sides, and this figure is of all answers"
    return None


def _work(answers: Iterable[Answered]) -> dict[tuple[str, int, str], int]:
    return {(each.prompt_id, each.step or 0, each.request): each.n for each in answers}


def decided(found: Sequence[Told], families: int) -> Iterator[Change]:
    """The figures with their verdicts; p values are adjusted for all of them, and for the families that share the error."""
    tested = [place for place, one in enumerate(found) if one.error is not None and not _is_open(one)]
    ps = holm([found[place].chance for place in tested])
    adjusted = dict(zip(tested, (min(1.0, p * families) for p in ps), strict=True))
    n_tests = families * max(1, len(tested))
    for place, one in enumerate(found):
        yield marked(_decided(one, adjusted.get(place), n_tests), one.veto)


def _is_open(one: Told) -> bool:
    """Whether no verdict can be said, whatever the numbers are."""
    return one.veto is not None and one.veto.way == "any"


def _decided(one: Told, p_adjusted: float | None, n_tests: int) -> Change:
    change = one.change
    if change.ratio is None or _is_open(one):
        return replace(change, reason=one.veto.words if one.veto else change.reason)
    if one.error is not None:
        edge = edge_of(change.tolerance)
        z = normal_quantile(1 - (1 - LEVEL) / n_tests / 2) + normal_quantile(POWER)
        detectable = max(z * one.error, edge + normal_quantile(POWER) * one.error)
        change = replace(change, p=six(one.chance), p_adjusted=six(p_adjusted), mde=six(exp(detectable)))
    verdict, reason = allowed(one.veto, *_verdict(change, one, 0.0 if p_adjusted is None else p_adjusted))
    return replace(change, verdict=verdict, reason=reason)


def _verdict(change: Change, one: Told, p_adjusted: float) -> tuple[ComparisonVerdict, str | None]:
    """What may be said; of a reading, whose bounds are itself, what was read."""
    edge = edge_of(change.tolerance) + ROUNDING
    low, high = (log(bound) if bound else one.effect for bound in (change.low, change.high))
    if -edge <= low and high <= edge:
        return "same", None
    if p_adjusted > 1 - LEVEL + ROUNDING:
        return "cannot_tell", "neither beyond noise nor within the tolerance"
    if abs(one.effect) <= edge:
        return "cannot_tell", "there is a difference, and it may be within the tolerance"
    return said(change, one.effect, "one reading on each side" if one.error is None else None)
