"""Aspects, head against base: over the prompts that share one, or over the rounds of the only prompt that has it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from bench.compare.align import Aligned
from bench.compare.figures import Figure
from bench.records.baseline import Baseline, Measure
from bench.records.compare import Narrowed
from bench.stats.fisher import fisher

MEASURE = Measure(unit="share", better="higher")
METRIC = "aspect"
_EXAMPLES = 5

Counted = tuple[int, int]


class _Both(NamedTuple):
    """How many answers met an aspect, of how many: on both sides."""

    base: Counted
    head: Counted


def aspects(base: Baseline, head: Baseline, aligned: Iterable[Aligned], tolerance: float) -> Iterator[Figure]:
    """Every aspect that both graded in the same way."""
    for one in aligned:
        for aspect, found in sorted(_by_aspect(base, head, one).items()):
            sides = np.array([(each.base[0] / each.base[1], each.head[0] / each.head[1]) for each in found])
            is_binary = all(each.base[1] == each.head[1] == 1 for each in found)
            p = fisher(found[0].base, found[0].head) if len(found) == 1 else None
            effects = sides[:, 1] - sides[:, 0]
            yield Figure(METRIC, MEASURE, one.name, sides[:, 0], sides[:, 1], effects, is_binary, tolerance, aspect_id=aspect, p=p)


def _by_aspect(base: Baseline, head: Baseline, one: Aligned) -> Mapping[str, list[_Both]]:
    found: dict[str, list[_Both]] = {}
    for a, b in one.pairs:
        first, second = (run.prompts.get(a.prompt_id) for run in (base, head))
        for aspect in a.aspects.keys() & b.aspects.keys():
            if first is None or second is None or first.aspects.get(aspect) == second.aspects.get(aspect):
                found.setdefault(aspect, []).append(_Both(a.aspects[aspect], b.aspects[aspect]))
    return found


def regraded(base: Baseline, head: Baseline, prompts: frozenset[str]) -> Iterator[Narrowed]:
    """Scores and aspects of prompts that both asked, but that are graded otherwise. `prompts`: those that both asked."""
    graded = [prompt for prompt in sorted(prompts) if prompt in base.prompts and prompt in head.prompts]
    other = [prompt for prompt in graded if base.prompts[prompt].quality != head.prompts[prompt].quality]
    if other:
        reason = "graded by other aspects, another rubric or another judge"
        yield Narrowed(what="scores", count=len(other), of=len(graded), reason=reason, examples=tuple(other[:_EXAMPLES]))
    changed, of = [], 0
    for prompt in graded:
        first, second = base.prompts[prompt].aspects, head.prompts[prompt].aspects
        of += len(first.keys() | second.keys())
        changed += [f"{prompt}: {aspect}" for aspect in sorted(first.keys() | second.keys()) if first.get(aspect) != second.get(aspect)]
    if changed:
        reason = "new, gone, or asking something else"
        yield Narrowed(what="aspects", count=len(changed), of=of, reason=reason, examples=tuple(changed[:_EXAMPLES]))


def unscored(metric: str, base: Baseline, head: Baseline) -> frozenset[str]:
    """Prompts whose scores of a metric do not compare."""
    field = {"quality": "quality", "judged": "judged", "checks_met": "checks"}.get(metric)
    if field is None:
        return frozenset()
    both = base.prompts.keys() & head.prompts.keys()
    return frozenset(prompt for prompt in both if getattr(base.prompts[prompt], field) != getattr(head.prompts[prompt], field))
