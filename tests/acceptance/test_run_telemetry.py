"""The machine beside a run, as a user meets it: what is read, what is demanded, what it says of energy and cost."""

import pytest
from harness.command import Here
from harness.fake_bench import means_for
from harness.mock_llm import mock_llm
from harness.published import validated
from harness.written_spec import external, latest, owned, write_spec

from bench.catalog import CATALOG
from bench.pipeline import run as run_pipeline
from bench.records.telemetry import Idle, Slice, TelemetryEnd, TelemetryStart
from bench.registry import Registry
from bench.store.reader import read_machine, read_manifest, read_summary
from bench.telemetry import recorder

QUICK = "warmup: 0\nrounds: 4\ntelemetry: {interval: 20 ms}"


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    return Here(tmp_path, capsys, monkeypatch)


def test_server_of_ours_has_its_memory_and_cpu_in_lines_summary_and_reports(tmp_path, run):
    spec = write_spec(tmp_path, owned("m", "ttft_ms=30"), more=QUICK)
    run("run", spec, "--allow-commands", code=0)
    layout = latest(tmp_path)
    start, *slices, end = read_machine(layout)["w1"]
    assert (type(start), type(end)) == (TelemetryStart, TelemetryEnd)
    assert {type(line) for line in slices} == {Slice}
    assert validated(layout.folder)["telemetry"] == len(slices) + 2
    (use,) = read_summary(layout).machine
    assert use.rss_peak_bytes > 5_000_000
    assert use.processes >= 1
    assert use.others_cores is not None
    report = layout.report("report.md").read_text(encoding="utf-8")
    assert "\n## Machine\n" in report


def test_server_that_bench_did_not_start_is_found_by_its_port_and_workers_are_the_client(tmp_path, run):
    with mock_llm(ttft_ms=20) as server:
        spec = write_spec(tmp_path, external("m", server.base_url), prompts=12, more=f"{QUICK}\nload: {{kind: closed, concurrency: 4}}")
        run("run", spec, "--workers", "2", code=0)
    (use,) = read_summary(latest(tmp_path)).machine
    # The server lives in this test's own process, which is bench's: it cannot be told from the client, and nothing is made up about the others.
    assert (use.model_cores, use.others_cores) == (None, None)
    assert use.client_cores is not None


@pytest.mark.parametrize(("name", "words"), [("gpu", "demands a GPU that can be read"), ("energy", "demands an energy sensor that can be read")])
def test_what_is_demanded_and_not_here_ends_the_run_before_anything_is_sent(tmp_path, name, words):
    with mock_llm() as server:
        spec = write_spec(tmp_path, external("m", server.base_url), more=f"telemetry: {{{name}: on}}")
        registry = Registry({**CATALOG, "telemetry": {"host": CATALOG["telemetry"]["host"]}})  # a machine without either
        with pytest.raises(recorder.SourceAbsent, match=words) as caught:
            run_pipeline(means_for(spec, tmp_path, registry=registry))
        assert server.log == []
    assert caught.value.code == 3
    assert read_manifest(latest(tmp_path)).status == "failed"


def test_energy_that_a_sensor_counts_is_what_is_reported_gated_and_paid(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder.time, "sleep", lambda _s: None)  # the time at rest
    more = "cost: {model: energy, busy_watts: 1, price_per_kwh: 3600 EUR}\ngates: [{metric: energy_j, max: 1000}]"
    registry = Registry({**CATALOG, "telemetry": CATALOG["telemetry"] | {"plug": "harness.plug_meter:PlugMeter"}})
    with mock_llm(ttft_ms=60) as server:
        spec = write_spec(tmp_path, external("m", server.base_url), more=f"{QUICK}\n{more}")
        ended = run_pipeline(means_for(spec, tmp_path, registry=registry))
    assert any(isinstance(line, Idle) for line in read_machine(latest(tmp_path))["w1"])
    summary = ended.view.summary
    (facts,) = summary.energy
    assert (facts.basis, facts.sources) == ("measured", ("plug wall",))
    assert facts.gross_j == pytest.approx(90 * facts.window_s, rel=0.05)
    assert facts.counter_j == pytest.approx(facts.integral_j, rel=0.05)
    (gate,) = summary.gates
    assert (gate.metric, gate.outcome) == ("energy_j", "pass")
    whole = next(cost for cost in summary.costs if cost.per == "run")
    assert (whole.basis, whole.amount) == ("measured", pytest.approx(facts.gross_j / 1000))
    report = latest(tmp_path).report("report.md").read_text(encoding="utf-8")
    assert "plug wall, measured" in report


def test_without_a_sensor_declared_watts_make_an_estimate_that_is_called_one(tmp_path):
    with mock_llm(ttft_ms=30) as server:
        more = "telemetry: {gpu: off}\ncost: {model: energy, busy_watts: 25, idle_watts: 5, price_per_kwh: 0.30 EUR}"
        registry = Registry({**CATALOG, "telemetry": {"host": CATALOG["telemetry"]["host"]}})
        ended = run_pipeline(means_for(write_spec(tmp_path, external("m", server.base_url), more=more), tmp_path, registry=registry))
    (facts,) = ended.view.summary.energy
    assert (facts.basis, facts.sources) == ("declared", ("declared watts",))
    assert facts.net_j == pytest.approx(20 / 25 * facts.gross_j, rel=0.3)
    found = next(one for one in ended.view.summary.estimates if one.metric == "energy_j")
    assert found.note == "an estimate: watts as declared in the spec, not measured"
