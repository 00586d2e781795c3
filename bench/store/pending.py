"""What a run still has to do, and which sample decides a trial."""

from collections.abc import Container, Iterable, Iterator

import msgspec

from bench.records.exchange import Completion, Failure
from bench.records.machine import ClientHealth
from bench.records.plan import Block, Plan, Trial
from bench.records.sample import Sample


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
    done: dict[str, bool] = {}  # trial -> whether it need not be run again
    for sample in samples:
        if is_deciding(sample):
            done[sample.trial_id] = not retry_failed or isinstance(sample.outcome, Completion)
    over = {trial_id for trial_id, is_done in done.items() if is_done}
    over |= {trial.id for trial in not_needed(plan, done, health)}
    left = (_rest(block, over) for block in plan.blocks)
    return msgspec.structs.replace(plan, blocks=tuple(block for block in left if block.trials))


def not_needed(plan: Plan, decided: Container[str], health: Iterable[ClientHealth]) -> Iterator[Trial]:
    """Trials of steps that a load did not come to, because it had ended by itself before."""
    ended = {(model_id, digest) for told in health if told.load_ended for model_id in told.model_ids for digest in told.treatment_digests}
    for block in plan.blocks:
        yield from (trial for trial in block.trials if trial.step is not None and trial.key in ended and trial.id not in decided)


def _rest(block: Block, over: set[str]) -> Block:
    wanted = {trial.id for trial in block.trials if not trial.is_warmup and trial.id not in over}
    served = {(trial.model_id, trial.treatment_digest) for trial in block.trials if trial.id in wanted}
    trials = tuple(trial for trial in block.trials if trial.id in wanted or (trial.is_warmup and (trial.model_id, trial.treatment_digest) in served))
    return Block(treatments=tuple(each for each in block.treatments if (each.model_id, each.digest) in served), trials=trials)
