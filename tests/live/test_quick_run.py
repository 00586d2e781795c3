"""The main job on a real model: the README's command with `--quick`, as a user runs it."""

import json

import pytest
from harness.command import bench
from harness.published import validated
from harness.source_tree import ROOT
from harness.weights import with_weights

from bench.store.layout import RunLayout, list_runs
from bench.store.reader import read_samples, read_summary

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(600)]


def value(summary, metric, statistic, model):
    (found,) = [
        each for each in summary.estimates
        if (each.metric, each.statistic, each.group.model_id) == (metric, statistic, model) and each.group.prompt_id is each.group.prefix is None
    ]  # fmt: skip
    return found


def test_quick_run_of_the_summarizer_on_a_real_model(tmp_path):
    spec = ROOT / "specs" / "summarizer.yaml"
    words = ("--quick", "--only", "smollm2-135m", "--only", "office-server", "--set", "generation.max_tokens=64")
    words = (*words, "--set", "judges.local.threads=1")  # beside other tests two threads wait for each other
    ended = bench("run", spec, *words, folder=tmp_path, timeout_s=580, environ=with_weights(tmp_path))
    assert ended.returncode == 0, ended.stderr
    (folder,) = list_runs(tmp_path / "runs")
    assert ended.stdout.splitlines()[-1] == str(folder.relative_to(tmp_path))
    summary = read_summary(RunLayout(folder))
    states = {status.model_id: (status.state, status.reason) for status in summary.models}
    assert states["smollm2-135m"] == ("served", None)
    assert states["office-server"][0] == "unavailable"
    assert "nothing listens on" in states["office-server"][1]
    assert value(summary, "ttft", "p50", "smollm2-135m").value > 0.01
    assert value(summary, "quality", "mean", "smollm2-135m").value is not None
    (served,) = [status for status in summary.models if status.state == "served"]
    assert served.rss_peak_bytes >= served.rss_loaded_bytes > 50e6
    assert served.disk_bytes == 98_362_432
    assert [cost for cost in summary.costs if cost.per == "request" and cost.amount > 0]
    assert validated(folder)["sample"] == 4
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert "smollm2-135m" in report
    (judge,) = summary.judges
    assert (judge.state, judge.qualification.verdict, judge.may_count, judge.ran) == ("served", "unqualified", False, ("logprobs",))
    assert {reason.partition(":")[0] for reason in judge.qualification.reasons} >= {"absent_fact", "negated_fact"}
    assert judge.cached_tokens > judge.read_tokens > 0
    assert value(summary, "quality", "mean", "smollm2-135m").value == value(summary, "checks_met", "mean", "smollm2-135m").value
    assert "Decided by checks; judge local is UNQUALIFIED: failed" in report


def test_prompt_tokens_are_never_counted_as_output(tmp_path):
    spec = ROOT / "specs" / "summarizer.yaml"
    words = ("--only", "smollm2-135m", "--only", "prompt:*standup*", "--set", "rounds=1", "--set", "warmup=0", "--set", "generation.max_tokens=8")
    words = (*words, "--set", "judge.method=human")  # nobody grades: this is about tokens
    ended = bench("run", spec, *words, "--quiet", folder=tmp_path, timeout_s=280, environ=with_weights(tmp_path))
    assert ended.returncode == 0, ended.stderr
    (folder,) = list_runs(tmp_path / "runs")
    for sample in read_samples(RunLayout(folder)):
        assert sample.outcome.usage.counted_by == "server"
        assert sample.outcome.usage.completion_tokens <= 8 < sample.outcome.usage.prompt_tokens
        assert sample.outcome.server_timings.predicted_n == sample.outcome.usage.completion_tokens
    summary = json.loads((folder / "summary.json").read_bytes())
    (output,) = [
        each for each in summary["estimates"] if each["metric"] == "completion_tokens" and each["group"].keys() == {"model_id", "variant_id"}
    ]
    assert output["value"] <= 8
