"""The tree that two versions are compared by: in the words of the language, and blind to how a quantity or a default is written."""

import msgspec
import pytest

from bench.catalog import REGISTRY
from bench.diff.spec_tree import _LOAD_DEFAULTS, tree
from bench.execute.load.ramp import Settings as Ramp
from bench.execute.load.sweep import Settings as Sweep
from bench.execute.load.trace import Settings as Trace
from bench.spec.load import load_spec
from bench.spec.rules.loading import SWEEP_STEPS

SPEC = """bench: 1
name: notes
version: 1.0.0
models:
  - {id: a, runtime: external, base_url: "http://127.0.0.1:9/v1", model: m, size: 2 GB, cost: {model: hourly, price_per_hour: 1.50 EUR}}
prompts:
  - {id: one, user: Say it., rubric: used, aspects: [{id: y, check: {json_schema: {properties: {a_s: {type: string}}}}}]}
rubrics: {used: {pass: 3, criteria: [{id: clear, question: Is it clear?}]}}
rounds: 20
slo: {ttft: 1 s}
load: {kind: closed}
cost: {model: energy, busy_watts: 20, price_per_kwh: 0.30 EUR}
selection: {weights: {ttft_p95: 1}, require: {license: [MIT], rss_bytes: {max: 2 GB}}}
"""


@pytest.fixture
def read(tmp_path):
    """The tree of the text with a replacement."""

    def made(old="", new=""):
        assert not old or SPEC.count(old) == 1
        path = tmp_path / "spec.yaml"
        path.write_text(SPEC.replace(old, new) if old else SPEC, encoding="utf-8")
        return tree(load_spec(path, extensions=REGISTRY, environ=None).spec)

    return made


def test_keys_are_those_of_the_language(read):
    whole = read()
    assert whole["rubrics"]["used"]["pass"] == 3
    assert whole["models"]["a"]["size"] == "2000000000 B"
    assert whole["models"]["a"]["load_timeout"] == "300 s"
    assert whole["models"]["a"]["cost"] == {"model": "hourly", "price_per_hour": "1.5 EUR"}
    assert whole["cost"] == {"model": "energy", "busy_watts": 20, "price_per_kwh": "0.3 EUR"}
    assert whole["prompts"]["one"]["aspects"]["y"]["check"] == {"json_schema": {"properties": {"a_s": {"type": "string"}}}}
    assert whole["selection"]["weights"] == {"ttft_p95": 1}
    assert whole["selection"]["require"] == {"license": ["MIT"], "capabilities": [], "rss_bytes": {"min": None, "max": 2e9}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kind: ramp, from: 1, to: 9, over: 60 s", "kind: ramp, from: 1, to: 9, over: 1 min, of: rate, concurrency: 256"),
        ("kind: burst, size: 4, every: 1000 ms", "kind: burst, size: 4, every: 1 s"),
        ("kind: poisson, rate: 2, max_wait: 120 s", "kind: poisson, rate: 2, max_wait: 2 min"),
        ("kind: sweep, from: 1, to: 128, min_goodput: 90 %", "kind: sweep, from: 1, to: 128, min_goodput: 0.9, min_growth: 20 %, steps: 8"),
        ("kind: sweep, from: 1, to: 128, spacing: geometric", "kind: sweep, from: 1, to: 128, of: concurrency"),
        ("kind: trace, arrivals: [0, 1, 2]", "kind: trace, arrivals: [0, 1, 2], speed: 1.0"),
    ],
)  # fmt: skip
def test_a_load_is_the_same_however_its_quantities_and_defaults_are_written(read, one, other):
    assert read("kind: closed", one) == read("kind: closed", other)


def test_a_price_is_the_same_however_it_is_written(read):
    assert read() == read("0.30 EUR", "0.3  EUR")


def test_the_defaults_of_loads_are_the_loads_own():
    of_loads = {"ramp": Ramp, "sweep": Sweep, "trace": Trace}
    found = {
        kind: {field.encode_name: field.default for field in msgspec.structs.fields(one) if field.default not in (msgspec.NODEFAULT, None)}
        for kind, one in of_loads.items()
    }
    assert found == _LOAD_DEFAULTS
    assert SWEEP_STEPS == 8
