"""What two runs have in common: the prompts that the same models were asked in the same words, and what takes no part."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bench.errors import NotComparable
from bench.records.baseline import Answered, Baseline, Contestant
from bench.records.compare import Narrowed

Name = tuple[str, str]
"""A model and its variant."""

_EXAMPLES = 5


class Aligned(NamedTuple):
    """A model of both runs, with its answers that belong together, in the order of their prompts."""

    base: Contestant
    head: Contestant
    pairs: tuple[tuple[Answered, Answered], ...]

    @property
    def name(self) -> Name:
        """Model and variant."""
        return self.base.model_id, self.base.variant_id


def align(base: Baseline, head: Baseline, *, across_requests: bool = False) -> tuple[tuple[Aligned, ...], tuple[Narrowed, ...]]:
    """Pair by model, variant, prompt, step and what was sent. `across_requests`: also what was sent in other words.

    Raises: NotComparable with the reason when nothing belongs together.
    """
    of_base, of_head = _named(base), _named(head)
    both = [name for name in of_base if name in of_head]
    found = tuple(_paired(of_base[name], of_head[name], across_requests=across_requests) for name in both)
    narrowed = (*_models(of_base, of_head), *_prompts([(of_base[name], of_head[name]) for name in both], across_requests=across_requests))
    kept = tuple(one for one in found if one.pairs)
    if not kept:
        raise _refusal(base, head, narrowed, has_models=bool(both))
    return kept, narrowed


def _named(run: Baseline) -> dict[Name, Contestant]:
    return {(each.model_id, each.variant_id): each for each in run.models if each.answers}


def _keys(contestant: Contestant) -> dict[tuple[str, int], Answered]:
    return {(each.prompt_id, each.step or 0): each for each in contestant.answers}


def _paired(base: Contestant, head: Contestant, *, across_requests: bool) -> Aligned:
    first, second = _keys(base), _keys(head)
    pairs = ((first[key], second[key]) for key in sorted(first.keys() & second.keys()))
    return Aligned(base, head, tuple((a, b) for a, b in pairs if across_requests or a.request == b.request))


def _models(base: dict[Name, Contestant], head: dict[Name, Contestant]) -> Iterator[Narrowed]:
    of = len(base.keys() | head.keys())
    for only, reason in ((base.keys() - head.keys(), "only in base"), (head.keys() - base.keys(), "only in head")):
        if only:
            examples = tuple(f"{model} [{variant}]" for model, variant in sorted(only)[:_EXAMPLES])
            yield Narrowed(what="models", count=len(only), of=of, reason=reason, examples=examples)


def _prompts(both: Sequence[tuple[Contestant, Contestant]], *, across_requests: bool) -> Iterator[Narrowed]:
    """Prompts of models that both have, counted for each model."""
    only_base, only_head, other = [], [], []
    of = 0
    for base, head in both:
        first = {each.prompt_id: each.request for each in base.answers}
        second = {each.prompt_id: each.request for each in head.answers}
        of += len(first.keys() | second.keys())
        only_base += sorted(first.keys() - second.keys())
        only_head += sorted(second.keys() - first.keys())
        other += sorted(prompt for prompt in first.keys() & second.keys() if first[prompt] != second[prompt])
    reasons = [(only_base, "only in base"), (only_head, "only in head")]
    if not across_requests:
        reasons.append((other, "asked in other words or with other settings"))
    for which, reason in reasons:
        if which:
            yield Narrowed(what="prompts", count=len(which), of=of, reason=reason, examples=tuple(dict.fromkeys(which))[:_EXAMPLES])


def _refusal(base: Baseline, head: Baseline, narrowed: Sequence[Narrowed], *, has_models: bool) -> NotComparable:
    if not any(each.answers for run in (base, head) for each in run.models):
        return NotComparable("neither run has an answer", hint="`bench report RUN` says why")
    if not has_models:
        sides = " and ".join(f"{_list(run)} in {which}" for run, which in ((base, "base"), (head, "head")))
        return NotComparable(
            f"no model was asked in the same variant by both: {sides}", hint="compare runs of one spec, or of specs that share a model"
        )
    reasons = "; ".join(f"{each.count} of {each.of} {each.reason} ({', '.join(each.examples)})" for each in narrowed if each.what == "prompts")
    is_reworded = any("other words" in each.reason for each in narrowed)
    hint = "--across-requests compares prompts by their ids all the same" if is_reworded else "compare runs of one spec, or that share prompts"
    return NotComparable(f"no prompt was asked in the same words by both: {reasons}", hint=hint)


def _list(run: Baseline) -> str:
    names = [f"{model} [{variant}]" for model, variant in _named(run)]
    more = f" and {len(names) - _EXAMPLES} more" if len(names) > _EXAMPLES else ""
    return (", ".join(names[:_EXAMPLES]) or "none") + more
