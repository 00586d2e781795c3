"""What two runs say of each other: `bench compare --format json`."""

from typing import Literal

import msgspec

from bench.records.comparison import ComparisonVerdict
from bench.records.selection import Chosen

Limits = Literal["speed", "errors", "speed_and_errors", "scores", "nothing"]
"""Which verdicts a difference of two runs forbids: of times and speeds, of the error rate, of both, of judged scores; or none: it is only named."""
OF_TIMES: tuple[Limits, ...] = ("speed", "speed_and_errors")
OF_ERRORS: tuple[Limits, ...] = ("errors", "speed_and_errors")
Pushed = Literal["worse", "better", "any"]
"""How something beside a model makes a figure of head look, held against base; `any`: it may be either."""
Pusher = Literal["contention", "client"]
STANDS: dict[Pushed, ComparisonVerdict] = {"worse": "better", "better": "worse"}
"""The verdict that holds although a figure was pushed, and then all the more."""


class Compared(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the two: a run, or a baseline of one. `source` is what was given for it."""

    run_id: str
    spec_name: str
    spec_version: str
    started_at: str
    source: str
    kind: Literal["run", "baseline"] = "run"
    status: str = "finished"
    commit: str | None = None
    chosen: Chosen | None = None  # where its spec asks for a decision


class Unlike(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something beside the models' answers in which the two differ, or that limits both (`client`).

    `model_id`, `variant_id`: where it is about one of them. `pushed`: it makes times and speeds of head look `worse`, or `better`, than they are, so
    that it forbids only what it may have caused.
    """

    what: str
    base: str
    head: str
    limits: Limits
    pushed: Pushed = "any"
    model_id: str | None = None
    variant_id: str | None = None


class Narrowed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What takes no part, and why: `count` of `of` things of one kind; `examples` are some of their ids."""

    what: Literal["models", "prompts", "scores", "aspects"]
    count: int
    of: int
    reason: str
    examples: tuple[str, ...] = ()


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure of one model, head against base, prompt by prompt. Better and worse are said of head.

    `base` and `head`: the mean over the prompts of both, of times and speeds the geometric one; `ratio` is head / base, `difference` head − base.
    `low`, `high` (at `level`), `p` and `mde` speak of the `effect`. `typical` is the Hodges–Lehmann estimate of the same effect with its interval:
    it follows most prompts where few move far. `p_adjusted` is p adjusted for all figures of this comparison.

    `statistic`: of a figure over all answers (`levels`) which it is: a percentile, a rate, or a reading, whose `low` and `high` are its `ratio`.

    `wins` are prompts on which head is better (of what is neither: has more), `losses` those on which it is worse.

    `tolerance` is how large an effect does not matter (of a ratio 0.05: from 1/1.05 to 1.05). `verdict`: `same` where the interval lies inside
    it; `better` or `worse` where `p_adjusted` is at most 1 − level and the effect is larger than the tolerance; else `cannot_tell`, with its
    `reason`. `mde`: the effect that such runs find in four of five cases.

    `pushed`: other work on the machine (`contention`) or a late client, `pushed_by`, in one of the runs, `pushed_in`, makes head look so: of `worse`
    only the verdict `better` holds, of `better` only `worse`.
    """

    metric: str
    unit: str
    better: Literal["lower", "higher", "neither"]
    model_id: str
    variant_id: str
    aspect_id: str | None = None
    statistic: str | None = None
    effect: Literal["difference", "ratio"]
    base: float | None = None
    head: float | None = None
    difference: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    typical: float | None = None
    typical_low: float | None = None
    typical_high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    n_prompts: int
    needed: int
    wins: int = 0
    ties: int = 0
    losses: int = 0
    tolerance: float
    mde: float | None = None
    method: str = "no prompt with a value of both"
    verdict: ComparisonVerdict = "cannot_tell"
    reason: str | None = None
    pushed: Literal["worse", "better"] | None = None
    pushed_by: tuple[Pusher, ...] = ()
    pushed_in: Literal["base", "head"] | None = None


class Once(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured once in a run: nothing tells its noise, so it has no verdict."""

    fact: str
    unit: str
    model_id: str
    variant_id: str
    base: float
    head: float


class Moved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A prompt whose score moved most, with an answer of each where the run is at hand. `lost` and `won`: aspects met more seldom, and more often."""

    prompt_id: str
    model_id: str
    variant_id: str
    base: float
    head: float
    lost: tuple[str, ...] = ()
    won: tuple[str, ...] = ()
    base_answer: str | None = None
    head_answer: str | None = None


class RunComparison(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Two runs, or a run and a baseline, compared: what is unlike, what takes no part, and what is better, worse, the same or open."""

    comparison: Literal[1] = 1
    base: Compared
    head: Compared
    aligned: int  # prompts of models that both asked in the same words
    across_machines: bool = False
    across_requests: bool = False
    unlike: tuple[Unlike, ...] = ()
    narrowed: tuple[Narrowed, ...] = ()
    changes: tuple[Change, ...] = ()
    aspects: tuple[Change, ...] = ()
    levels: tuple[Change, ...] = ()
    once: tuple[Once, ...] = ()
    moved: tuple[Moved, ...] = ()
    notes: tuple[str, ...] = ()
