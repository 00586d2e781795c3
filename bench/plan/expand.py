"""The matrix models × prompts × variants × rounds as blocks of trials, with their identities (architecture §5)."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from bench.digest import canonical, digest
from bench.plan.select import Choice, select
from bench.records.plan import Block, Plan, Request, Treatment, Trial
from bench.records.spec import ModelSpec, Prompt, Spec, Variant
from bench.trials import Columns, columns

_IDS_AT_ONCE = 4096


def expand(spec: Spec, choice: Choice | None = None) -> Plan:
    """The plan of a spec: the same spec, seed and version give the same plan, byte for byte.

    Blocked order: one block for each model as it is served; its variants that differ only in what is sent share the block. Interleaved: one block
    for all. Within a block each round is a random permutation of its trials (a randomised block design), the same for all models, so that they are
    compared under the same sequence of prompts. Warm-up trials come first. A load that rises in steps has `rounds` rounds in each.

    Raises: UsageError from the selection.
    """
    chosen = select(spec, choice or Choice())
    treatments = [treatment_of(model, variant) for model in chosen.models for variant in chosen.variants]
    if chosen.order == "interleaved":
        groups = [tuple(treatments)]
    else:
        served: dict[tuple[str, str], list[Treatment]] = {}
        for treatment in treatments:
            served.setdefault((treatment.model_id, treatment.digest), []).append(treatment)
        groups = [tuple(group) for group in served.values()]
    blocks = tuple(_block(chosen, group) for group in groups)
    return Plan(digest=_digest(spec.digest, blocks), spec_digest=spec.digest, seed=spec.seed, order=spec.order, blocks=blocks)


def _digest(spec_digest: str, blocks: Iterable[Block]) -> str:
    """The digest of the spec's digest and the ids of each block's trials (`bench.digest` of `[spec, [[id, …], …]]`), block by block."""
    made = hashlib.sha256(canonical([spec_digest])[:-1] + b",[")
    for number, block in enumerate(blocks):
        made.update(b",[" if number else b"[")
        ids = columns(block.trials).ids()
        is_first = True
        while some := list(islice(ids, _IDS_AT_ONCE)):
            made.update((b'"' if is_first else b',"') + '","'.join(some).encode() + b'"')
            is_first = False
        made.update(b"]")
    made.update(b"]]")
    return made.hexdigest()


def treatment_of(model: ModelSpec, variant: Variant) -> Treatment:
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
        **({"server": model.server, "arguments": list(model.arguments)} if model.server is not None else {}),
        **({"dialect": model.dialect} if model.dialect is not None else {}),
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


class _Cell(NamedTuple):
    treatment: Treatment
    prompt: Prompt


class _Sending:
    """What is sent for each cell of the matrix: a request and its digest are made once for all rounds and models."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._variants = {variant.id: variant for variant in spec.variants}
        self._made: dict[tuple[str, str], tuple[Request, str]] = {}

    def trial(self, cell: _Cell, number: int) -> Trial:
        """The trial of a cell in a round; its id follows from the rest (`bench.trials`)."""
        request, request_digest = self._request(cell)
        seed = request.generation.seed
        return Trial(
            id="",
            request_digest=request_digest,
            treatment_digest=cell.treatment.digest,
            model_id=cell.treatment.model_id,
            prompt_id=cell.prompt.id,
            variant_id=cell.treatment.variant_id,
            round=number,
            step=None if self._spec.load.steps == 1 else (number - 1) // self._spec.rounds + 1,
            seed=None if seed is None else seed + number - 1,
            request=request,
        )

    def _request(self, cell: _Cell) -> tuple[Request, str]:
        key = cell.prompt.id, cell.treatment.variant_id
        if (found := self._made.get(key)) is None:
            generation = self._variants[cell.treatment.variant_id].generation or self._spec.generation
            request = Request(messages=cell.prompt.messages, generation=generation, cache=self._spec.cache)
            found = self._made[key] = request, digest(msgspec.to_builtins(request))
        return found


def _block(spec: Spec, treatments: tuple[Treatment, ...]) -> Block:
    cells = tuple(_Cell(treatment, prompt) for treatment in treatments for prompt in spec.prompts)
    sending = _Sending(spec)
    last = spec.rounds * spec.load.steps
    made = Columns()
    for warm_up in _warmups(spec, [sending.trial(cells[place], last) for place in _order(spec, last, cells)], treatments):
        made.add(made.kind(warm_up), warm_up.round)
    kinds: list[int] = []
    for number in range(1, last + 1):
        if number % spec.rounds == 1 % spec.rounds:  # the first one, or the first of a step
            kinds = [made.kind(sending.trial(cell, number)) for cell in cells]
        for place in _order(spec, number, cells):
            made.add(kinds[place], number)
    return Block(treatments=treatments, trials=made.trials())


def _order(spec: Spec, number: int, cells: Sequence[_Cell]) -> list[int]:
    """The places of all cells, in a seeded random permutation that no version of Python changes.

    The prompt ranks first, without the model's id, so that every model of a blocked plan meets the prompts in the same order.
    """
    before = f"{spec.seed}\0{number}\0".encode()

    def drawn(*words: str) -> bytes:
        return hashlib.sha256(before + "\0".join(words).encode()).digest()

    if spec.order == "interleaved":
        ranks = [drawn(cell.treatment.model_id, cell.treatment.variant_id, cell.prompt.id) for cell in cells]
        return sorted(range(len(cells)), key=ranks.__getitem__)
    of_prompt = {prompt.id: drawn(prompt.id) for prompt in spec.prompts}
    if len(cells) == len(of_prompt):
        return sorted(range(len(cells)), key=lambda place: of_prompt[cells[place].prompt.id])
    both = [(of_prompt[cell.prompt.id], drawn(cell.prompt.id, cell.treatment.variant_id)) for cell in cells]
    return sorted(range(len(cells)), key=both.__getitem__)


def _warmups(spec: Spec, last_round: Iterable[Trial], treatments: Iterable[Treatment]) -> Iterator[Trial]:
    """Warm-up trials: for each served treatment copies of its last measured trial.

    The last one, because its prompt is the farthest from the first measured one: a warm-up should not fill the prefix cache for what comes next.
    """
    last = {trial.key: trial for trial in last_round}
    for key in dict.fromkeys(treatment.key for treatment in treatments):
        for number in range(1, spec.warmup + 1):
            yield msgspec.structs.replace(last[key], round=number, step=None, is_warmup=True)
