"""What a person says of one sample: a line of `annotations/<annotator>.jsonl`."""

from typing import Literal

import msgspec


class AspectAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person's answer about one aspect: is it met? `unsure` is an answer too, and never counted as a no."""

    aspect_id: str
    answer: Literal["yes", "no", "unsure"]
    note: str | None = None


class Annotation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One person's view of one answer. The last line of a (trial_id, annotator) holds.

    `annotator` is a pseudonym that the person chose. `score` is on the scale of the prompt's rubric, None when only aspects were judged.
    `at` is UTC, ISO 8601.
    """

    trial_id: str
    annotator: str
    at: str
    aspects: tuple[AspectAnswer, ...] = ()
    score: float | None = None
    note: str | None = None
