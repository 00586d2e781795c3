"""The plan as lines: a header, then one line per trial in the order of the blocks. Both ways are streamed; equal plans give equal bytes."""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from bench.errors import RunFolderError
from bench.records.plan import Block, Plan, Request, Treatment, Trial
from bench.records.spec import Order
from bench.store.writer import encode
from bench.trials import Columns


class PlanHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of `plan.jsonl`. `blocks` names each block's treatments by their place in `treatments`."""

    plan: Literal[1] = 1
    digest: str
    spec_digest: str
    seed: int
    order: Order
    trials: int
    treatments: tuple[Treatment, ...]
    blocks: tuple[tuple[int, ...], ...]


class PlanLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One trial of block `block` (from 0). Without `request` it sends that of the nearest earlier line with the same `request_digest`."""

    block: int
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
    request: Request | None = None


def plan_to_lines(plan: Plan) -> Iterator[bytes]:
    """The lines of a plan, each with its newline. A request is written once."""
    places: dict[bytes, int] = {}
    treatments: list[Treatment] = []
    blocks: list[tuple[int, ...]] = []
    for block in plan.blocks:
        for treatment in block.treatments:
            if (key := encode(treatment)) not in places:
                places[key] = len(treatments)
                treatments.append(treatment)
        blocks.append(tuple(places[encode(treatment)] for treatment in block.treatments))
    yield encode(
        PlanHeader(
            digest=plan.digest, spec_digest=plan.spec_digest, seed=plan.seed, order=plan.order,
            trials=sum(len(block.trials) for block in plan.blocks), treatments=tuple(treatments), blocks=tuple(blocks),
        )
    ) + b"\n"  # fmt: skip
    written: dict[str, Request] = {}
    for number, block in enumerate(plan.blocks):
        for trial in block.trials:
            request: Request | None = trial.request
            was = written.get(trial.request_digest)
            if was is request or was == request:
                request = None
            else:
                written[trial.request_digest] = trial.request
            yield encode(_line(number, trial, request)) + b"\n"


def _line(block: int, trial: Trial, request: Request | None) -> PlanLine:
    return PlanLine(
        block=block, id=trial.id, request_digest=trial.request_digest, treatment_digest=trial.treatment_digest, model_id=trial.model_id,
        prompt_id=trial.prompt_id, variant_id=trial.variant_id, round=trial.round, is_warmup=trial.is_warmup, seed=trial.seed, step=trial.step,
        request=request,
    )  # fmt: skip


def plan_from_lines(header: PlanHeader, lines: Iterable[PlanLine]) -> Plan:
    """The plan that these lines are of.

    Raises: RunFolderError when trials are missing, or point at what is not there.
    """
    requests: dict[str, Request] = {}
    blocks = [Columns() for _ in header.blocks]
    found = 0
    for line in lines:
        request = requests.get(line.request_digest) if line.request is None else line.request
        if request is None or not 0 <= line.block < len(blocks):
            raise RunFolderError(f"trial {line.id!r} of the plan points at a request or block that is not there", hint="start a new run of the spec")
        requests[line.request_digest] = request
        try:
            blocks[line.block].put(_trial(line, request))
        except OverflowError as error:
            raise RunFolderError(
                f"trial {line.id!r} of the plan is in round {line.round}, which is none", hint="start a new run of the spec"
            ) from error
        found += 1
    if found != header.trials:
        raise RunFolderError(f"the plan has {found} of its {header.trials} trials", hint="start a new run of the spec")
    if any(not 0 <= place < len(header.treatments) for places in header.blocks for place in places):
        raise RunFolderError("a block of the plan points at a treatment that is not there", hint="start a new run of the spec")
    made = (
        Block(treatments=tuple(header.treatments[place] for place in places), trials=of_block.trials())
        for places, of_block in zip(header.blocks, blocks, strict=True)
    )
    return Plan(digest=header.digest, spec_digest=header.spec_digest, seed=header.seed, order=header.order, blocks=tuple(made))


def _trial(line: PlanLine, request: Request) -> Trial:
    return Trial(
        id=line.id, request_digest=line.request_digest, treatment_digest=line.treatment_digest, model_id=line.model_id, prompt_id=line.prompt_id,
        variant_id=line.variant_id, round=line.round, is_warmup=line.is_warmup, seed=line.seed, step=line.step,
        request=request,
    )  # fmt: skip
