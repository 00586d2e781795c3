"""How much worse a model has become than a baseline of it: of times, speeds and sizes as a share of the baseline, of scores and shares in points."""

from collections.abc import Iterator
from math import exp, log
from typing import NamedTuple

import numpy as np

from bench.gate.decide import Figure
from bench.gate.figures import Cell, Found
from bench.records.baseline import Baseline, Contestant, Level, Measure
from bench.records.compare import Change, RunComparison
from bench.records.spec import GateSpec
from bench.stats.mover import Bounded, difference_interval
from bench.stats.paired import sign_flips
from bench.stats.wilson import wilson_interval

_FACTS = {"rss_bytes": "rss_peak_bytes", "gpu_bytes": "gpu_bytes", "disk_bytes": "disk_bytes", "load_s": "load_s"}
_NAMES = {"score": "quality"}
_SATURATED = "client"  # what the comparison calls a client that could not keep up


class Against(NamedTuple):
    """A baseline beside the run, and what they say of each other; `reason`: why there is no such thing."""

    base: Baseline | None = None
    head: Baseline | None = None
    found: RunComparison | None = None
    reason: str | None = None


def worse_by(gate: GateSpec, cell: Cell, against: Against) -> Found:
    """How much worse, with its interval; below 0 it is better."""
    if against.base is None or against.head is None or against.found is None:
        return _nothing(against.reason or "there is no baseline")
    sides = tuple(_contestant(side, cell) for side in (against.base, against.head))
    base, head = sides
    if base is None or head is None:
        return _nothing(f"the baseline {'does not have' if base is None else 'alone has'} this model")
    if gate.aspect is not None:
        return _aspect(gate.aspect, (base, head), (against.base, against.head))
    if gate.metric in _FACTS:
        return _veto(against.found, gate.metric) or _fact(gate.metric, base, head)
    name = _NAMES.get(gate.metric, gate.metric)
    measure = against.head.metrics.get(name) if name in against.base.metrics else None
    if measure is None:
        return _nothing("a baseline does not hold this figure")
    return _of_metric(gate, (name, measure), (base, head), against.found)


def _of_metric(gate: GateSpec, named: tuple[str, Measure], sides: tuple[Contestant, Contestant], found: RunComparison) -> Found:
    name, measure = named
    if is_compared_by_ratio(measure) and (veto := _veto(found, name)) is not None:
        return veto
    if gate.at not in {None, "p50" if measure.unit == "s" else "mean"}:
        return _level((name, gate.at or ""), *sides, (measure.unit, measure.better == "lower"))
    head = sides[1]
    mine = (change for change in found.changes if (change.metric, change.model_id, change.variant_id) == (name, head.model_id, head.variant_id))
    change = next(mine, None)
    return _paired(change) if change is not None else _nothing("no prompt was asked and graded alike in both")


def is_compared_by_ratio(measure: Measure) -> bool:
    """Times and speeds are; scores and shares by their difference."""
    return measure.unit == "s" or measure.unit.endswith("/s")


def _nothing(reason: str) -> Found:
    return Found(Figure(None, None, None), "share", reason=reason, is_incomparable=True)


def _contestant(run: Baseline, cell: Cell) -> Contestant | None:
    return next((each for each in run.models if (each.model_id, each.variant_id) == cell and each.answers), None)


def _veto(found: RunComparison, metric: str) -> Found | None:
    """What forbids to compare times, speeds and memory: another machine, another load. A client's delay is no part of a server's memory."""
    is_fact = metric in _FACTS
    told = [
        f"{each.what} ({each.base} → {each.head})" for each in found.unlike if each.limits == "speed" and not (is_fact and each.what == _SATURATED)
    ]
    return _nothing(f"it was measured otherwise: {'; '.join(told[:3])}") if told and metric != "disk_bytes" else None


def _paired(change: Change) -> Found:
    """From the comparison, prompt by prompt."""
    effect, unit = (change.ratio, change.unit) if change.effect == "ratio" else (change.difference, change.unit)
    value, low, high = (_worse(bound, change.effect == "ratio", change.better == "lower") for bound in (effect, change.low, change.high))
    low, high = (high, low) if change.better == "higher" else (low, high)
    why = f"{change.n_prompts} prompts of both, fewer than such an interval takes" if low is None or high is None else None
    return Found(Figure(value, low, high, why), "share", None, change.n_prompts, measured=unit)


def _worse(effect: float | None, is_ratio: bool, is_less_better: bool) -> float | None:
    if effect is None:
        return None
    change = effect - 1 if is_ratio else effect
    return change if is_less_better else -change


def _fact(metric: str, base: Contestant, head: Contestant) -> Found:
    """Sizes are readings; how much a load time varies a single load does not say."""
    name = _FACTS[metric]
    if not base.facts.get(name) or name not in head.facts:
        return _nothing("a baseline does not hold this figure")
    share = head.facts[name] / base.facts[name] - 1
    if metric == "load_s":
        return Found(Figure(share, None, None, "one load on each side"), "share", None, 1, measured="s")
    return Found(Figure(share, share, share), "share", None, 1, is_reading=True)


def _level(which: tuple[str, str], base: Contestant, head: Contestant, kind: tuple[str, bool]) -> Found:
    """A percentile of all answers: the two runs are taken as independent of each other."""
    unit, is_less_better = kind
    found = [next((level for level in side.levels if (level.metric, level.statistic) == which), None) for side in (base, head)]
    first, second = found
    if first is None or second is None or first.value <= 0 or second.value <= 0:
        return _nothing(f"a baseline does not hold the {which[1]} of it")
    share = second.value / first.value - 1
    bounds = [_logs(level) for level in (first, second)]
    if bounds[0] is None or bounds[1] is None:
        return Found(Figure(share if is_less_better else -share, None, None, "one of the two has none"), "share", which[1], second.n, measured=unit)
    told = difference_interval(bounds[1], bounds[0])
    low, high = exp(told.low) - 1, exp(told.high) - 1
    figure = Figure(share, low, high) if is_less_better else Figure(-share, -high, -low)
    return Found(figure, "share", which[1], second.n, measured=unit)


def _logs(level: Level) -> Bounded | None:
    if level.low is None or level.high is None or level.low <= 0:
        return None
    return Bounded(log(level.value), log(level.low), log(level.high))


def _aspect(aspect: str, sides: tuple[Contestant, Contestant], runs: tuple[Baseline, Baseline]) -> Found:
    """How much more seldom an aspect is met: prompt by prompt, or of a single prompt answer by answer."""
    pairs = list(_met(aspect, sides, runs))
    if not pairs:
        return _nothing("no prompt with this aspect was asked and graded alike in both")
    lost = np.array([met / of - now / of_now for (met, of), (now, of_now) in pairs])
    n = sum(of_now for _, (_, of_now) in pairs)
    if len(pairs) == 1:
        (met, of), (now, of_now) = pairs[0]
        told = difference_interval(_share(met, of), _share(now, of_now))
        return Found(Figure(*told), "share", "share", n)
    found = sign_flips(lost, np.random.default_rng(runs[1].seed))
    why = f"{len(pairs)} prompts, fewer than such an interval takes" if found.low is None or found.high is None else None
    return Found(Figure(found.mean, found.low, found.high, why), "share", "share", n)


def _share(met: int, of: int) -> Bounded:
    return Bounded(met / of, *wilson_interval(met / of, of))


def _met(aspect: str, sides: tuple[Contestant, Contestant], runs: tuple[Baseline, Baseline]) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Of each prompt that both asked in the same words and graded alike: how many answers met it, of how many."""
    before = {(each.prompt_id, each.step, each.request): each for each in sides[0].answers}
    for each in sides[1].answers:
        old = before.get((each.prompt_id, each.step, each.request))
        graded = [run.prompts[each.prompt_id].aspects.get(aspect) if each.prompt_id in run.prompts else None for run in runs]
        if old is not None and aspect in old.aspects and aspect in each.aspects and graded[0] == graded[1]:
            yield old.aspects[aspect], each.aspects[aspect]
