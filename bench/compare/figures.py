"""Every figure of every model, head against base, prompt by prompt.

The unit is the prompt, as in the comparison of models: its rounds are one value on each side. All figures of a comparison are one family, and
all aspects another; each gets half of the error where there are both. So of runs that are alike at most 5 % of all comparisons say anything else,
however many figures there are.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import exp, log, log1p, sqrt
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from bench.compare.align import Aligned
from bench.compare.likeness import served_otherwise
from bench.compare.tolerance import is_ratio
from bench.compare.vetoes import Push, Vetoes, allowed, marked
from bench.records.baseline import Measure
from bench.records.compare import Change
from bench.records.comparison import ComparisonVerdict
from bench.stats.distributions import normal_quantile
from bench.stats.hodges_lehmann import hodges_lehmann
from bench.stats.paired import MCNEMAR, Paired, fewest, holm, mcnemar, minimum_detectable, sign_flips, tally
from bench.stats.quantile import Floats

LEVEL = 0.95
_LEAST = fewest(1, LEVEL)
ROUNDING = 1e-9
POWER = 0.8


class Figure(NamedTuple):
    """What is compared, of which model: one value per prompt on each side. `veto`: why some verdicts are not given whatever the numbers say."""

    metric: str
    measure: Measure
    model: tuple[str, str]
    base: Floats
    head: Floats
    effects: Floats
    is_binary: bool
    tolerance: float
    aspect_id: str | None = None
    veto: Push | None = None
    remark: str | None = None
    p: float | None = None  # where it is known otherwise than from the effects

    @property
    def is_ratio(self) -> bool:
        """Whether the effects are logarithms of ratios."""
        return self.aspect_id is None and is_ratio(self.measure)


def figures(metric: str, measure: Measure, aligned: Iterable[Aligned], more: tuple[frozenset[str], float, Vetoes]) -> Iterator[Figure]:
    """One metric of every model. `more`: prompts whose values do not compare, the tolerance, and what forbids verdicts."""
    left_out, tolerance, vetoes = more
    for one in aligned:
        by_prompt: dict[str, list[tuple[float, float]]] = {}
        is_single = True
        for a, b in one.pairs:
            if a.prompt_id in left_out or metric not in a.values or metric not in b.values:
                continue
            (first, n_first), (second, n_second) = a.values[metric], b.values[metric]
            if not is_ratio(measure) or min(first, second) > 0:
                by_prompt.setdefault(a.prompt_id, []).append((first, second))
                is_single = is_single and n_first == n_second == 1
        base, head, effects = _of_prompts(list(by_prompt.values()), ratio=is_ratio(measure))
        is_binary = is_single and not is_ratio(measure) and bool(np.isin(np.concatenate((base, head)), (0.0, 1.0)).all())
        yield Figure(metric, measure, one.name, base, head, effects, is_binary, tolerance, veto=vetoes.on(metric, measure, one), remark=_remark(one))


def _of_prompts(values: Sequence[Sequence[tuple[float, float]]], *, ratio: bool) -> tuple[Floats, Floats, Floats]:
    """Steps of one prompt averaged; of ratios geometrically."""
    told = [np.log(np.array(each)) if ratio else np.array(each) for each in values]
    means = np.array([each.mean(axis=0) for each in told]).reshape(-1, 2)
    effects = means[:, 1] - means[:, 0]
    return *(np.exp(means.T) if ratio else means.T), effects


def _remark(one: Aligned) -> str | None:
    """What else differs in how a model was served: a verdict speaks of that, too."""
    told = [f"{what} {first} → {second}" for what, first, second in served_otherwise(one.base, one.head) if what != "serving settings"]
    return f"served otherwise: {'; '.join(told)}" if told else None


def told(family: Sequence[Figure], seed: int, families: int) -> tuple[Change, ...]:
    """The family with its verdicts. `families`: how many share the error of this comparison."""
    tested = [_tested(figure, seed) for figure in family]
    asked = [place for place, (figure, found) in enumerate(zip(family, tested, strict=True)) if _counts(figure, found)]
    ps = [_p(family[place], tested[place]) for place in asked]
    adjusted = dict(zip(asked, (min(1.0, p * families) for p in holm(ps)), strict=True))
    n_tests = families * max(1, len(asked))
    return tuple(_change(figure, found, adjusted.get(place), n_tests) for place, (figure, found) in enumerate(zip(family, tested, strict=True)))


def _counts(figure: Figure, found: Paired | None) -> bool:
    """Whether a figure could have a verdict, whatever its values are: only such are adjusted for."""
    return (figure.veto is None or figure.veto.way != "any") and (figure.p is not None or (found is not None and found.n >= _LEAST))


def _p(figure: Figure, found: Paired | None) -> float:
    return figure.p if figure.p is not None else found.p if found is not None else 1.0


def _tested(figure: Figure, seed: int) -> Paired | None:
    if not figure.effects.size:
        return None
    found = sign_flips(figure.effects, np.random.default_rng(seed), LEVEL)
    if not figure.is_binary:
        return found
    counted = tally(figure.effects)
    return found._replace(p=mcnemar(counted.higher, counted.lower), method=MCNEMAR)


def _change(figure: Figure, found: Paired | None, p_adjusted: float | None, n_tests: int) -> Change:
    empty = Change(
        metric=figure.metric,
        unit=figure.measure.unit,
        better=figure.measure.better,
        model_id=figure.model[0],
        variant_id=figure.model[1],
        aspect_id=figure.aspect_id,
        effect="ratio" if figure.is_ratio else "difference",
        n_prompts=figure.effects.size,
        needed=1 if figure.p is not None else fewest(n_tests, LEVEL),
        tolerance=figure.tolerance,
        reason=figure.veto.words if figure.veto else "no prompt with a value of both",
    )
    return empty if found is None else marked(_measured(empty, figure, found, (p_adjusted, n_tests)), figure.veto)


def _measured(empty: Change, figure: Figure, found: Paired, of: tuple[float | None, int]) -> Change:
    p_adjusted, n_tests = of
    counted, typical = tally(figure.effects), hodges_lehmann(figure.effects, LEVEL) if figure.p is None else None
    back = _ratio if figure.is_ratio else six
    base, head = (float(np.exp(np.log(side).mean()) if figure.is_ratio else side.mean()) for side in (figure.base, figure.head))
    is_whole = found.low is not None and found.high is not None and figure.p is None
    up, down = (counted.lower, counted.higher) if empty.better == "lower" else (counted.higher, counted.lower)
    verdict, reason = allowed(figure.veto, *_verdict(empty, figure, found, p_adjusted))
    return replace(
        empty,
        base=six(base),
        head=six(head),
        difference=six(head - base),
        ratio=_ratio(found.mean) if figure.is_ratio else None,
        low=back(found.low) if is_whole else None,
        high=back(found.high) if is_whole else None,
        typical=None if typical is None else back(typical.value),
        typical_low=None if typical is None else back(typical.low),
        typical_high=None if typical is None else back(typical.high),
        p=six(_p(figure, found)),
        p_adjusted=six(p_adjusted),
        wins=up,
        ties=counted.ties,
        losses=down,
        mde=back(_detectable(figure, found, n_tests)) if found.n >= empty.needed and figure.p is None else None,
        method="Fisher, exact, over the rounds of this prompt" if figure.p is not None else found.method,
        verdict=verdict,
        reason=reason,
    )


def _edge(figure: Figure) -> float:
    """The tolerance on the scale of the effects."""
    return edge_of(figure.tolerance) if figure.is_ratio else figure.tolerance


def edge_of(tolerance: float) -> float:
    """The tolerance of a ratio on the scale of logarithms."""
    return log1p(tolerance)


def _verdict(empty: Change, figure: Figure, found: Paired, p_adjusted: float | None) -> tuple[ComparisonVerdict, str | None]:
    """What may be said, and why no more, or what else must be known with it."""
    if found.n < empty.needed and figure.p is None:
        return "cannot_tell", f"too few prompts: {found.n} of {empty.needed}"
    edge = _edge(figure) + ROUNDING
    if figure.p is None and found.low is not None and found.high is not None and -edge <= found.low and found.high <= edge:
        return "same", figure.remark
    if p_adjusted is None or p_adjusted > 1 - LEVEL + ROUNDING:
        return "cannot_tell", "neither beyond noise nor within the tolerance"
    if abs(found.mean) <= edge:
        return "cannot_tell", "there is a difference, and it may be within the tolerance"
    return said(empty, found.mean, figure.remark)


def said(empty: Change, effect: float, remark: str | None) -> tuple[ComparisonVerdict, str | None]:
    """What a difference that is there means."""
    if empty.better == "neither":
        return "cannot_tell", f"there is {'more' if effect > 0 else 'less'} of it, which is neither better nor worse"
    return ("better" if (effect > 0) == (empty.better == "higher") else "worse"), remark


def _detectable(figure: Figure, found: Paired, n_tests: int) -> float | None:
    """The effect that is found in four of five cases: it must show beyond chance, and beyond the tolerance."""
    shown = minimum_detectable(found.spread, found.n, (1 - LEVEL) / n_tests, POWER)
    return None if shown is None else max(shown, _edge(figure) + normal_quantile(POWER) * found.spread / sqrt(found.n))


def _ratio(value: float | None) -> float | None:
    return None if value is None else six(exp(value))


def six(value: float | None) -> float | None:
    """Six significant digits, as baselines have."""
    return None if value is None else float(f"{value:.6g}") if value and log(abs(value)) > -30 else 0.0
