"""What a judge preferred, pair by pair: models against each other, prompt by prompt, and the strengths that all pairs together say they have."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from bench.errors import MissingExtension
from bench.records.comparison import Contender, ModelComparison, Strength
from bench.records.estimate import Summary
from bench.records.grade import PairGrade
from bench.records.plan import Plan
from bench.stats.bradley_terry import Wins, strengths
from bench.stats.cluster import BOOTSTRAP
from bench.summarize.comparison import Figure, Pair, Place, of_family, pairs
from bench.summarize.estimates import tidy

PREFERRED = "preferred"
RANKED = 3  # models from which on their strengths say more than the one comparison

_Cells = dict[tuple[Place, Place], dict[str, list[float | None]]]
"""(a, b) -> prompt -> what was preferred in each round: 1 a, −1 b, 0 neither, None: not decided."""


def with_preferences(summary: Summary, given: Iterable[PairGrade], plan: Plan, seed: int) -> Summary:
    """The summary with what judges preferred; the same when nobody was asked. Lines about trials that are not in the plan are left out."""
    lines = list(given)
    if not lines:
        return summary
    whose = _trials(plan, {name for line in lines for name in (line.first_trial_id, line.second_trial_id)})
    places = [(count.model_id, count.variant_id) for count in summary.counts]
    comparisons: list[ModelComparison] = []
    ranked: list[Strength] = []
    notes: list[str] = []
    for grader_id in sorted({line.grader_id for line in lines}):
        cells = _cells((line for line in lines if line.grader_id == grader_id), whose, places)
        comparisons += _comparisons(grader_id, cells, places, seed)
        try:
            ranked += _strengths(grader_id, cells, places, seed)
        except MissingExtension as error:
            notes.append(f"Strengths of models are left out: {error.message}; {error.hint}.")
    return replace(
        summary,
        comparisons=(*summary.comparisons, *comparisons),
        strengths=tuple(ranked),
        notes=(*summary.notes, *dict.fromkeys(notes)),
    )


def _trials(plan: Plan, wanted: set[str]) -> dict[str, tuple[Place, str]]:
    """Trial -> model and variant, and prompt."""
    every = (trial for block in plan.blocks for trial in block.trials)
    return {trial.id: ((trial.model_id, trial.variant_id), trial.prompt_id) for trial in every if trial.id in wanted}


def _cells(lines: Iterable[PairGrade], whose: Mapping[str, tuple[Place, str]], places: Sequence[Place]) -> _Cells:
    """What was preferred of each pair on each prompt. The last line about two trials holds."""
    order = {place: number for number, place in enumerate(places)}
    last = {(line.first_trial_id, line.second_trial_id): line for line in lines}
    found: _Cells = {}
    for (first_id, second_id), line in sorted(last.items()):
        if first_id not in whose or second_id not in whose:
            continue
        (first, prompt_id), (second, _) = whose[first_id], whose[second_id]
        value = None if line.state != "graded" else {"first": 1.0, "second": -1.0, "tie": 0.0, None: None}[line.preferred]
        is_turned = order.get(first, len(order)) < order.get(second, len(order))  # the one that stands first in the spec is b
        a, b = (second, first) if is_turned else (first, second)
        found.setdefault((a, b), {}).setdefault(prompt_id, []).append(-value if value is not None and is_turned else value)
    return found


def _comparisons(grader_id: str, cells: _Cells, places: Sequence[Place], seed: int) -> Iterator[ModelComparison]:
    known = {place for both in cells for place in both}
    chosen = [both for both in pairs([place for place in places if place in known]) if both in cells]
    family = [(*both, _pair(cells[both])) for both in chosen]
    yield from of_family(Figure(PREFERRED, "share", "higher", "difference", grader_id), family, seed)


def _pair(by_prompt: Mapping[str, Sequence[float | None]]) -> Pair:
    """Per prompt the mean of its rounds; a prompt of which no round was decided is left out."""
    means = [float(np.mean(known)) for _, values in sorted(by_prompt.items()) if (known := [value for value in values if value is not None])]
    array = np.array(means)
    return Pair(array, array, len(by_prompt) - len(means), is_binary=False)


def _strengths(grader_id: str, cells: _Cells, places: Sequence[Place], seed: int) -> Iterator[Strength]:
    """Of three models and more. Raises: MissingExtension."""
    known = [place for place in places if any(place in both for both in cells)]
    if len(known) < RANKED:
        return
    wins = _wins(cells, known)
    fitted = strengths(wins, np.random.default_rng(seed))
    for number, (model_id, variant_id) in enumerate(known):
        who, found = Contender(model_id=model_id, variant_id=variant_id), fitted[number] if fitted is not None else None
        yield Strength(
            grader_id=grader_id,
            who=who,
            log_strength=tidy(found.log) if found else None,
            low=tidy(found.interval.low) if found else None,
            high=tidy(found.interval.high) if found else None,
            beats_mean=tidy(found.beats_the_mean) if found else None,
            n_prompts=len(wins),
            method=f"Bradley–Terry, {BOOTSTRAP.replace('clusters', 'prompts')}",
        )


def _wins(cells: _Cells, known: Sequence[Place]) -> Wins:
    """Per prompt how often the row was preferred to the column, each pair counting once; a tie is half for each. Shape: float64[prompts, m, m]."""
    order = {place: number for number, place in enumerate(known)}
    names = sorted({prompt_id for by_prompt in cells.values() for prompt_id in by_prompt})
    wins = np.zeros((len(names), len(known), len(known)))
    for (a, b), by_prompt in cells.items():
        for place, name in enumerate(names):
            if a in order and b in order and (values := [value for value in by_prompt.get(name, ()) if value is not None]):
                share = (1 + float(np.mean(values))) / 2
                wins[place, order[a], order[b]] += share
                wins[place, order[b], order[a]] += 1 - share
    return wins
