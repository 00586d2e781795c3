"""What `bench plan` says of a judge."""

import pytest
from harness.command import Here
from harness.judged_spec import write_judged_spec
from harness.written_spec import external

from bench.catalog import REGISTRY
from bench.errors import SpecError
from bench.judge_budget import judge_budget
from bench.plan.expand import expand
from bench.records.judging import JudgeRecord, JudgeWork
from bench.spec.load import load_spec

HUB = "{runtime: llama.cpp, weights: hf:Qwen/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf}"
MODELS = (external("m", "http://localhost:1/v1"), external("o", "http://localhost:2/v1"))


def budget_of(tmp_path, judging="", more="warmup: 1\nrounds: 2", judge=HUB):
    spec = load_spec(write_judged_spec(tmp_path, judge, *MODELS, n=3, judging=judging, more=more), extensions=REGISTRY, environ={}).spec
    return judge_budget(spec, expand(spec), REGISTRY)


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


PRICES = "cost: {model: price_table, input_per_million: 1000000 EUR, output_per_million: 1000000 EUR}"


def test_it_says_how_many_tokens_that_takes_how_long_and_what_it_costs(tmp_path):
    found = budget_of(tmp_path, more=f"warmup: 1\nrounds: 2\ngeneration: {{max_tokens: 10}}\n{PRICES}")
    n = found.questions + found.probe_questions
    assert found.completion_tokens_max == n  # a token each
    assert 150 * n < found.prompt_tokens_estimate < 400 * n  # what stands around the answer, the town and its reference
    assert (found.cost.currency, found.cost.amount) == ("EUR", pytest.approx(found.prompt_tokens_estimate + n))
    assert 0 < found.expected_s < found.prompt_tokens_estimate / 300 + n / 30
    assert found.draws == 5
    assert budget_of(tmp_path).cost is None


def test_a_judge_has_a_cost_of_its_own_and_wrong_ones_are_found_before_anything_runs(tmp_path):
    entry = HUB.replace("}", ", cost: {model: hourly, price_per_hour: 3600 EUR}}")
    found = budget_of(tmp_path, judge=entry, more="limits: {cost: 5 EUR}")
    assert found.cost.amount == pytest.approx(found.expected_s)
    with pytest.raises(SpecError) as refused:
        budget_of(tmp_path, judge=HUB.replace("}", ", cost: {model: hourly, price_per_day: 3 EUR}}"))
    assert "cost-settings" in [each.code for each in refused.value.diagnostics]
    with pytest.raises(SpecError) as refused:
        budget_of(tmp_path, judge=HUB.replace("}", ", cost: {model: barter}}"))
    assert "unregistered" in [each.code for each in refused.value.diagnostics]


def test_draws_are_so_many_questions_and_a_verdict_is_long(tmp_path):
    drawn = budget_of(tmp_path, ", method: samples, samples: 3")
    assert (drawn.questions, drawn.draws) == (3 * 36, 1)
    assert budget_of(tmp_path, ", method: verdict").completion_tokens_max > 512 * 36


def test_an_earlier_run_says_how_fast_the_judge_is(tmp_path):
    spec = load_spec(write_judged_spec(tmp_path, HUB, *MODELS, n=3), extensions=REGISTRY, environ={}).spec
    work = JudgeWork(judge_id="local", requests=50, busy_s=100.0)
    record = JudgeRecord(grader_id="local", grader_digest="d", judge_id="local", method="aspects", state="served", work=(work,))
    found = judge_budget(spec, expand(spec), REGISTRY, (record,))
    assert found.expected_s == 2.0 * (found.questions + found.probe_questions)
    assert found.basis == "at the pace of an earlier run of this spec"


def test_people_are_asked_nothing_here(tmp_path):
    assert budget_of(tmp_path, ", method: human") is None


@pytest.mark.parametrize("words", [(), ("--format", "json")])
def test_the_plan_shows_the_judge_with_where_it_comes_from(tmp_path, capsys, monkeypatch, words):
    spec = write_judged_spec(tmp_path, HUB, *MODELS, n=3)
    shown = Here(tmp_path, capsys, monkeypatch)("plan", spec, *words).stdout
    assert "the Hugging Face hub (HF_ENDPOINT)" in shown
    assert "hf:Qwen/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf" in shown
    if not words:
        assert "\njudging       at most about " in shown
        assert ", at a cost that nothing declares (assumed 300 prompt" in shown
        assert "; 5 times as many questions if it gives no log-probabilities)" in shown
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
