"""What there is to judge: a run's answers, each text to a prompt once, however many trials gave it. Part of the program (`pipeline.py`)."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

import msgspec

from bench.digest import digest
from bench.judge.items import items_of
from bench.records.grade import Grade, PairGrade
from bench.records.judging import Candidate, Judgement, PairJudgement
from bench.records.observation import Observation
from bench.records.spec import Prompt, Rubric, Spec

_BY_ASPECT = ("aspects", "panel", "escalate")  # these ask nothing about a prompt of which nothing is expected
Line = Grade | PairGrade
Trials = tuple[str, ...]
"""The trials that a line is about: one, or the first and the second of a pair."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, or a pair of answers, with all trials that gave it. `digest` is the answers'."""

    candidates: tuple[Candidate, ...]
    trials: tuple[Trials, ...]
    digest: str

    @property
    def is_alike(self) -> bool:
        """Whether it is a pair of one and the same answer."""
        return len(self.candidates) > 1 and self.candidates[0].text == self.candidates[1].text


def single_cases(spec: Spec, method: str, observations: Iterable[Observation]) -> Iterator[Case]:
    """Every answer by itself, those to one prompt together, so that a judge's server reads the prompt once."""
    asked = _asked(spec, method)
    texts: dict[str, dict[str, list[Trials]]] = {}
    for seen in _answered(observations, asked):
        texts.setdefault(seen.trial.prompt_id, {}).setdefault(_text(seen), []).append((seen.trial.id,))
    for prompt_id, (prompt, rubric) in asked.items():
        for text, trials in sorted(texts.get(prompt_id, {}).items()):
            yield Case(candidates=(Candidate(prompt=prompt, rubric=rubric, text=text),), trials=tuple(trials), digest=digest(text))


def pair_cases(spec: Spec, observations: Iterable[Observation]) -> Iterator[Case]:
    """Every two models' (or variants') answers to one prompt in one round, in the spec's order."""
    asked = _asked(spec, "pairwise")
    cells: dict[tuple[str, int, int | None], dict[tuple[str, str], tuple[str, str]]] = {}
    for seen in _answered(observations, asked):
        trial = seen.trial
        cells.setdefault((trial.prompt_id, trial.round, trial.step), {})[trial.model_id, trial.variant_id] = (trial.id, _text(seen))
    order = {model.id: place for place, model in enumerate(spec.models)}
    found: dict[str, dict[tuple[str, str], list[Trials]]] = {}
    for (prompt_id, _, _), by_cell in cells.items():
        ranked = sorted(by_cell.items(), key=lambda entry: (order.get(entry[0][0], len(order)), entry[0]))
        for (_, first), (_, second) in combinations(ranked, 2):
            found.setdefault(prompt_id, {}).setdefault((first[1], second[1]), []).append((first[0], second[0]))
    for prompt_id, (prompt, rubric) in asked.items():
        for texts, trials in sorted(found.get(prompt_id, {}).items()):
            candidates = tuple(Candidate(prompt=prompt, rubric=rubric, text=text) for text in texts)
            yield Case(candidates=candidates, trials=tuple(trials), digest=digest(list(texts)))


def answers(cases: Sequence[Case]) -> dict[str, tuple[str, ...]]:
    """The answers by prompt, for probes."""
    found: dict[str, dict[str, None]] = {}
    for case in cases:
        for candidate in case.candidates:
            found.setdefault(candidate.prompt.id, {})[candidate.text] = None
    return {prompt_id: tuple(texts) for prompt_id, texts in found.items()}


def questions_each(spec: Spec, method: str) -> dict[str, int]:
    """About how many questions one answer to each prompt takes, for a budget; prompts that take none are left out."""
    times = 2 if (spec.judge and spec.judge.settings.get("balance")) or method == "pairwise" else 1
    every = {prompt_id: (prompt, rubric) for prompt_id, (prompt, rubric) in _asked(spec, method).items()}
    if method == "pairwise":
        return dict.fromkeys(every, times)
    found = {name: _n_items(prompt, rubric, method) for name, (prompt, rubric) in every.items()}
    return {name: n * times for name, n in found.items()}


def graded_line(case: Case, trials: Trials, judgement: Judgement | PairJudgement, grader: tuple[str, str]) -> Line:
    """The line of one trial, or of two: `grader` is the id and the digest."""
    grader_id, grader_digest = grader
    if isinstance(judgement, PairJudgement):
        return PairGrade(
            first_trial_id=trials[0],
            second_trial_id=trials[1],
            grader_id=grader_id,
            grader_digest=grader_digest,
            answer_digest=case.digest,
            **{name: getattr(judgement, name) for name in PairJudgement.__struct_fields__ if name != "asked"},
        )
    masses = [aspect.label_mass for aspect in judgement.aspects if aspect.label_mass is not None]
    return Grade(
        trial_id=trials[0],
        grader_id=grader_id,
        grader_digest=grader_digest,
        state=judgement.state,
        score=judgement.score,
        aspects=judgement.aspects,
        label_mass=min(masses, default=None),
        rationale=judgement.rationale,
        answer_digest=case.digest,
    )


def trials_of(line: Line) -> Trials:
    """The trials that a line is about."""
    return (line.trial_id,) if isinstance(line, Grade) else (line.first_trial_id, line.second_trial_id)


def _asked(spec: Spec, method: str) -> dict[str, tuple[Prompt, Rubric | None]]:
    """The prompts whose answers this method asks about, with their rubrics."""
    rubrics = {rubric.id: rubric for rubric in spec.rubrics}
    every = {prompt.id: (prompt, rubrics.get(prompt.rubric or "")) for prompt in spec.prompts}
    if method == "pairwise":
        return every
    return {name: (prompt, rubric) for name, (prompt, rubric) in every.items() if _n_items(prompt, rubric, method)}


def _n_items(prompt: Prompt, rubric: Rubric | None, method: str) -> int:
    return len(items_of(Candidate(prompt=prompt, rubric=rubric, text=""), or_whole=method not in _BY_ASPECT))


def _answered(observations: Iterable[Observation], asked: dict[str, tuple[Prompt, Rubric | None]]) -> Iterator[Observation]:
    return (seen for seen in observations if seen.completion is not None and not seen.trial.is_warmup and seen.trial.prompt_id in asked)


def _text(seen: Observation) -> str:
    return seen.completion.text if seen.completion is not None else ""
