"""From the cost of a run to its units, by hand."""

import pytest

from bench.cost.energy import Energy
from bench.cost.per_unit import derive
from bench.records.cost import CostBasis, CostEstimate
from bench.records.spec import ModelSpec

MODEL = ModelSpec(id="m", runtime="llama.cpp")


def _basis(**changes):
    work = {"requests": 30, "wall_s": 150.0, "busy_s": 120.0, "prompt_tokens": 9000, "completion_tokens": 3000, "accepted": 12} | changes
    return CostBasis(model=MODEL, variant_id="cpu", **work)


def _by_unit(basis):
    run_cost = Energy({"busy_watts": 25, "idle_watts": 8, "price_per_kwh": "0.30 EUR"}).run_cost(basis)
    return {cost.per: cost for cost in derive(run_cost, basis)}


def test_run_of_0_00027_eur_by_hand():
    costs = _by_unit(_basis())
    assert set(costs) == {"request", "million_tokens", "accepted_answer"}
    assert costs["request"].amount == pytest.approx(0.000009)  # 0.00027 ÷ 30
    assert costs["million_tokens"].amount == pytest.approx(0.09)  # 0.00027 ÷ 3000 × 1,000,000
    assert costs["accepted_answer"].amount == pytest.approx(0.0000225)  # 0.00027 ÷ 12
    assert {cost.currency for cost in costs.values()} == {"EUR"}
    assert {(cost.model_id, cost.variant_id, cost.cost_model, cost.basis) for cost in costs.values()} == {("m", "cpu", "energy", "declared")}
    assert costs["million_tokens"].formula == "0.00027 EUR ÷ 3000 output tokens × 1000000"


def test_nothing_accepted_has_no_price_and_is_not_free():
    cost = _by_unit(_basis(accepted=0))["accepted_answer"]
    assert (cost.amount, cost.note) == (None, "no answer was accepted")


def test_where_nothing_defines_acceptance_the_note_says_what_would():
    cost = _by_unit(_basis(accepted=None))["accepted_answer"]
    assert cost.amount is None
    assert "pass score" in cost.note


def test_run_without_requests_or_tokens_has_no_price_per_unit():
    costs = _by_unit(_basis(requests=0, completion_tokens=0))
    assert costs["request"].amount is None
    assert costs["million_tokens"].amount is None


def test_unknown_cost_of_the_run_stays_unknown_with_its_reason():
    unknown = CostEstimate(
        model_id="m",
        variant_id="cpu",
        cost_model="price_table",
        per="run",
        amount=None,
        currency="USD",
        basis="list price",
        formula="",
        note="no price",
    )
    assert {(cost.amount, cost.note) for cost in derive(unknown, _basis())} == {(None, "no price")}
