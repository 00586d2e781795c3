"""Runs too large to hold: what is kept of them, and that they say the same as when they are held."""

from harness.fake_bench import means_for

from bench.pipeline import run
from bench.store.layout import RunLayout
from bench.store.reader import read_samples

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
report: {formats: [markdown, csv]}
"""


def measured(tmp_path, *overrides):
    path = tmp_path / "many.yaml"
    path.write_text(SPEC, encoding="utf-8")
    ended = run(means_for(path, tmp_path, overrides=overrides))
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
