"""How much worse a model has become than a baseline of it: of times, speeds and sizes as a share of the baseline, of scores and shares in points."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bench.gate.decide import Figure
from bench.gate.figures import Cell, Doubt, Found
from bench.records.baseline import Baseline, Contestant, Measure
from bench.records.compare import OF_ERRORS, OF_TIMES, Change, Pusher, RunComparison
from bench.records.gate import GateOutcome
from bench.records.spec import GateSpec
from bench.stats.mover import Bounded, difference_interval
from bench.stats.paired import sign_flips
from bench.stats.wilson import wilson_interval

_FACTS = {"rss_bytes", "gpu_bytes", "disk_bytes", "load_s"}
_RATES = {"output_tps", "request_rate", "goodput"}
_ERROR_RATE = "error_rate"
_READING = "one reading on each side"  # what the comparison calls a figure without noise
_NAMES = {"score": "quality"}
_DIGITS = 9  # 1.1 − 1 is a little more than 0.1, and is no breach of 10 %
_OF_CLOCKS = {"client", "other work on the machine"}  # what the comparison calls a client that could not keep up, and others than the model at work
_PUSHERS: dict[Pusher, str] = {"contention": "other work on the machine", "client": "a client that could not keep up"}


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
    found = against.found
    change = next((each for each in found.levels if (each.metric, each.statistic, each.model_id, each.variant_id) == (*_named(gate), *cell)), None)
    if change is not None:
        return _beside(_of_all(change, found, head), change)
    name = _NAMES.get(gate.metric, gate.metric)
    measure = against.head.metrics.get(name) if name in against.base.metrics else None
    if measure is None:
        return _nothing("a baseline does not hold this figure")
    return _of_metric((name, measure), head, found)


def _named(gate: GateSpec) -> tuple[str, str]:
    """Metric and statistic as the comparison names a figure over all answers."""
    return _NAMES.get(gate.metric, gate.metric), gate.at or ("rate" if gate.metric in _RATES else "value")


def _of_metric(named: tuple[str, Measure], head: Contestant, found: RunComparison) -> Found:
    name, measure = named
    mine = (change for change in found.changes if (change.metric, change.model_id, change.variant_id) == (name, head.model_id, head.variant_id))
    change = next(mine, None)
    if (is_compared_by_ratio(measure) or name == _ERROR_RATE) and (veto := _veto(found, name, (head, change))) is not None:
        return veto
    if change is None:
        return _nothing("no prompt was asked and graded alike in both")
    return _beside(_paired(change), change)


def _beside(found: Found, change: Change) -> Found:
    """With what both sides were, and what pushed one of them."""
    sides = None if change.base is None or change.head is None or found.figure.value is None else (change.base, change.head)
    return found._replace(doubt=_doubt(change), sides=sides, sides_unit=change.unit, is_points=change.effect == "difference")


def _doubt(change: Change) -> Doubt | None:
    """What leaves one outcome open: something in one of the runs makes this one look better, or worse, than it is."""
    if change.pushed is None:
        return None
    outcome: GateOutcome = "fail" if change.pushed == "worse" else "pass"
    told = " and ".join(_PUSHERS[each] for each in change.pushed_by)
    where = "this run" if change.pushed_in == "head" else "the baseline's run"
    proof = "no proof of a breach" if outcome == "fail" else "no proof that it holds"
    return Doubt(outcome, change.pushed_by[0], f"{told} in {where} may make this one look {change.pushed} than it is: {proof}")


def _of_all(change: Change, found: RunComparison, head: Contestant) -> Found:
    """A percentile, a rate, a fact or a cost. How much a load time varies a single load does not say."""
    is_limited = change.unit == "s" or change.unit.endswith("/s") or change.metric in _FACTS or change.metric == _ERROR_RATE
    if is_limited and (veto := _veto(found, change.metric, (head, change))) is not None:
        return veto
    if change.ratio is None:
        return _nothing(change.reason or "a baseline does not hold this figure")
    n = sum(each.n for each in head.answers)
    value, low, high = (_worse(bound, is_ratio=True, is_less_better=change.better == "lower") for bound in (change.ratio, change.low, change.high))
    if change.better == "higher":
        low, high = high, low
    if change.metric == "load_s":
        return Found(Figure(value, None, None, "one load on each side"), "share", None, 1, measured="s")
    if change.low is not None and change.low == change.high == change.ratio and change.method == _READING:
        if change.verdict == "cannot_tell" and change.pushed is None:
            return _nothing(change.reason or "it cannot be compared")
        return Found(Figure(value, low, high), "share", None, 1, is_reading=True)
    why = change.reason if low is None or high is None else None
    return Found(Figure(value, low, high, why), "share", change.statistic, n, measured=change.unit)


def is_compared_by_ratio(measure: Measure) -> bool:
    """Times and speeds are; scores and shares by their difference."""
    return measure.unit == "s" or measure.unit.endswith("/s")


def _nothing(reason: str) -> Found:
    return Found(Figure(None, None, None), "share", reason=reason, is_incomparable=True)


def _contestant(run: Baseline, cell: Cell) -> Contestant | None:
    return next((each for each in run.models if (each.model_id, each.variant_id) == cell and each.answers), None)


def _veto(found: RunComparison, metric: str, of: tuple[Contestant, Change | None]) -> Found | None:
    """What forbids to compare times, speeds, memory and the error rate: another machine, load or timeout, or what may push them either way."""
    head, change = of
    limits = OF_ERRORS if metric == _ERROR_RATE else ("speed",) if metric in _FACTS else OF_TIMES
    is_pushed = metric in _FACTS or (change is not None and change.pushed is not None)  # a client's delay is no server's memory
    told = [
        f"{each.what} ({each.base} → {each.head})"
        for each in found.unlike
        if each.limits in limits
        and not (is_pushed and each.what in _OF_CLOCKS)
        and each.model_id in {None, head.model_id}
        and each.variant_id in {None, head.variant_id}
    ]
    return _nothing(f"it was measured otherwise: {'; '.join(told[:3])}") if told and metric != "disk_bytes" else None


def _paired(change: Change) -> Found:
    """From the comparison, prompt by prompt."""
    effect, unit = (change.ratio, change.unit) if change.effect == "ratio" else (change.difference, change.unit)
    value, low, high = (
        _worse(bound, is_ratio=change.effect == "ratio", is_less_better=change.better == "lower") for bound in (effect, change.low, change.high)
    )
    low, high = (high, low) if change.better == "higher" else (low, high)
    why = f"{change.n_prompts} prompts of both, fewer than such an interval takes" if low is None or high is None else None
    return Found(Figure(value, low, high, why), "share", None, change.n_prompts, measured=unit, prompts=change.n_prompts)


def _worse(effect: float | None, *, is_ratio: bool, is_less_better: bool) -> float | None:
    if effect is None:
        return None
    change = round(effect - 1 if is_ratio else effect, _DIGITS)
    return change if is_less_better else -change


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
        return Found(Figure(*told), "share", "share", n, sides=(met / of, now / of_now), sides_unit="share", is_points=True)
    found = sign_flips(lost, np.random.default_rng(runs[1].seed))
    why = f"{len(pairs)} prompts, fewer than such an interval takes" if found.low is None or found.high is None else None
    base, head = (float(np.mean([met / of for met, of in each])) for each in zip(*pairs, strict=True))
    figure = Figure(found.mean, found.low, found.high, why)
    return Found(figure, "share", "share", n, sides=(base, head), sides_unit="share", is_points=True, prompts=len(pairs))


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
