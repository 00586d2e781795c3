"""Gates by the commands a user types: in a run, and decided again."""

import json
import re

import pytest
from harness.command import Here
from harness.mock_llm import mock_llm
from harness.planted import planted_run
from harness.repository import Repository
from harness.written_spec import external, latest, write_spec
from lxml import etree

SPEC = """bench: 1
name: gates
version: 1.0.0
models: [{id: m, runtime: external, base_url: 'http://localhost:1/v1', model: m}]
prompts: [{id: one, user: hi, aspects: [{id: begins, check: {contains: alpha}}]}]
gates:
"""


@pytest.fixture
def bench(tmp_path, capsys, monkeypatch):
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    return Here(tmp_path, capsys, monkeypatch)


def gates(*lines):
    return "gates:\n" + "".join(f"  - {{{line}}}\n" for line in lines)


PASSES = "metric: latency, max: 10 s"
FAILS = "aspect: begins, max: 10 %"
OPEN = "metric: latency, at: p95, max: 10 s"  # twelve prompts are too few


@pytest.mark.parametrize(
    ("asked", "code"), [((PASSES,), 0), ((PASSES, OPEN), 9), ((OPEN, FAILS, PASSES), 1), ((f"{OPEN}, on_noise: pass", PASSES), 0)], ids=str
)
def test_exit_code_says_what_became_of_the_gates(tmp_path, bench, asked, code):
    run = planted_run(tmp_path, more=gates(*asked))
    assert bench("gate", run.folder, code=code).stdout.startswith(f"{len(asked)} gate")
    found = json.loads(bench("gate", run.folder, "--format", "json", code=code).stdout)
    assert found == json.loads(run.summary.read_bytes())["gates"]


def test_what_did_not_pass_is_told_with_its_reason(tmp_path, bench):
    run = planted_run(tmp_path, more=gates(FAILS))
    seen = bench("gate", run.folder, code=1)
    assert "exit 1: gate aspect begins ≤ 10 % of m failed: 100 [" in seen.stderr
    assert "FAILED" in seen.stdout
    bench("report", run.folder, "--formats", "markdown")
    assert "\n## Gates\n" in run.report("report.md").read_text(encoding="utf-8")


def test_other_gates_can_be_tried_on_a_run_that_is_done(tmp_path, bench):
    run = planted_run(tmp_path)
    assert "there are no gates to decide" in bench("gate", run.folder, code=2).stderr
    (tmp_path / "other.yaml").write_text(SPEC + f"  - {{{PASSES}}}\n  - {{{FAILS}}}\n", encoding="utf-8")
    before = run.summary.read_bytes()
    bench("gate", run.folder, "--spec", "other.yaml", code=1)
    assert run.summary.read_bytes() == before
    annotated = bench("gate", run.folder, "--spec", "other.yaml", "--format", "github", code=1).stdout.splitlines()
    assert len(annotated) == 1
    assert annotated[0].startswith("::error file=other.yaml,line=8,col=5,title=bench%3A gate-failed::gate aspect begins ≤ 10 %25 of m failed")


def test_a_regression_is_found_and_improvements_pass(tmp_path, bench):
    base = planted_run(tmp_path)
    bench("baseline", "store", base.folder)
    asked = gates(*(f"metric: {name}, baseline: baselines/planted.json, max_regression: 5 %" for name in ("latency", "decode_tps", "quality")))
    slower = planted_run(tmp_path, "ttft_ms=48&itl_ms=9.6", more=asked)
    assert [one["outcome"] for one in json.loads(bench("gate", slower.folder, "--format", "json", code=1).stdout)] == ["fail", "fail", "pass"]
    faster = planted_run(tmp_path, "ttft_ms=30&itl_ms=6", more=asked)
    bench("gate", faster.folder)
    bench("gate", faster.folder, "--baseline", slower.folder)
    assert "no gate names a baseline" in bench("gate", base.folder, "--spec", _plain(tmp_path), "--baseline", slower.folder, code=2).stderr


def test_rates_costs_and_memory_are_held_against_a_baseline(tmp_path, bench):
    whole = "slo: {ttft: 1 s}\ncost: {model: hourly, price_per_hour: 36 EUR}\n"
    base = planted_run(tmp_path, more=whole)
    bench("baseline", "store", base.folder)
    names = ("output_tps", "request_rate", "goodput", "cost_per_request", "cost", "rss_bytes", "disk_bytes")
    asked = gates(*(f"metric: {name}, baseline: baselines/planted.json, max_regression: 5 %" for name in names))
    again = planted_run(tmp_path, more=whole + asked)
    seen = json.loads(bench("gate", again.folder, "--format", "json").stdout)
    assert [one["outcome"] for one in seen] == ["pass"] * len(names)
    slower = planted_run(tmp_path, "ttft_ms=48&itl_ms=9.6", more=whole + asked)
    seen = json.loads(bench("gate", slower.folder, "--format", "json", code=1).stdout)
    assert [one["outcome"] for one in seen] == ["fail"] * 5 + ["pass"] * 2
    assert [one.get("is_reading", False) for one in seen] == [False] * 5 + [True] * 2
    fewer = planted_run(tmp_path, more=whole + asked, prompts=11)
    reasons = [one["reason"] for one in json.loads(bench("gate", fewer.folder, "--format", "json", code=9).stdout)]
    assert [reason.startswith("not the same prompts") for reason in reasons] == [True] * 5 + [False] * 2


def _plain(folder):
    (folder / "plain.yaml").write_text(SPEC + f"  - {{{PASSES}}}\n", encoding="utf-8")
    return "plain.yaml"


def test_a_baseline_that_is_not_there_leaves_the_gate_undecided(tmp_path, bench):
    run = planted_run(tmp_path, more=gates("metric: latency, baseline: baselines/none.json, max_regression: 5 %"))
    seen = bench("gate", run.folder, code=9)
    assert "there is no baseline baselines/none.json" in seen.stderr


def test_in_a_job_of_github_gates_are_annotations_and_a_table_on_its_page(tmp_path, bench, monkeypatch):
    run = planted_run(tmp_path, more=gates(FAILS, OPEN))
    page = tmp_path / "page.md"
    page.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    lines = [line for line in bench("gate", run.folder, code=1).stdout.splitlines() if line.startswith("::")]
    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning"]
    assert all("file=planted.yaml,line=" in line for line in lines)
    written = page.read_text(encoding="utf-8")
    assert written.startswith("before\n### Gates of planted 1.0.0\n")
    assert "| aspect begins ≤ 10 % | m | FAILED | 100 [" in written
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    assert "the job's page cannot be written" in bench("gate", run.folder, code=1).stderr


def test_junit_is_written_where_it_is_asked_for(tmp_path, bench):
    run = planted_run(tmp_path, more=gates(PASSES, FAILS))
    bench("gate", run.folder, "--junit", "gates.xml", code=1)
    root = etree.parse(tmp_path / "gates.xml").getroot()
    assert [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in root] == [("gates", "2", "1"), ("m", "12", "0")]


def test_a_run_without_a_summary_is_summarised_first(tmp_path, bench):
    run = planted_run(tmp_path, more=gates(PASSES))
    run.summary.unlink()
    bench("gate", run.folder)
    assert run.summary.exists()


def test_a_run_ends_with_its_gates_and_annotates_them_before_its_last_line(tmp_path, bench, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with mock_llm(ttft_ms=1, n=2) as server:
        asked = gates("metric: completion_tokens, min: 1000", "metric: error_rate, max: 60 %")
        spec = write_spec(tmp_path, external("m", server.base_url), prompts=8, more=f"warmup: 0\nreport: {{formats: [json, junit]}}\n{asked}")
        seen = bench("run", spec, "--quiet", code=1)
    *annotated, folder = seen.stdout.splitlines()
    assert folder == str(latest(tmp_path).folder.relative_to(tmp_path))
    (line,) = annotated
    assert line.startswith("::error file=spec.yaml,line=")
    assert "gate completion_tokens ≥ 1000 tokens of m failed: " in line
    root = etree.parse(latest(tmp_path).report("report.junit.xml")).getroot()
    assert [len(case) for case in root[0].iter("testcase")] == [1, 0]


def test_with_a_base_revision_the_checkout_cannot_supply_what_gates_are_held_against(tmp_path, bench):
    repository = Repository(tmp_path)
    with mock_llm(ttft_ms=1, n=2) as server:
        spec = write_spec(tmp_path, external("m", server.base_url), prompts=8, more="warmup: 0\nreport: {formats: [json]}\n")
        bench("run", spec, "--quiet")
        bench("baseline", "store")
        (made,) = (tmp_path / "baselines").iterdir()
        name = f"baselines/{made.name}"
        text = made.read_text(encoding="utf-8")
        moved = re.sub(r'"completion_tokens": \[2\.0', '"completion_tokens": [3.0', text)
        assert moved != text
        repository.commit("what it comes to")
        repository.git("switch", "-q", "-c", "branch")
        made.write_text(moved, encoding="utf-8")
        asked = gates(f"metric: completion_tokens, baseline: {name}, max_regression: 10 %")
        write_spec(tmp_path, external("m", server.base_url), prompts=8, more=f"warmup: 0\nreport: {{formats: [json]}}\n{asked}")
        repository.commit("a branch that moves what it is held against")
        bench("run", spec, "--quiet", "--base", "main")
        (kept,) = latest(tmp_path).baselines.iterdir()
        assert kept.read_text(encoding="utf-8") == text
        bench("report", "latest")
        assert kept.read_text(encoding="utf-8") == text
        bench("gate", "--base", "main")
        bench("gate", "--baseline", f"main:{name}")
        (found,) = json.loads(bench("gate", "--baseline", name, "--format", "json", code=1).stdout)
        assert found["outcome"] == "fail"
        assert "1 same" in bench("compare", f"main:{name}", "--metrics", "completion_tokens").stdout
        assert "1 same" in bench("compare", "baseline", "--baselines", "main:baselines", "--metrics", "completion_tokens").stdout
        for words, said in (
            (("gate", "--base", "nowhere"), "there is no git revision 'nowhere'"),
            (("gate", "--base", "main", "--baseline", name), "both say what gates are held against"),
            (("compare", "main:baselines/none.json"), "there is no file 'baselines/none.json' in the revision 'main'"),
            (("run", spec, "--resume", "--base", "main"), "--resume keeps the baselines"),
        ):
            assert said in bench(*words, code=2).stderr
        outside = gates("metric: completion_tokens, baseline: ../baselines/s.json, max_regression: 10 %")
        write_spec(tmp_path, external("m", server.base_url), prompts=8, more=f"warmup: 0\nreport: {{formats: [json]}}\n{outside}")
        assert "is not inside the repository" in bench("run", spec, "--quiet", "--base", "main", code=9).stderr
