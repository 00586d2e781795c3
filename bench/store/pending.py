"""What a run still has to do, and which sample decides a trial."""

from collections.abc import Container, Iterable, Iterator
from operator import or_

import msgspec

from bench.records.exchange import Completion, Failure
from bench.records.machine import ClientHealth
from bench.records.plan import Block, Plan, ServingKey
from bench.records.sample import Sample
from bench.store.places import Places
from bench.trials import columns


def is_deciding(sample: Sample) -> bool:
    """Whether a sample decides its trial: the final attempt, unless it was cancelled (an interrupt or a stop rule says nothing of the model)."""
    return sample.is_final and not _is_cancelled(sample)


def _is_cancelled(sample: Sample) -> bool:
    return isinstance(sample.outcome, Failure) and sample.outcome.kind == "cancelled"


def deciding(samples: Iterable[Sample]) -> dict[str, tuple[Sample, int]]:
    """For each decided trial its deciding sample and how many attempts it took, cancelled ones aside.

    Several final samples (after `--retry-failed`): the last one counts. A trial without any is not in here: it is missing, not failed.
    """
    attempts: dict[str, int] = {}
    last: dict[str, Sample] = {}
    for sample in samples:
        if not _is_cancelled(sample):
            attempts[sample.trial_id] = attempts.get(sample.trial_id, 0) + 1
        if is_deciding(sample):
            last[sample.trial_id] = sample
    return {trial_id: (sample, attempts[trial_id]) for trial_id, sample in last.items()}


def pending(plan: Plan, samples: Iterable[Sample], *, retry_failed: bool, health: Iterable[ClientHealth] = ()) -> Plan:
    """The part of a plan that is left: every trial without a deciding sample, with `retry_failed` also every trial that failed.

    What a load that ended by itself did not come to (`ClientHealth.load_ended`) is not needed, and not left.
    Blocks and order stay; blocks with nothing left go. A treatment with anything left keeps its warm-up trials, since it starts cold again; the
    others are not served. The digest stays the whole plan's.
    """
    progress = _Progress(plan)
    for sample in samples:
        if is_deciding(sample):
            progress.decide(sample.trial_id, is_over=not retry_failed or isinstance(sample.outcome, Completion))
    ended = _ended(health)
    left = (_rest(block, ended, states) for block, states in zip(plan.blocks, progress.states(), strict=True))
    return msgspec.structs.replace(plan, blocks=tuple(block for block in left if block.trials))


def _ended(health: Iterable[ClientHealth]) -> set[ServingKey]:
    """What was served under a load that ended by itself."""
    return {(model_id, digest) for told in health if told.load_ended for model_id in told.model_ids for digest in told.treatment_digests}


_UNDECIDED, _FAILED, _OVER = range(3)


class _Progress:
    """What is known of each trial of a plan: a byte each, and what it takes to find it."""

    def __init__(self, plan: Plan) -> None:
        self._sizes = [len(block.trials) for block in plan.blocks]
        self._places = Places((trial_id for block in plan.blocks for trial_id in columns(block.trials).ids()), sum(self._sizes))
        self._states = bytearray(sum(self._sizes))

    def decide(self, trial_id: str, *, is_over: bool) -> None:
        """A trial is decided; another plan's is passed over."""
        place = self._places.get(trial_id)
        if place is not None:
            self._states[place] = _OVER if is_over else _FAILED

    def states(self) -> Iterator[bytearray]:
        """Those of each block."""
        start = 0
        for size in self._sizes:
            yield self._states[start : start + size]
            start += size


def _rest(block: Block, ended: Container[ServingKey], states: bytearray) -> Block:
    """What is left of a block: what is not over, but what a load that has ended did not come to, and the warm-up of what is served again."""
    trials = columns(block.trials)
    needed = trials.flagged(lambda kind: kind.step is None or kind.key not in ended)
    measured = trials.flagged(lambda kind: not kind.is_warmup)
    wanted = bytes(
        is_measured and (state == _FAILED or (state == _UNDECIDED and is_needed))
        for is_measured, is_needed, state in zip(measured, needed, states, strict=True)
    )
    served = {kind.key for kind, _ in trials.chosen(wanted).counted()}
    warm_up = trials.flagged(lambda kind: kind.is_warmup and kind.key in served)
    return Block(treatments=tuple(each for each in block.treatments if each.key in served), trials=trials.chosen(map(or_, wanted, warm_up)))
