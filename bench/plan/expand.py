"""The matrix models × prompts × variants × rounds as blocks of trials, with their identities (architecture §5)."""

import hashlib

import msgspec

from bench.digest import digest
from bench.plan.select import Choice, select
from bench.records.plan import Block, Plan, Request, Treatment, Trial
from bench.records.spec import ModelSpec, Prompt, Spec, Variant


def expand(spec: Spec, choice: Choice | None = None) -> Plan:
    """The plan of a spec: the same spec, seed and version give the same plan, byte for byte.

    Blocked order: one block for each model as it is served; its variants that differ only in what is sent share the block. Interleaved: one block
    for all. Within a block each round is a random permutation of its trials (a randomised block design), the same for all models, so that they are
    compared under the same sequence of prompts. Warm-up trials come first. A load that rises in steps has `rounds` rounds in each.

    Raises: UsageError from the selection.
    """
    chosen = select(spec, choice or Choice())
    treatments = [_treatment(model, variant) for model in chosen.models for variant in chosen.variants]
    if chosen.order == "interleaved":
        groups = [tuple(treatments)]
    else:
        served: dict[tuple[str, str], list[Treatment]] = {}
        for treatment in treatments:
            served.setdefault((treatment.model_id, treatment.digest), []).append(treatment)
        groups = [tuple(group) for group in served.values()]
    blocks = tuple(_block(chosen, group) for group in groups)
    identity = [[trial.id for trial in block.trials] for block in blocks]
    return Plan(digest=digest([spec.digest, identity]), spec_digest=spec.digest, seed=spec.seed, order=spec.order, blocks=blocks)


def _treatment(model: ModelSpec, variant: Variant) -> Treatment:
    """A model as one variant serves it: the variant's serving settings win over the model's."""
    gpu, device = variant.gpu or model.gpu, variant.device or model.device
    threads, context = variant.threads or model.threads, variant.context or model.context
    identity = {
        "runtime": model.runtime,
        "weights": model.sha256 or (list(model.weights.parts) if model.weights else None),
        "served_model": model.model or model.alias,
        "command": list(model.command),
        "environment": [list(pair) for pair in model.environment],
        "settings": model.settings,
        "gpu": msgspec.to_builtins(gpu),
        "device": device,
        "threads": threads,
        "context": context,
    }
    return Treatment(
        model_id=model.id,
        variant_id=variant.id,
        digest=digest(identity),
        optional=model.optional or variant.optional,
        model=model,
        gpu=gpu,
        device=device,
        threads=threads,
        context=context,
    )


def _block(spec: Spec, treatments: tuple[Treatment, ...]) -> Block:
    variants = {variant.id: variant for variant in spec.variants}
    measured: list[Trial] = []
    for number in range(1, spec.rounds * spec.load.steps + 1):
        cells = [(treatment, prompt) for treatment in treatments for prompt in spec.prompts]
        cells.sort(key=lambda cell: _rank(spec, number, cell[0], cell[1]))
        measured += [_trial(spec, treatment, variants[treatment.variant_id], prompt, number) for treatment, prompt in cells]
    return Block(treatments=treatments, trials=(*_warmups(spec, treatments, measured), *measured))


def _rank(spec: Spec, number: int, treatment: Treatment, prompt: Prompt) -> tuple[bytes, bytes]:
    """Sorting by this is a seeded random permutation that no version of Python changes.

    The prompt ranks first, without the model's id, so that every model of a blocked plan meets the prompts in the same order.
    """

    def drawn(*words: str) -> bytes:
        return hashlib.sha256("\0".join((str(spec.seed), str(number), *words)).encode()).digest()

    if spec.order == "interleaved":
        return drawn(treatment.model_id, treatment.variant_id, prompt.id), b""
    return drawn(prompt.id), drawn(prompt.id, treatment.variant_id)


def _warmups(spec: Spec, treatments: tuple[Treatment, ...], measured: list[Trial]) -> list[Trial]:
    """Warm-up trials: for each served treatment copies of its last measured trial.

    The last one, because its prompt is the farthest from the first measured one: a warm-up should not fill the prefix cache for what comes next.
    """
    last = {(trial.model_id, trial.treatment_digest): trial for trial in measured}
    served = dict.fromkeys((treatment.model_id, treatment.digest) for treatment in treatments)
    return [_renumbered(last[key], number) for key in served for number in range(1, spec.warmup + 1)]


def _renumbered(trial: Trial, number: int) -> Trial:
    identity = [trial.model_id, trial.prompt_id, trial.variant_id, "warmup", number, trial.request_digest, trial.treatment_digest]
    return msgspec.structs.replace(trial, id=digest(identity), round=number, step=None, is_warmup=True)


def _trial(spec: Spec, treatment: Treatment, variant: Variant, prompt: Prompt, number: int) -> Trial:
    generation = variant.generation or spec.generation
    request = Request(messages=prompt.messages, generation=generation, cache=spec.cache)
    request_digest = digest(msgspec.to_builtins(request))
    return Trial(
        id=digest([treatment.model_id, prompt.id, variant.id, number, request_digest, treatment.digest]),
        request_digest=request_digest,
        treatment_digest=treatment.digest,
        model_id=treatment.model_id,
        prompt_id=prompt.id,
        variant_id=variant.id,
        round=number,
        step=None if spec.load.steps == 1 else (number - 1) // spec.rounds + 1,
        seed=None if generation.seed is None else generation.seed + number - 1,
        request=request,
    )
