"""What `bench diff` says of trials, held against what runs of both versions really asked and graded."""

import json

import pytest
from harness.command import Here
from harness.mock_llm import mock_llm

from bench.store.layout import RunLayout
from bench.store.reader import read_grades, read_plan

pytestmark = pytest.mark.slow  # both versions are run

SPEC = """bench: 1
name: notes
version: 1.0.0
models:
  - {id: a, runtime: external, base_url: "%s", model: mock}
prompts:
  - include: more.yaml
  - {id: one, user: "Say {{ n }} words.", vars: {n: 3}, aspects: [{id: brief, check: {max_words: 60}}]}
generation: {temperature: 0, max_tokens: 20}
variants: [{id: cold}, {id: warm, generation: {temperature: 0.8}}]
rounds: 2
warmup: 0
report: {formats: [json]}
"""
MORE = """defaults: {system: Be kind., vars: {who: Ann}, aspects: [{id: short, check: {max_words: 80}}]}
prompts:
  - {id: two, user: "Greet {{ who }}."}
  - {id: three, user: "Thank {{ who }}.", vars: {who: Bob}, aspects: [{id: short, check: {max_words: 9}}]}
"""
CHANGES = (
    ("Say {{ n }}", "Write {{ n }}"), ("max_words: 80", "min_words: 80"), ("rounds: 2", "rounds: 3"), ("temperature: 0.8", "temperature: 0.9"),
    ("who: Ann", "who: Eve"),
)  # fmt: skip


@pytest.fixture(scope="module")
def server():
    with mock_llm(n=3) as running:
        yield running


@pytest.fixture
def bench(tmp_path, capsys, monkeypatch):
    return Here(tmp_path, capsys, monkeypatch)


def version(folder, server, *replacements):
    """A spec with its prompt set in a folder."""
    folder.mkdir()
    texts = {"spec.yaml": SPEC % server.base_url, "more.yaml": MORE}
    for old, new in replacements:
        assert sum(text.count(old) for text in texts.values()) == 1, old
        texts = {name: text.replace(old, new) for name, text in texts.items()}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "spec.yaml"


def ran(bench, tmp_path, spec):
    """The run's folder, the ids of its measured trials, and the grade of each."""
    layout = RunLayout(tmp_path / bench("run", spec, "--quiet").stdout.strip().splitlines()[-1])
    return layout, {trial.id for block in read_plan(layout).blocks for trial in block.trials}, graded(layout)


def graded(layout):
    return {grade.trial_id: (grade.grader_digest, grade.score) for grade in read_grades(layout)}


def test_fates_are_what_runs_of_both_versions_asked_and_graded(bench, server, tmp_path):
    old, new = version(tmp_path / "old", server), version(tmp_path / "new", server, *CHANGES)
    (told,) = json.loads(bench("diff", old, new, "--format", "json").stdout)["specs"]
    said = {name: sum(one[name] for one in told["trials"]) for name in ("kept", "graded_again", "run_again", "added", "removed")}
    (earlier, before, grades_before), (_, after, grades_after) = ran(bench, tmp_path, old), ran(bench, tmp_path, new)
    both = before & after
    kept = {trial for trial in both if grades_before[trial] == grades_after[trial]}
    assert kept
    assert (said["kept"], said["graded_again"]) == (len(kept), len(both) - len(kept))
    assert (said["run_again"] + said["added"], said["run_again"] + said["removed"]) == (len(after - before), len(before - after))
    bench("judge", earlier.folder, "--spec", new, "--quiet")  # brings the grades that changed, as the documentation says
    assert {trial: grade for trial, grade in graded(earlier).items() if trial in both} == {trial: grades_after[trial] for trial in both}


def test_a_run_without_a_judge_is_graded_again_only_by_checks_of_another_spec(bench, server, tmp_path):
    old = version(tmp_path / "old", server)
    bare = version(tmp_path / "bare", server, ("check: {max_words: 80}", "expect: It is short"), ("check: {max_words: 9}", "expect: It is short"))
    bare.write_text(bare.read_text(encoding="utf-8").replace("check: {max_words: 60}", "expect: It is brief"), encoding="utf-8")
    layout, _, before = ran(bench, tmp_path, old)
    assert "this run's spec has no `judge:`" in bench("judge", code=2).stderr
    for words in (("--spec", bare), ("--spec", old, "--use", "local"), ("--spec", old, "--method", "score")):
        assert "spec.yaml has no `judge:`" in bench("judge", *words, code=2).stderr
    assert graded(layout) == before
