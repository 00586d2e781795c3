"""The answers of a run as columns for calibration: what graders say of each, what people say, how long it is, how much of the reference is in it."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from bench.records.spec import Prompt
from bench.stats.cluster import Ids
from bench.stats.quantile import Floats

LEAST = 20  # labels: below it nothing is corrected
_WORD = re.compile(r"\w+")


class Voice(NamedTuple):
    """What people say of one item. Scores are 0–1; `aspects` holds scores by aspect (1 is good). `drawn`: chosen by chance, not for what it tells."""

    score: float | None
    by_person: Mapping[str, float]
    aspects: Mapping[str, float]
    drawn: bool


class Answered(NamedTuple):
    """One answer of a run: whose, to what, which item its text is, how long, how much overlap, and each grader's score and aspects."""

    model_id: str
    variant_id: str
    prompt_id: str
    item_id: str
    length: int
    overlap: float | None
    scores: Mapping[str, float]
    aspects: Mapping[str, Mapping[str, float]]


class Columns(NamedTuple):
    """The answers in columns, `nan` where there is no value. Shape: all [n]; `votes: float64[people, n]`.

    `labels` are people's scores of randomly drawn items, `all_labels` of all. `is_first`: the first answer with its item: several trials may give the
    same text, and count once where people are compared with graders.
    """

    answers: list[Answered]
    clusters: Ids
    labels: Floats
    all_labels: Floats
    votes: Floats
    people: tuple[str, ...]
    lengths: Floats
    overlaps: Floats
    is_first: Ids

    def scores(self, grader_id: str) -> Floats:
        """What one grader says."""
        return _floats(answer.scores.get(grader_id) for answer in self.answers)

    def cell(self, model_id: str, variant_id: str) -> Ids:
        """The places of a model's answers."""
        return np.flatnonzero([(answer.model_id, answer.variant_id) == (model_id, variant_id) for answer in self.answers])


def columns(answers: Iterable[Answered], voices: Mapping[str, Voice]) -> Columns:
    """Put the answers beside what people say of them."""
    kept = list(answers)
    codes = {prompt: code for code, prompt in enumerate(dict.fromkeys(answer.prompt_id for answer in kept))}
    people = tuple(sorted({person for voice in voices.values() for person in voice.by_person}))
    said = [voices.get(answer.item_id) for answer in kept]
    first: set[str] = set()
    return Columns(
        answers=kept,
        clusters=np.array([codes[answer.prompt_id] for answer in kept], dtype=np.intp),
        labels=_floats(voice.score if voice and voice.drawn else None for voice in said),
        all_labels=_floats(voice.score if voice else None for voice in said),
        votes=np.array([[np.nan if voice is None else voice.by_person.get(person, np.nan) for voice in said] for person in people]).reshape(
            len(people), len(kept)
        ),
        people=people,
        lengths=_floats(answer.length for answer in kept),
        overlaps=_floats(answer.overlap for answer in kept),
        is_first=np.array([place for place, answer in enumerate(kept) if not (answer.item_id in first or first.add(answer.item_id))], dtype=np.intp),  # type: ignore[func-returns-value]
    )


def overlap(text: str, prompt: Prompt) -> float | None:
    """The share of the reference's different words that stand in the answer; of the task's words where there is no reference. A trivial grader."""
    wanted = set(_WORD.findall((prompt.reference or prompt.messages[-1].content).casefold()))
    return len(wanted & set(_WORD.findall(text.casefold()))) / len(wanted) if wanted else None


def _floats(values: Iterable[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
