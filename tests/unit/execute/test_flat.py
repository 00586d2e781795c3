"""A block of ever more trials in the memory of few: what is to come is made when a place is free, and what is done is let go."""

import asyncio
from collections import Counter

from harness.calls import trial
from harness.growth import peak, spec_of

from bench.clock import Clock
from bench.execute.engine import ExecutionSettings, Seat, run_block
from bench.execute.load.closed import Closed
from bench.execute.load.poisson import Poisson
from bench.execute.progress import Silent
from bench.execute.stop import StopRules
from bench.execute.work import Job, Work
from bench.plan.expand import expand
from bench.providers.fake import Fake
from bench.records.serving import Endpoint
from bench.records.spec import Limits, Load


def measured(plan, load):
    """Every trial of a plan, answered; how many samples there were."""
    (block,) = plan.blocks
    clock, seen = Clock(), Counter()
    seats = {
        each.key: Seat(endpoint=Endpoint(base_url="fake://model?n=2", served_model="m", owned=False), provider=Fake) for each in block.treatments
    }

    def sink(sample):
        seen[sample.is_final] += 1

    asyncio.run(run_block(block, seats, ExecutionSettings(load=load), sink, Silent(), StopRules(Limits(), clock), clock, "w1"))
    return seen


def per_trial(load):
    plans = {n: expand(spec_of(prompts=5, rounds=n // 5, warmup=0)) for n in (20, 100, 600)}
    assert measured(plans[20], load) == {True: 20}  # what is loaded and cached once is so now
    return peak(lambda n: measured(plans[n], load), 100, 600)


def test_a_trial_more_costs_a_closed_loop_no_more_than_its_columns():
    assert per_trial(Closed(Load(concurrency=4))) < 40


def test_a_trial_more_costs_an_open_loop_no_more_than_its_columns_and_a_reading():
    assert per_trial(Poisson(Load(kind="poisson", concurrency=4, settings={"rate": 1e6}))) < 40


def test_jobs_are_made_one_ahead_and_no_more():
    made = []

    def jobs():
        for number in range(100):
            made.append(number)
            yield Job(trial=trial(number))

    async def take_some():
        work = Work(jobs(), Counter({trial(0).key: 100}), lambda _key: False, lambda: False, Clock())
        for number in range(10):
            job = await work.take()
            assert job.trial == trial(number)
            assert len(made) == number + 2
            assert work.left_of(job.trial.key) == 99 - number
            work.close()

    asyncio.run(take_some())
