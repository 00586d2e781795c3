"""Every registered cost model: its examples, its settings' schema, and what it refuses. The sums in the examples are made by hand."""

import importlib
import json

import pytest
from jsonschema import Draft202012Validator

from bench import resources
from bench.catalog import CATALOG, REGISTRY
from bench.cost.price_table import PriceTable
from bench.errors import MissingExtension
from bench.records.cost import CostBasis
from bench.records.spec import ModelSpec

MODELS = sorted(CATALOG["cost"])


def _module(name):
    return importlib.import_module(CATALOG["cost"][name].partition(":")[0])


def _basis(**changes):
    work = {"requests": 30, "wall_s": 150.0, "busy_s": 120.0, "prompt_tokens": 9000, "completion_tokens": 3000} | changes
    return CostBasis(model=ModelSpec(id="gpt-4o-mini", runtime="external"), variant_id="default", **work)


@pytest.mark.parametrize(("name", "settings", "basis", "amount", "currency"), [(name, *row) for name in MODELS for row in _module(name).EXAMPLES])
def test_example_costs_what_it_says(name, settings, basis, amount, currency):
    Draft202012Validator(_module(name).SCHEMA).validate(settings)
    cost = REGISTRY.load("cost", name)(settings).run_cost(basis)
    assert cost.amount == pytest.approx(amount, rel=1e-12)
    assert (cost.currency, cost.per, cost.cost_model) == (currency, "run", name)
    assert (cost.model_id, cost.variant_id) == (basis.model.id, basis.variant_id)


def test_formula_holds_the_numbers_so_that_a_reader_can_do_it_again():
    energy = REGISTRY.load("cost", "energy")({"busy_watts": 25, "idle_watts": 8, "price_per_kwh": "0.30 EUR"})
    assert energy.run_cost(_basis()).formula == "(25 W × 120 s busy + 8 W × 30 s idle) ÷ 3600000 J/kWh × 0.3 EUR/kWh"
    hourly = REGISTRY.load("cost", "hourly")({"price_per_hour": "1.20 EUR"})
    assert hourly.run_cost(_basis()).formula == "150 s ÷ 3600 s/h × 1.2 EUR/h"
    prices = PriceTable({"input_per_million": "0.20 EUR", "output_per_million": "1 EUR", "cached_per_million": "0.10 EUR"})
    assert prices.run_cost(_basis(cached_tokens=4000)).formula == (
        "(5000 input tokens × 0.2 EUR + 4000 cached tokens × 0.1 EUR + 3000 output tokens × 1 EUR) ÷ 1000000"
    )


def test_energy_is_said_to_be_declared_and_not_measured():
    cost = REGISTRY.load("cost", "energy")({"busy_watts": 25, "price_per_kwh": "0.30 EUR"}).run_cost(_basis())
    assert cost.basis == "declared"
    assert "not measured" in cost.note


def test_busy_time_above_the_window_gives_no_negative_idle_time():
    model = REGISTRY.load("cost", "energy")({"busy_watts": 10, "idle_watts": 1000, "price_per_kwh": "1 EUR"})
    assert model.run_cost(_basis(wall_s=10.0, busy_s=10.5)).amount == pytest.approx(105 / 3.6e6)


def test_list_price_names_model_and_data():
    cost = PriceTable({"provider": "openai", "date": "2025-01-01"}).run_cost(_basis(cached_tokens=3000))
    # per mean request: 200 × 0.15 + 100 × 0.075 (cached) + 100 × 0.60 = 97.5 USD per million, so 0.0000975 USD; × 30 = 0.002925 USD
    assert cost.amount == pytest.approx(0.002925, rel=1e-9)
    assert (cost.currency, cost.basis) == ("USD", "list price")
    assert "gpt-4o-mini" in cost.note
    assert "genai-prices" in cost.note
    assert "2025-01-01" in cost.note


def test_list_price_for_a_long_context_is_that_of_the_single_request_and_not_of_the_sum():
    table = PriceTable({"provider": "google", "price_of": "gemini-2.5-pro", "date": "2026-01-01"})
    one = table.run_cost(_basis(requests=1, prompt_tokens=100_000, completion_tokens=0)).amount
    assert table.run_cost(_basis(requests=10, prompt_tokens=1_000_000, completion_tokens=0)).amount == pytest.approx(10 * one)


def test_unknown_model_has_no_price_and_says_so():
    cost = PriceTable({"provider": "openai", "price_of": "no-such-model"}).run_cost(_basis())
    assert cost.amount is None
    assert "no-such-model" in cost.note


def test_run_without_requests_costs_nothing():
    nothing = _basis(requests=0, prompt_tokens=0, completion_tokens=0, wall_s=0.0, busy_s=0.0)
    for name in MODELS:
        for settings, *_ in _module(name).EXAMPLES:
            assert REGISTRY.load("cost", name)(settings).run_cost(nothing).amount == 0
    assert PriceTable({"provider": "openai"}).run_cost(nothing).amount == 0


def test_missing_price_table_is_said_with_its_install_line(monkeypatch):
    monkeypatch.setattr("bench.cost.price_table.find_spec", lambda _name: None)
    with pytest.raises(MissingExtension) as missing:
        PriceTable({"provider": "openai"})
    assert "genai-prices" in missing.value.message
    assert "bench-spec[prices]" in missing.value.hint


def test_schema_of_specs_describes_every_setting():
    published = json.loads(resources.read("schemas", "spec.v1.schema.json"))["$defs"]["cost"]["properties"]
    assert set(published) - {"model", "settings"} == {name for model in MODELS for name in _module(model).SCHEMA["properties"]}


REFUSED = [
    ("energy", None, "write a mapping"),
    ("energy", {}, "busy_watts is missing"),
    ("energy", {"busy_watts": 25}, "price_per_kwh is missing"),
    ("energy", {"busy_watts": -1, "price_per_kwh": "0.3 EUR"}, "from 0"),
    ("energy", {"busy_watts": "lots", "price_per_kwh": "0.3 EUR"}, "number of watts"),
    ("energy", {"busy_watts": True, "price_per_kwh": "0.3 EUR"}, "number of watts"),
    ("energy", {"busy_watts": float("nan"), "price_per_kwh": "0.3 EUR"}, "number of watts"),
    ("energy", {"busy_watts": 25, "price_per_kwh": 0.3}, "with its currency"),
    ("energy", {"busy_watts": 25, "price_per_kwh": "0.3"}, "no currency"),
    ("energy", {"busy_wats": 25, "price_per_kwh": "0.3 EUR"}, "did you mean 'busy_watts'?"),
    ("hourly", {}, "price_per_hour is missing"),
    ("hourly", {"price_per_hour": "-1 EUR"}, "negative"),
    ("price_table", {}, "write the prices, or the provider"),
    ("price_table", {"provider": None}, "provider is None"),
    ("price_table", {"input_per_million": "1 USD"}, "output_per_million is missing"),
    ("price_table", {"input_per_million": "1 USD", "output_per_million": "1 EUR"}, "different currencies"),
    ("price_table", {"input_per_million": "1 USD", "output_per_million": "1 USD", "provider": "openai"}, "not both"),
    ("price_table", {"provider": "openai", "date": "yesterday"}, "such as 2026-11-22"),
    ("price_table", {"provider": 3}, "as a text"),
]


@pytest.mark.parametrize(("name", "settings", "message"), REFUSED)
def test_settings_that_make_no_sense_are_refused_with_words(name, settings, message):
    problem = REGISTRY.problem("cost", name, settings)
    assert problem is not None
    assert message in problem
