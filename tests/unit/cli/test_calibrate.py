"""`bench calibrate`: from answers by way of labels to what they say of the graders."""

import json
import random

import pytest
from harness.command import Here
from harness.fake_bench import means_for
from harness.written_spec import external, latest, write_spec

from bench.pipeline import run
from bench.records.calibration import Calibration
from bench.store.layout import list_runs
from bench.store.reader import read_summary

MORE = "warmup: 0\nrounds: 1\nreport: {formats: [json, markdown]}"


@pytest.fixture
def bench(tmp_path, capsys, monkeypatch):
    return Here(tmp_path, capsys, monkeypatch)


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch):
    monkeypatch.setattr("bench.summarize.calibration.RESAMPLES", 40)  # intervals have tests of their own


@pytest.fixture
def spec(tmp_path):
    path = write_spec(tmp_path, external("alpha", "http://a.invalid/v1"), external("beta", "http://b.invalid/v1"), prompts=24, more=MORE)
    aspects = "aspects: [{id: polite, expect: Is polite}, {id: short, check: {max_words: 20}}], user: Say"
    path.write_text(path.read_text().replace("user: Say", aspects))
    return path


def label(bench, folder, n=48):
    items = json.loads(_page(bench, folder, n))["items"]
    chance = random.Random(3)
    answers = [{"item": item["item_id"], "question": "polite", "label": chance.choice(["yes", "no"])} for item in items]
    (folder / "saved.json").write_text(json.dumps({"format": "bench-annotations", "version": 1, "answers": answers}))
    bench("annotate", "--annotator", "kim", "--import", "saved.json")
    return len(items)


def test_labels_become_corrected_means_in_the_summary_and_the_report(bench, spec, tmp_path):
    run(means_for(spec, tmp_path))
    n = label(bench, tmp_path)
    shown = bench("calibrate")
    found = read_summary(latest(tmp_path)).calibration
    assert isinstance(found, Calibration)
    assert found.people.items == n
    (checks,) = found.graders
    assert {(mean.model_id, mean.n_labels) for mean in checks.means} == {("alpha", 24), ("beta", 24)}
    assert f"{n} answers graded by 1 person" in shown.stdout
    assert "What people say" in latest(tmp_path).report("report.md").read_text("utf-8")


def test_what_to_label_next_is_named_and_can_be_asked_for(bench, spec, tmp_path):
    run(means_for(spec, tmp_path))
    label(bench, tmp_path, n=10)
    items = bench("calibrate", "--next", "2").stdout.splitlines()[-1]
    assert len(items.split(",")) == 2
    bench("annotate", "--annotator", "lee", "--items", items, "--csv", "more.csv")
    assert (tmp_path / "more.csv").read_text("utf-8-sig").count(",chosen") == 4  # two items of two questions


def test_a_run_without_labels_says_how_to_start(bench, spec, tmp_path):
    run(means_for(spec, tmp_path))
    assert "nobody labelled an answer of this run" in bench("calibrate", code=2).stderr


def test_exported_labels_speak_for_another_run_of_the_same_spec(bench, spec, tmp_path):
    run(means_for(spec, tmp_path))
    n = label(bench, tmp_path)
    bench("annotate", "--export", "labels.csv")
    text = spec.read_text() + "\njudges: {local: {runtime: external, base_url: 'http://j.invalid/v1', model: j}}\n"
    spec.write_text(text + "judge: {use: local, labels: labels.csv}\n")
    run(means_for(spec, tmp_path))
    assert len(list_runs(tmp_path / "runs")) == 2
    assert (latest(tmp_path).inputs / "labels.csv").exists()
    assert read_summary(latest(tmp_path)).calibration.people.items == n


def test_where_people_are_the_judge_their_word_is_the_quality(bench, spec, tmp_path):
    spec.write_text(spec.read_text().replace(", {id: short, check: {max_words: 20}}", "") + "\njudge: {use: people, method: human}\n")
    run(means_for(spec, tmp_path))
    items = json.loads(_page(bench, tmp_path, 24))["items"]
    answers = [{"item": item["item_id"], "question": "polite", "label": "yes" if k % 4 else "no"} for k, item in enumerate(items[:16])]
    (tmp_path / "saved.json").write_text(json.dumps({"format": "bench-annotations", "version": 1, "answers": answers}))
    bench("annotate", "--annotator", "kim", "--import", "saved.json")
    bench("calibrate")
    summary = read_summary(latest(tmp_path))
    found = {each.group.model_id: each for each in summary.estimates if each.metric == "quality" and each.group.prompt_id is None}
    assert {name: (each.value, each.n) for name, each in found.items()} == {"alpha": (0.75, 16), "beta": (0.75, 16)}
    assert {(each.graded, each.ungraded) for each in summary.aspects} <= {(1, 0), (0, 1)}
    assert summary.calibration.graders == ()  # people are not held against themselves


def _page(bench, folder, n):
    bench("annotate", "--annotator", "kim", "--html", "page.html", "-n", n)
    return (folder / "page.html").read_text("utf-8").split('id="items">')[1].split("</script>")[0]
