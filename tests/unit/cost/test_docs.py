"""The examples of `docs/cost.md` are run as they stand."""

import doctest
from pathlib import Path

from bench.cost.energy import Energy
from bench.records.cost import CostBasis
from bench.records.spec import ModelSpec

PAGE = Path(__file__).parents[3] / "docs" / "cost.md"


def test_every_example_prints_what_the_page_says():
    results = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert results.attempted >= 12
    assert results.failed == 0


def test_faster_model_costs_less_energy_as_the_page_says():
    amounts = [
        Energy({"busy_watts": 25, "price_per_kwh": "3600000 EUR"})
        .run_cost(
            CostBasis(
                model=ModelSpec(id="m", runtime="llama.cpp"),
                variant_id="cpu",
                requests=1,
                wall_s=200 / speed,
                busy_s=200 / speed,
                prompt_tokens=0,
                completion_tokens=200,
            )
        )
        .amount
        for speed in (50, 100)
    ]
    assert amounts == [100, 50]  # at 1 EUR per joule, the joules of the table
