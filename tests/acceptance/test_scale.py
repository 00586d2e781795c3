"""Runs too large to hold: what is kept of them, and that they say the same as when they are held."""

import msgspec
import pytest
from harness.fake_bench import fake_registry, means_for

from bench.catalog import REGISTRY
from bench.errors import UsageError
from bench.pipeline import conclude, run
from bench.records.spec import Load, Slo, Spec
from bench.store.layout import RunLayout
from bench.store.reader import read_samples
from bench.store.writer import LineWriter
from bench.workers import check

SPEC = """
bench: 1
name: many
version: 1.0.0
models:
  - {id: one, runtime: external, base_url: "http://127.0.0.1:9/v1", model: mock}
  - {id: two, runtime: external, base_url: "http://127.0.0.1:9/v1", model: mock}
prompts:
  - {id: p1, user: Say one., aspects: [{id: a, check: {contains: one}}]}
  - {id: p2, user: Say two.}
  - {id: p3, user: Say three., aspects: [{id: a, check: {contains: two}}]}
rounds: 4
warmup: 1
load: {kind: closed, concurrency: 1}
limits: {max_error_rate: 100 %}
report: {formats: [markdown, csv]}
"""


def measured(tmp_path, *overrides, failing=False, **options):
    path = tmp_path / "many.yaml"
    path.write_text(SPEC, encoding="utf-8")
    registry = fake_registry(provider=dict.fromkeys(("wire", "openai-sdk"), "harness.failing:Failing")) if failing else None
    ended = run(means_for(path, tmp_path, registry=registry, overrides=overrides, **options))
    return ended, RunLayout(ended.folder)


def test_a_summary_of_arrivals_keeps_speed_and_says_what_it_left_out(tmp_path):
    full, layout = measured(tmp_path)
    short, short_layout = measured(tmp_path, "record=summary")
    assert all(len(sample.timing.token_s) == sample.timing.chunks == 24 for sample in read_samples(layout))
    assert all(sample.timing.gaps is not None and not sample.timing.gaps_us for sample in read_samples(short_layout))
    figures = [{(each.metric, each.statistic): each.n for each in ended.view.summary.estimates if each.n} for ended in (full, short)]
    assert {metric for metric, _ in figures[0].keys() - figures[1].keys()} == {"itl"}
    assert figures[0]["tpot", "p50"] == figures[1]["tpot", "p50"]
    assert any("record: summary" in note for note in short.view.summary.notes)


FEW = {"bench": 1, "name": "s", "version": "1", "digest": "d", "models": (), "prompts": ()}


def shares_of(layout, n):
    """The samples of a run as n workers of its session would have written them."""
    samples = list(read_samples(layout))
    layout.samples_of("w1").unlink()
    for place in range(n):
        with LineWriter(layout.samples_of(f"w1-{place + 1}")) as writer:
            for sample in samples[place::n]:
                writer.append(msgspec.structs.replace(sample, worker=f"w1-{place + 1}"))


def test_shards_of_a_run_say_the_same_as_one_file(tmp_path):
    _, layout = measured(tmp_path, "rounds=12", "load.concurrency=3")
    whole = layout.summary.read_bytes()
    shares_of(layout, 3)
    conclude(layout, fake_registry())
    assert layout.summary.read_bytes() == whole


def test_workers_measure_every_trial_once(tmp_path):
    ended, layout = measured(tmp_path, "load.concurrency=3", workers=2)
    assert ended.code == 0
    assert sum(each.completed for each in ended.view.summary.counts) == sum(each.planned for each in ended.view.summary.counts) == 24
    samples = list(read_samples(layout))
    assert {sample.worker for sample in samples} == {"w1", "w1-1", "w1-2"}
    assert len({sample.trial_id for sample in samples}) == len(samples) == 26
    assert len({health.clock_zero_ns for health in ended.view.summary.health}) == 1


def test_stop_rules_hold_for_all_workers_together(tmp_path):
    ended, _ = measured(tmp_path, "load.concurrency=4", "rounds=100", "limits.max_error_rate=5 %", workers=2, failing=True)
    assert any(reason.code == 6 for reason in ended.reasons)
    assert sum(each.missing for each in ended.view.summary.counts) > 0


def test_a_load_that_cannot_be_shared_is_refused():
    with pytest.raises(UsageError, match="sweep"):
        check(2, Spec(**FEW, load=Load(kind="sweep", steps=2, slo=Slo(ttft_s=1.0), settings={"from": 1, "to": 4})), REGISTRY)
