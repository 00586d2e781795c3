"""A random, stratified, blind sample of a run's answers.

Strata are the models (with their variants); within each the same prompts are drawn, so that differences between models can be corrected by the
labels as well as their means. The draw is the beginning of one fixed order: a larger sample holds the smaller one, whoever asks first. An answer that
several trials gave word for word is shown once.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

from msgspec.structs import replace

from bench.annotate.items import item, item_id
from bench.records.annotation import AnnotationItem
from bench.records.observation import Observation
from bench.records.spec import Spec

Answers = Callable[[], Iterable[Observation]]


class _Place(NamedTuple):
    """Where an answer stands in the order: prompts at random, the models' answers to one prompt together (its task is read once), at random too."""

    prompt: bytes
    answer: bytes
    trial_id: str


def draw(spec: Spec, answers: Answers, n: int, *, seed: int, only: frozenset[str] = frozenset()) -> tuple[AnnotationItem, ...]:
    """At most `n` items, prompt by prompt. `answers()` gives all decided trials, and is read twice; only the chosen ones are held.

    `only`: take exactly these items instead of chance, in the same order; they are marked `chosen`.
    """
    prompts = {prompt.id: prompt for prompt in spec.prompts}
    rubrics = {rubric.id: rubric for rubric in spec.rubrics}
    known = (seen for seen in answers() if seen.trial.prompt_id in prompts)
    chosen = _named(known, only, seed) if only else _at_random(known, n, seed)
    texts = {seen.trial.id: (seen.trial.prompt_id, seen.completion.text) for seen in answers() if seen.trial.id in chosen and seen.completion}
    found: dict[str, AnnotationItem] = {}
    for place in sorted(chosen.values()):
        prompt_id, text = texts[place.trial_id]
        prompt = prompts[prompt_id]
        made = item(prompt, rubrics.get(prompt.rubric or ""), place.trial_id, text)
        found.setdefault(made.item_id, replace(made, drawn="chosen") if only else made)
    return tuple(found.values())


def _at_random(answers: Iterable[Observation], n: int, seed: int) -> dict[str, _Place]:
    """Of every model and prompt one answer, of a round by chance; then whole prompts, until there are `n` different answers."""
    best: dict[tuple[str, str, str], tuple[bytes, _Place, str]] = {}
    for seen in answers:
        if seen.completion is None or seen.trial.is_warmup:
            continue
        trial = seen.trial
        rank = _chance(seed, "round", trial.id)
        key = (trial.prompt_id, trial.model_id, trial.variant_id)
        if key not in best or rank < best[key][0]:
            place = _Place(_chance(seed, "prompt", trial.prompt_id), _chance(seed, "answer", trial.id), trial.id)
            best[key] = (rank, place, item_id(trial.prompt_id, seen.completion.text))
    different: set[str] = set()
    chosen = {}
    for _, place, name in sorted(best.values(), key=lambda each: each[1]):
        if len(different | {name}) > n:
            break
        different.add(name)
        chosen[place.trial_id] = place
    return chosen


def _named(answers: Iterable[Observation], only: frozenset[str], seed: int) -> dict[str, _Place]:
    chosen: dict[str, _Place] = {}
    left = set(only)
    for seen in answers:
        if seen.completion is not None and not seen.trial.is_warmup and (name := item_id(seen.trial.prompt_id, seen.completion.text)) in left:
            left.discard(name)
            chosen[seen.trial.id] = _Place(_chance(seed, "prompt", seen.trial.prompt_id), _chance(seed, "answer", seen.trial.id), seen.trial.id)
    return chosen


def _chance(seed: int, *words: str) -> bytes:
    """A number by lot that depends on nothing but its words: the order does not change when answers come or go."""
    return hashlib.sha256("\0".join((str(seed), *words)).encode("utf-8", "backslashreplace")).digest()[:12]
