from collections import Counter

import msgspec
import pytest
from harness.runs import block, plan, sample
from harness.summarized import block_health
from hypothesis import given
from hypothesis import strategies as st

from bench.digest import digest
from bench.store.pending import deciding, pending


def measured(planned):
    return [trial.id for part in planned.blocks for trial in part.trials if not trial.is_warmup]


def warmups(planned):
    return [trial.model_id for part in planned.blocks for trial in part.trials if trial.is_warmup]


def test_nothing_done_leaves_the_whole_plan():
    planned = plan()
    assert pending(planned, [], retry_failed=False) == planned


def test_everything_done_leaves_nothing():
    planned = plan()
    assert pending(planned, map(sample, measured(planned)), retry_failed=True).blocks == ()


def test_treatment_with_something_left_keeps_its_warm_up_and_the_others_are_not_served():
    planned = plan(block("one", "two"), block("three"))
    keep = next(trial for trial in planned.blocks[0].trials if trial.model_id == "two" and not trial.is_warmup)
    rest = pending(planned, [sample(trial) for trial in measured(planned) if trial != keep.id], retry_failed=False)
    assert measured(rest) == [keep.id]
    assert warmups(rest) == ["two"]
    assert [[treatment.model_id for treatment in part.treatments] for part in rest.blocks] == [["two"]]
    assert rest.digest == planned.digest


def test_two_models_that_are_served_alike_are_still_two():
    both = block("one", "two")
    alike = msgspec.structs.replace(
        both,
        treatments=tuple(msgspec.structs.replace(treatment, digest="same") for treatment in both.treatments),
        trials=tuple(msgspec.structs.replace(trial, treatment_digest="same") for trial in both.trials),
    )
    done = [sample(trial.id) for trial in alike.trials if trial.model_id == "one"]
    (rest,) = pending(plan(alike), done, retry_failed=False).blocks
    assert {trial.model_id for trial in rest.trials} == {treatment.model_id for treatment in rest.treatments} == {"two"}


def test_warm_up_is_repeated_even_when_it_was_done():
    planned = plan(block("one"))
    done = [sample(trial.id) for trial in planned.blocks[0].trials[:2]]
    assert warmups(pending(planned, done, retry_failed=False)) == ["one"]


@pytest.mark.parametrize(("retry_failed", "left"), [(False, 0), (True, 1)])
def test_failed_trials_run_again_only_when_asked(retry_failed, left):
    planned = plan(block("one"))
    first, *others = measured(planned)
    samples = [sample(first, failure="timeout"), *map(sample, others)]
    assert len(measured(pending(planned, samples, retry_failed=retry_failed))) == left


def test_trial_that_succeeded_on_retry_is_done():
    planned = plan(block("one"))
    first, *others = measured(planned)
    samples = [sample(first, failure="timeout"), *map(sample, others), sample(first)]
    assert pending(planned, samples, retry_failed=True).blocks == ()
    assert deciding(samples)[first] == (sample(first), 2)


def test_attempt_that_was_not_final_decides_nothing():
    planned = plan(block("one"))
    first = measured(planned)[0]
    samples = [sample(first, failure="rate_limit", is_final=False)]
    assert first in measured(pending(planned, samples, retry_failed=False))
    assert deciding(samples) == {}


def test_cancelled_trial_is_missing_not_failed():
    planned = plan(block("one"))
    first = measured(planned)[0]
    samples = [sample(first, failure="cancelled")]
    assert first in measured(pending(planned, samples, retry_failed=False))
    assert deciding(samples) == {}
    assert deciding([*samples, sample(first)])[first] == (sample(first), 1)
    assert deciding([sample(first, failure="timeout"), *samples])[first] == (sample(first, failure="timeout"), 1)


def test_attempts_are_counted_up_to_the_decision():
    samples = [sample("t", failure="server", is_final=False), sample("t", failure="server", is_final=False, attempt=2), sample("t", attempt=3)]
    assert deciding(samples) == {"t": (samples[-1], 3)}


@given(st.lists(st.tuples(st.integers(0, 13), st.booleans()), max_size=6), st.data())
def test_every_trial_is_decided_exactly_once_after_any_interruptions(sessions, data):
    planned = plan(block("one", "two", rounds=2), block("three", rounds=1))
    written = []
    for length, ends_in_the_middle in [*sessions, (10_000, False)]:
        rest = pending(planned, written, retry_failed=False)
        todo = [trial.id for part in rest.blocks for trial in part.trials]
        for trial_id in todo[:length]:
            failure = data.draw(st.sampled_from([None, None, "timeout"]))
            if data.draw(st.booleans()):
                written.append(sample(trial_id, failure="server", is_final=False))
            written.append(sample(trial_id, failure=failure))
        if ends_in_the_middle and length < len(todo):
            written.append(sample(todo[length], failure="cancelled", is_final=data.draw(st.booleans())))
    finals = Counter(seen.trial_id for seen in written if seen.is_final and getattr(seen.outcome, "kind", "") != "cancelled")
    assert {trial_id: finals[trial_id] for trial_id in measured(planned)} == dict.fromkeys(measured(planned), 1)
    assert pending(planned, written, retry_failed=False).blocks == ()
    assert set(measured(planned)) <= set(deciding(written))


def stepped(*models):
    """Two rounds, a step each."""
    part = block(*models)
    return msgspec.structs.replace(
        part, trials=tuple(trial if trial.is_warmup else msgspec.structs.replace(trial, step=trial.round) for trial in part.trials)
    )


def test_steps_that_a_load_did_not_come_to_are_not_left():
    planned = plan(stepped("one"), stepped("two"))
    done = [sample(trial.id) for part in planned.blocks for trial in part.trials if trial.step == 1]
    ended = block_health(model_ids=("one",), treatment_digests=(digest("one"),), load_ended="step 1: enough")
    rest = pending(planned, done, retry_failed=False, health=(ended, block_health(model_ids=("two",), treatment_digests=(digest("two"),))))
    assert {trial.model_id for part in rest.blocks for trial in part.trials} == {"two"}
    assert len(measured(rest)) == 3


def test_what_failed_before_the_load_ended_can_be_retried():
    planned = plan(stepped("one"))
    failed = next(trial.id for trial in planned.blocks[0].trials if trial.step == 1)
    done = [sample(trial.id, failure="timeout" if trial.id == failed else None) for trial in planned.blocks[0].trials if trial.step == 1]
    ended = block_health(model_ids=("one",), treatment_digests=(digest("one"),), load_ended="step 1: enough")
    assert measured(pending(planned, done, retry_failed=True, health=(ended,))) == [failed]
