"""What a person says of one sample: a line of `annotations/<annotator>.jsonl`; and what a person is shown for it."""

from typing import Literal

import msgspec

AnswerWord = Literal["yes", "no", "unsure"]


class AspectAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person's answer about one aspect, to the question as asked: does the answer say this? `unsure` is an answer too, and never a no."""

    aspect_id: str
    answer: AnswerWord
    note: str | None = None


class CriterionAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person's answer to the question of a rubric's criterion, on the rubric's scale."""

    criterion_id: str
    score: float


class Annotation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One person's view of one answer. The last line of an (item_id, annotator) holds.

    `annotator` is a pseudonym that the person chose. `score` is on the scale of the prompt's rubric, None when only aspects were judged.
    `at` is UTC, ISO 8601. `item_id` names the prompt with the very text of the answer, so that it holds for every trial that answered alike, also in
    another run; `trial_id` is the one that was drawn. `drawn`: only `random` ones stand for the others; `chosen` ones were asked for because they
    tell much. `is_adjudication`: said after seeing what others had said, and holds against them.
    """

    trial_id: str
    annotator: str
    at: str
    aspects: tuple[AspectAnswer, ...] = ()
    criteria: tuple[CriterionAnswer, ...] = ()
    score: float | None = None
    note: str | None = None
    item_id: str = ""
    prompt_id: str = ""
    drawn: Literal["random", "chosen"] = "random"
    is_adjudication: bool = False


class AnnotationQuestion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question to a person: yes or no about an aspect (`scale` None), or a number on a scale. `id` is an aspect's, a criterion's, or `overall`.

    `anchors` say what numbers of the scale mean. `said`: for an adjudication, how often each answer was given.
    """

    id: str
    kind: Literal["expect", "forbid", "question", "overall"]
    text: str
    scale: tuple[int, int] | None = None
    anchors: tuple[tuple[int, str], ...] = ()
    said: tuple[tuple[str, int], ...] = ()


class AnnotationItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person is shown: the task, the answer and the questions. No model, variant, round or score is in it."""

    item_id: str
    trial_id: str
    prompt_id: str
    task: str
    answer: str
    questions: tuple[AnnotationQuestion, ...]
    reference: str | None = None
    drawn: Literal["random", "chosen"] = "random"
