"""A plan's time and cost, from earlier runs where there are any."""

import pytest
from harness.fake_bench import fake_registry, means_for
from harness.written_spec import external, latest, write_spec

from bench.forecast import earlier_summary, forecast
from bench.pipeline import run
from bench.plan.expand import expand
from bench.spec.load import load_spec

PRICES = "cost: {model: price_table, input_per_million: 1 EUR, output_per_million: 1 EUR}"


def forecast_of(path, folder):
    spec = load_spec(path, extensions=fake_registry(), environ={}).spec
    return forecast(spec, expand(spec), folder / "runs", fake_registry(), environment=())


@pytest.fixture
def spec(tmp_path):
    return write_spec(tmp_path, external("m", "http://localhost:1/v1"), more=f"warmup: 0\n{PRICES}")


def test_without_an_earlier_run_the_assumptions_are_stated(spec, tmp_path):
    made = forecast_of(spec, tmp_path)
    assert "assumed" in made.basis
    assert made.expected_s > 10
    assert made.cost.currency == "EUR"


def test_an_earlier_run_tells_the_time(spec, tmp_path):
    run(means_for(spec, tmp_path))
    made = forecast_of(spec, tmp_path)
    assert made.basis == "latencies of an earlier run of this spec"
    assert made.expected_s < 5


def test_a_run_that_has_no_summary_is_passed_over(spec, tmp_path):
    run(means_for(spec, tmp_path))
    first = latest(tmp_path).folder
    run(means_for(spec, tmp_path))
    latest(tmp_path).summary.unlink()
    assert earlier_summary(tmp_path / "runs", "small").run_id == first.name


def test_a_spec_named_like_a_folder_finds_no_other_run(spec, tmp_path, monkeypatch):
    run(means_for(spec, tmp_path))
    monkeypatch.chdir(tmp_path / "runs" / "small")
    assert earlier_summary(tmp_path / "runs", latest(tmp_path).folder.name) is None
    assert earlier_summary(tmp_path / "runs", "latest") is None


def test_costs_in_two_currencies_are_no_sum(tmp_path):
    dollars = external("n", "http://localhost:1/v1", more=", cost: {model: price_table, input_per_million: 1 USD, output_per_million: 1 USD}")
    made = forecast_of(write_spec(tmp_path, external("m", "http://localhost:1/v1"), dollars, more=PRICES), tmp_path)
    assert made.cost is None


def test_an_open_loop_takes_until_its_last_arrival(tmp_path):
    more = "warmup: 0\nrounds: 100\nload: {kind: constant, rate: 0.5}"
    made = forecast_of(write_spec(tmp_path, external("m", "http://localhost:1/v1"), prompts=3, more=more), tmp_path)
    assert 598 <= made.expected_s <= 610  # 300 arrivals, one every two seconds
