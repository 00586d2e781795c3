"""What a run has cost so far."""

import msgspec
import pytest
from harness.runs import block, plan, sample

from bench.catalog import REGISTRY
from bench.meter import Meter
from bench.records.exchange import Completion, Usage
from bench.records.judging import JudgeWork
from bench.records.quantity import Money
from bench.records.spec import CostSpec, Limits, Load, Message, ModelSpec, Prompt, Spec

PRICES = CostSpec(model="price_table", settings={"input_per_million": "1000000 EUR", "output_per_million": "2000000 EUR"})
RENT = CostSpec(model="hourly", settings={"price_per_hour": "3600 EUR"})


EUROS = Money(amount=5, currency="EUR")


def spec(cost=PRICES, limit=EUROS, **changes):
    keys = {
        "bench": 1, "name": "x", "version": "1.0.0", "digest": "d", "models": (ModelSpec(id="one", runtime="external"),), "cost": cost,
        "prompts": (Prompt(id="p0", messages=(Message(role="user", content="hi"),)),), "limits": Limits(cost=limit),
    }  # fmt: skip
    return Spec(**{**keys, **changes})


PLAN = plan(block("one"))
TRIAL = PLAN.blocks[0].trials[1]


def answered(prompt_tokens, completion_tokens):
    usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
    return msgspec.structs.replace(sample(TRIAL.id), outcome=Completion(text="x", usage=usage))


def test_tokens_of_all_answers_are_added_up():
    meter = Meter(spec(), PLAN, REGISTRY)
    assert meter.total() == 0
    meter.add(answered(10, 3))
    meter.add(answered(1, 1))
    assert meter.total() == pytest.approx(10 + 2 * 3 + 1 + 2)


def test_a_failed_attempt_costs_its_prompt():
    meter = Meter(spec(), PLAN, REGISTRY)
    meter.add(sample(TRIAL.id, failure="server"))
    assert meter.total() == pytest.approx(len(TRIAL.request.messages[0].content) / 4, abs=1)


def test_time_is_shared_by_what_runs_side_by_side():
    meter = Meter(spec(RENT, load=Load(concurrency=4)), PLAN, REGISTRY)
    meter.add(sample(TRIAL.id))  # one second long
    assert meter.total() == pytest.approx(0.25)


@pytest.mark.parametrize("other", [spec(limit=None), spec(limit=Money(amount=5, currency="USD")), spec(cost=None)])
def test_without_a_price_in_the_limits_currency_nothing_is_said(other):
    meter = Meter(other, PLAN, REGISTRY)
    meter.add(answered(10, 3))
    assert meter.total() is None


def test_a_trial_of_another_plan_costs_nothing():
    meter = Meter(spec(), PLAN, REGISTRY)
    meter.add(sample("unknown"))
    assert meter.total() == 0


def test_a_judges_work_counts_too():
    meter = Meter(spec(), PLAN, REGISTRY)
    meter.add(answered(1, 0))
    work = JudgeWork(judge_id="j", requests=1, prompt_tokens=10, completion_tokens=2)
    meter.judged(ModelSpec(id="j", runtime="external"), work)
    meter.judged(ModelSpec(id="j", runtime="external"), msgspec.structs.replace(work, requests=2, prompt_tokens=20))  # all so far, not more of it
    assert meter.total() == 1 + 20 + 2 * 2
    meter.judged(ModelSpec(id="j", runtime="external", cost=RENT), msgspec.structs.replace(work, wall_s=3.0))
    assert meter.total() == 1 + 3
