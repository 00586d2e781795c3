"""What `bench plan` says of a judge."""

import pytest
from harness.command import Here
from harness.judged_spec import write_judged_spec
from harness.written_spec import external

from bench.catalog import REGISTRY
from bench.judge_budget import judge_budget
from bench.plan.expand import expand
from bench.spec.load import load_spec

HUB = "{runtime: llama.cpp, weights: hf:Qwen/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf}"
MODELS = (external("m", "http://localhost:1/v1"), external("o", "http://localhost:2/v1"))


def budget_of(tmp_path, judging="", more="warmup: 1\nrounds: 2", judge=HUB):
    spec = load_spec(write_judged_spec(tmp_path, judge, *MODELS, n=3, judging=judging, more=more), extensions=REGISTRY, environ={}).spec
    return judge_budget(spec, expand(spec))


def test_every_aspect_that_no_program_decides_is_a_question(tmp_path):
    found = budget_of(tmp_path)
    assert (found.judges, found.runtimes, found.method) == (("local",), ("llama.cpp",), "aspects")
    assert (found.answers, found.questions) == (12, 36)  # 3 prompts, 2 models, 2 rounds; 3 aspects each, warm-up aside
    assert 100 < found.probe_questions < 1000


def test_asking_both_ways_doubles_it(tmp_path):
    assert budget_of(tmp_path, ", balance: true").questions == 72


def test_pairs_are_of_two_models_in_one_round(tmp_path):
    found = budget_of(tmp_path, ", method: pairwise")
    assert (found.answers, found.questions) == (6, 12)


def test_each_member_of_a_panel_is_asked(tmp_path):
    found = budget_of(tmp_path, ", method: panel, members: [other]", judge=f"  local: {HUB}\n  other: {HUB}")
    assert (found.judges, found.questions) == (("local", "other"), 72)


def test_people_are_asked_nothing_here(tmp_path):
    assert budget_of(tmp_path, ", method: human") is None


@pytest.mark.parametrize("words", [(), ("--format", "json")])
def test_the_plan_shows_the_judge_with_where_it_comes_from(tmp_path, capsys, monkeypatch, words):
    spec = write_judged_spec(tmp_path, HUB, *MODELS, n=3)
    shown = Here(tmp_path, capsys, monkeypatch)("plan", spec, *words).stdout
    assert "the Hugging Face hub (HF_ENDPOINT)" in shown
    assert "hf:Qwen/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf" in shown
    if not words:
        assert "judge         local (llama.cpp): aspects, after all measuring; at most 18 questions on 6 answers, before them at most" in shown


def test_the_plan_shows_whom_foundry_local_asks(tmp_path, capsys, monkeypatch):
    hosted = write_judged_spec(tmp_path, "{runtime: foundry-local, alias: phi-4-mini}", *MODELS, n=3)
    shown = Here(tmp_path, capsys, monkeypatch)("plan", hosted).stdout
    assert "Foundry Local's catalogue" in shown
    assert "environment   BENCH_FOUNDRY_CACHE, FOUNDRY_LOCAL_ENDPOINT\n" in shown
    named = write_judged_spec(tmp_path, "{runtime: foundry-local, alias: phi-4-mini, base_url: 'http://localhost:7/v1'}", *MODELS, n=3)
    shown = Here(tmp_path, capsys, monkeypatch)("plan", named).stdout
    assert "Foundry Local's catalogue" not in shown
    assert "localhost:7" in shown
    assert "environment   no names are read\n" in shown
