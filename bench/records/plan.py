"""What will be done: trials, the treatments they measure, and what it will take."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from bench.records.quantity import Money
from bench.records.spec import Device, Generation, Gpu, Message, ModelSpec, Order


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent: rendered messages and generation settings. The served model's name is the endpoint's business."""

    messages: tuple[Message, ...]
    generation: Generation
    cache: Literal["allow", "bypass"] = "allow"


ServingKey = tuple[str, str]
"""Model id and treatment digest: what is served once. Two models may be alike in all that a digest covers (one server here, one there)."""


class Treatment(msgspec.Struct, frozen=True, kw_only=True):
    """What answers: a model as one variant serves it.

    `digest` covers weights (their digest, else their source) or the served model's name, runtime and serving settings;
    never host, port or secrets. Variants that differ only in what is sent share a digest, and are served once.
    """

    model_id: str
    variant_id: str
    digest: str
    optional: bool
    model: ModelSpec
    gpu: Gpu | None = None
    device: Device | None = None
    threads: int | None = None
    context: int | None = None

    @property
    def key(self) -> ServingKey:
        """What serves this treatment."""
        return self.model_id, self.digest


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One planned request. `id` is unique within a plan and stable across machines.

    `round` counts from 1; warm-up trials carry `is_warmup` and a round of their own, also from 1. `seed` is the seed that is sent:
    the spec's generation seed + round − 1, so that rounds at a temperature above 0 are different draws; None when the spec sets none.
    `request_digest` covers messages and generation settings with the spec's own seed, so it is equal across rounds.
    `step` counts from 1 where the load rises in steps (`Load.steps`).
    """

    id: str
    request_digest: str
    treatment_digest: str
    model_id: str
    prompt_id: str
    variant_id: str
    round: int
    is_warmup: bool = False
    seed: int | None = None
    step: int | None = None
    request: Request

    @property
    def key(self) -> ServingKey:
        """What serves this trial."""
        return self.model_id, self.treatment_digest


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Trials that run while the same treatments are up, in this order. Where there may be many, `bench.trials` holds them."""

    treatments: tuple[Treatment, ...]
    trials: Sequence[Trial]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All blocks, in order. The same spec, seed and version give the same plan, byte for byte; `digest` says so."""

    digest: str
    spec_digest: str
    seed: int
    order: Order
    blocks: tuple[Block, ...]


class JudgeBudget(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge would be asked, at most: answers that are alike are judged once. `answers` are pairs of them with the method `pairwise`.

    `probe_questions` are about planted probes; they are asked before the judge's word counts, unless they were before. Tokens, time and cost are of
    all these questions; `draws` times as many are asked where a judge gives no log-probabilities. `cost` None: nothing declares one. Unit of time: s.
    """

    judges: tuple[str, ...]
    runtimes: tuple[str, ...]
    method: str
    answers: int
    questions: int
    probe_questions: int
    prompt_tokens_estimate: int = 0
    completion_tokens_max: int = 0
    draws: int = 1
    expected_s: float | None = None
    cost: Money | None = None
    basis: str = ""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What a run would do and take, known before anything is opened. Estimates: `expected_s`, `cost` (None where unknown, `basis` says why)."""

    hosts: tuple[str, ...]
    environment: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    downloads: tuple[str, ...]
    requests: int
    warmup_requests: int
    prompt_tokens_estimate: int
    completion_tokens_max: int | None
    expected_s: float | None
    cost: Money | None
    basis: str
    judge: JudgeBudget | None = None
