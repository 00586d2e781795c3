"""Models against each other, prompt by prompt: what one is better at, how sure that is, and what this run could not have seen.

The unit is the prompt. Its rounds become one value per model (of a score the mean, of a time the median, of a speed the ratio of sums), and only
prompts that have a value of both are compared. A load that rises in steps is compared step by step.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from math import exp
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
from msgspec.structs import replace

from bench.protocols import Metric
from bench.records.comparison import ComparisonVerdict, Contender, ModelComparison
from bench.records.spec import Spec
from bench.stats.cluster import Ids
from bench.stats.paired import MCNEMAR, Paired, Tally, fewest, holm, mcnemar, minimum_detectable, sign_flips, tally
from bench.stats.quantile import Floats
from bench.summarize.drift import Wander
from bench.summarize.estimates import tidy
from bench.summarize.rows import Rows
from bench.summarize.table import is_timed

COMPARED = ("quality", "judged", "ttft", "latency", "decode_tps")
MOST_PAIRED = 4  # models of which every pair is compared: six pairs; of more, each is compared with the first
LEVEL = 0.95

Place = tuple[str, str]
"""A model and its variant."""


class _Side(NamedTuple):
    """A model's value for each prompt and step it answered. `keys` rise; the last digit block is the step."""

    keys: Ids
    values: Floats


class Figure(NamedTuple):
    """What is compared, and how. `grader_id`: of a preference, whose it is."""

    metric: str
    unit: str
    better: Literal["lower", "higher"]
    effect: Literal["difference", "ratio"]
    grader_id: str | None = None


class Pair(NamedTuple):
    """One value per prompt: the effect (a difference, or the logarithm of a ratio), and the difference in the metric's unit."""

    effects: Floats
    differences: Floats
    left_out: int
    is_binary: bool


def compare(
    spec: Spec, cells: Iterable[tuple[Place, Rows]], metrics: Mapping[str, Metric], transports: Mapping[Any, str] = MappingProxyType({})
) -> Iterator[ModelComparison]:
    """Every figure of every pair, in the order of the figures and the cells. `cells`: each one's measured rows, in the order of the spec.

    Times and speeds are compared only where the answers came in the same way (`transports`).
    """
    asked = [(place, rows) for place, rows in cells if len(rows)]
    if len(asked) < 2:
        return
    known = dict(asked)
    names = [name for name in COMPARED if name in metrics and not (name == "judged" and _says_as_much(asked))]
    for name in names:
        sides = {place: side for place, rows in asked if (side := _side(name, metrics[name], rows)).keys.size}
        ways = {place: transports.get(place, "") if is_timed(metrics[name]) else "" for place in sides}
        alike = [[place for place in sides if ways[place] == way] for way in dict.fromkeys(ways.values())]
        found = _of_figure((name, metrics[name]), sides, (known, alike), spec.seed)
        wander = Wander(name, spec, [rows for _, rows in asked])
        yield from (_beside_drift(one, wander, known) for one in found) if is_timed(metrics[name]) else found


def _beside_drift(one: ModelComparison, wander: Wander, rows: Mapping[Place, Rows]) -> ModelComparison:
    """The comparison without a verdict that the machine alone may have made, where the two were measured one after the other."""
    found = wander.apart(rows[one.a.model_id, one.a.variant_id], rows[one.b.model_id, one.b.variant_id])
    if found is None:
        return one
    is_hidden = one.verdict in {"better", "worse"} and found.hides(one.ratio)
    return replace(one, is_apart=True, drift=found.drift, verdict="cannot_tell" if is_hidden else one.verdict)


def _says_as_much(asked: Sequence[tuple[Place, Rows]]) -> bool:
    """Whether the judge's scores are the answers' scores, so that comparing them again says nothing."""
    return all(np.array_equal(rows.values("judged"), rows.values("quality"), equal_nan=True) for _, rows in asked)


def pairs(places: Sequence[Place]) -> list[tuple[Place, Place]]:
    """Who is compared with whom: (a, b) with b first in the spec. Up to four models all pairs, of more each with the first."""
    if len(places) <= MOST_PAIRED:
        return [(a, b) for b, a in combinations(places, 2)]
    return [(a, places[0]) for a in places[1:]]


def _of_figure(
    named: tuple[str, Metric], sides: Mapping[Place, _Side], known: tuple[Mapping[Place, Rows], Sequence[Sequence[Place]]], seed: int
) -> Iterator[ModelComparison]:
    """All pairs of one metric among those that are alike."""
    (name, metric), (rows, alike) = named, known
    better: Literal["lower", "higher"] = "lower" if metric.better == "lower" else "higher"
    figure = Figure(name, metric.unit, better, "difference" if metric.unit == "score" else "ratio")
    yield from of_family(figure, [(a, b, _paired(sides[a], sides[b], rows[a], figure.effect)) for some in alike for a, b in pairs(some)], seed)


def of_family(figure: Figure, family: Sequence[tuple[Place, Place, Pair]], seed: int) -> Iterator[ModelComparison]:
    """All pairs of one figure: the family whose p values are adjusted together."""
    tested = [_tested(pair, seed) if pair.effects.size else None for _, _, pair in family]
    adjusted = iter(holm([found.p for found in tested if found is not None]))
    n_tests = sum(found is not None for found in tested)
    for (a, b, pair), found in zip(family, tested, strict=True):
        base = ModelComparison(
            metric=figure.metric,
            unit=figure.unit,
            better=figure.better,
            a=Contender(model_id=a[0], variant_id=a[1]),
            b=Contender(model_id=b[0], variant_id=b[1]),
            effect=figure.effect,
            grader_id=figure.grader_id,
            n_prompts=pair.effects.size,
            left_out=pair.left_out,
            needed=fewest(max(1, n_tests), LEVEL),
        )
        yield base if found is None else _told(base, pair, found, (next(adjusted), n_tests))


def _told(base: ModelComparison, pair: Pair, found: Paired, of: tuple[float, int]) -> ModelComparison:
    """The comparison with what the test found. `of`: the adjusted p, and how many tests it is adjusted for."""
    p_holm, n_tests = of
    counted = tally(pair.effects)
    sign = 1 if base.better == "higher" else -1
    is_ratio = base.effect == "ratio"
    detectable = minimum_detectable(found.spread, found.n, (1 - LEVEL) / n_tests) if found.n >= base.needed else None
    low, high = (_back(bound, is_ratio=is_ratio) for bound in (found.low, found.high))
    is_whole = low is not None and high is not None
    return replace(
        base,
        difference=tidy(float(pair.differences.mean())),
        ratio=_back(found.mean, is_ratio=True) if is_ratio else None,
        low=low if is_whole else None,
        high=high if is_whole else None,
        p=tidy(found.p),
        p_holm=tidy(p_holm),
        mde=_back(detectable, is_ratio=is_ratio),
        method=found.method,
        verdict=_verdict(base, found, p_holm, counted),
        wins=counted.higher if sign > 0 else counted.lower,
        ties=counted.ties,
        losses=counted.lower if sign > 0 else counted.higher,
    )


def _verdict(base: ModelComparison, found: Paired, p_holm: float, counted: Tally) -> ComparisonVerdict:
    if found.n >= base.needed and counted.ties == found.n:
        return "same" if base.grader_id is None else "cannot_tell"  # a judge that prefers neither does not say that they are equal
    if p_holm > 1 - LEVEL + 1e-12:
        return "cannot_tell"
    return "better" if (found.mean > 0) == (base.better == "higher") else "worse"


def _back(value: float | None, *, is_ratio: bool) -> float | None:
    """An effect as it is told: of a ratio not the logarithm."""
    return None if value is None else tidy(exp(value) if is_ratio else value)


def _tested(pair: Pair, seed: int) -> Paired:
    found = sign_flips(pair.effects, np.random.default_rng(seed), LEVEL)
    if not pair.is_binary:
        return found
    counted = tally(pair.effects)
    return found._replace(p=mcnemar(counted.higher, counted.lower), method=MCNEMAR)


def _side(name: str, metric: Metric, rows: Rows) -> _Side:
    """One value for each prompt and step, in the order of the prompts' names, so that the order of the lines changes nothing."""
    values = rows.values(name)
    has_value = ~np.isnan(values[:, 0])
    if metric.unit == "s" or metric.unit.endswith("/s"):
        has_value &= ~rows.is_first
    if metric.unit != "score":
        has_value &= (values > 0).all(axis=1)
    steps = rows.codes("step").astype(np.intp)[has_value]
    keys, members = np.unique(_ranks(rows)[has_value] * _STEPS + steps, return_inverse=True)
    return _Side(keys, of_rounds(metric, values[has_value], members, keys.size))


_STEPS = 1 << 20  # more than any load has


def _ranks(rows: Rows) -> Ids:
    """Each row's prompt, numbered in the alphabetical order of all prompts."""
    words = rows.words("prompt")
    ranks = np.empty(len(words), dtype=np.intp)
    ranks[sorted(range(len(words)), key=words.__getitem__)] = np.arange(len(words))
    return np.asarray(ranks[rows.codes("prompt")])


def of_rounds(metric: Metric, values: Floats, members: Ids, n: int) -> Floats:
    """The values of the rounds as one: of a ratio that of the sums, of a time the median, else the mean. Shape: `values: float64[rows, 1 or 2]`."""
    if values.shape[1] > 1:
        numerators, denominators = (np.bincount(members, weights=column, minlength=n) for column in values.T)
        return np.asarray(numerators / denominators)
    if metric.aggregate != "quantiles":
        return np.asarray(np.bincount(members, weights=values[:, 0], minlength=n) / np.bincount(members, minlength=n))
    ordered = values[np.lexsort((values[:, 0], members)), 0]
    counts = np.bincount(members, minlength=n)
    starts = np.cumsum(counts) - counts
    return np.asarray((ordered[starts + (counts - 1) // 2] + ordered[starts + counts // 2]) / 2)


def _paired(a: _Side, b: _Side, rows: Rows, effect: Literal["difference", "ratio"]) -> Pair:
    """What both have, prompt by prompt; steps of one prompt are averaged."""
    keys, in_a, in_b = np.intersect1d(a.keys, b.keys, assume_unique=True, return_indices=True)
    first, second = a.values[in_a], b.values[in_b]
    prompts, members = np.unique(keys // _STEPS, return_inverse=True)
    n = np.bincount(members)
    differences = np.bincount(members, weights=first - second) / n if n.size else np.empty(0)
    effects = np.bincount(members, weights=np.log(first / second)) / n if n.size and effect == "ratio" else differences
    either = np.union1d(a.keys // _STEPS, b.keys // _STEPS).size
    both = np.concatenate((first, second))
    is_single = bool(n.size) and int(n.max()) == 1 and np.unique(rows.codes("round")).size == 1
    is_binary = effect == "difference" and is_single and bool(np.isin(both, (0.0, 1.0)).all())
    return Pair(np.asarray(effects), np.asarray(differences), either - prompts.size, is_binary)
