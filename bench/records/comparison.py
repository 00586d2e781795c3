"""What a run says of models asked the same prompts: a part of `summary.json`."""

from typing import Literal

import msgspec

ComparisonVerdict = Literal["better", "worse", "same", "cannot_tell"]


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """A model in a variant."""

    model_id: str
    variant_id: str


class ModelComparison(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure of model `a` against model `b`, prompt by prompt.

    `effect` says what is compared: the `difference` a − b (scores), or the `ratio` a / b (times and speeds), a mean over prompts, of ratios the
    geometric one. `low`, `high` (at `level`), `p` and `mde` speak of it. `p_holm` is p adjusted for all pairs compared on this figure. `n_prompts`
    have a value of both, `left_out` of one only; `needed` are the fewest that could tell anything. On `wins` of them a is better, on `losses` b.

    `verdict` is of a: `better` or `worse` where `p_holm` is at most 1 − level; `same`: equal on every prompt. Of times and speeds that were measured
    one after the other (`is_apart`), it also takes a ratio beyond `drift`: what the machine alone may make of it, by how it wandered within the
    blocks; None where nothing tells, and then there is no verdict. `mde`: the difference, or the ratio
    above 1, that such a run finds in four of five cases; None where these prompts do not say.

    `grader_id` is the judge that was asked which of two answers is better (metric `preferred`: the share of prompts on which it preferred a, minus
    that of b); None of any other figure.
    """

    metric: str
    unit: str
    better: Literal["lower", "higher"]
    a: Contender
    b: Contender
    effect: Literal["difference", "ratio"]
    difference: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    p: float | None = None
    p_holm: float | None = None
    n_prompts: int
    left_out: int = 0
    needed: int
    wins: int = 0
    ties: int = 0
    losses: int = 0
    mde: float | None = None
    method: str = "no prompt with a value of both"
    verdict: ComparisonVerdict = "cannot_tell"
    is_apart: bool = False
    drift: float | None = None
    grader_id: str | None = None


class VariantRatio(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One metric of a variant of a model, over that of the variant that was declared first: `ratio` is a geometric mean over prompts.

    `over` says what `low`, `high` (at `level`) and `p` are about: `prompts` like these, or, where there are too few of them, more `rounds` of these
    very prompts. `p_holm` is adjusted for the variants of the metric. `n_pairs` prompts and rounds have a value of both, of `n_prompts` prompts.
    What is measured once has a ratio and nothing else. `verdict` is about the variant; None where nothing was tested. `is_apart`, `drift`: as in a
    `ModelComparison`.
    """

    metric: str
    unit: str
    better: Literal["lower", "higher"]
    model_id: str
    variant_id: str
    baseline_id: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    p: float | None = None
    p_holm: float | None = None
    n_pairs: int
    n_prompts: int
    over: Literal["prompts", "rounds"] | None = None
    method: str = ""
    verdict: Literal["better", "worse", "cannot_tell"] | None = None
    is_apart: bool = False
    drift: float | None = None


class Strength(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How strong a model is among all that a judge compared pair by pair: Bradley and Terry's log strength, 0 for the mean of them.

    `beats_mean`: its chance against a model of mean strength, 0–1. None where no finite strengths fit, since some models never lost to the others.
    """

    grader_id: str
    who: Contender
    log_strength: float | None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    beats_mean: float | None = None
    n_prompts: int
    method: str
