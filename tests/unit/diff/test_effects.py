"""What single changes mean, and that the fates of trials are those of the planner's own ids."""

import msgspec
import pytest
from harness.registered import Registered

from bench.diff.cells import Cells, to_run
from bench.diff.effects import _DECIDED, _TOP
from bench.diff.spec_diff import Side, compare
from bench.diff.spec_tree import tree
from bench.plan.expand import expand
from bench.spec.load import load_spec
from bench.trials import columns

SPEC = """bench: 1
name: notes
version: 1.0.0
models:
  - {id: a, runtime: llama.cpp, weights: "https://one.example.org/a.gguf", sha256: %s, license: MIT}
  - {id: b, runtime: external, base_url: "${ADDRESS:-http://one.example.org/v1}", model: m, api_key: {env: A_KEY}}
prompts:
  - {id: one, user: "Say {{ n }} words.", vars: {n: 1}, rubric: used, aspects: [{id: x, expect: Says it}, {id: y, check: {max_words: 9}}]}
  - {id: two, user: Say two words., reference: Two words.}
rubrics:
  used: {criteria: [{id: clear, question: Is it clear?}]}
  spare: {criteria: [{id: kind, question: Is it kind?}]}
generation: {temperature: 0, seed: 3}
variants:
  - {id: cold}
  - {id: hot, generation: {temperature: 1}}
rounds: 2
timeout: 60 s
judges: {local: {runtime: llama.cpp, weights: "file:judge.gguf"}, other: {runtime: llama.cpp, weights: "file:b.gguf", sha256: %s}}
judge: {use: local, concurrency: 2}
slo: {ttft: 1 s}
load: {kind: closed, concurrency: 2}
report: {formats: [json]}
selection: {weights: {ttft: 1}}
limits: {duration: 10 min}
telemetry: {interval: 100 ms}
keep_alive: 30 s
""".replace("%s", "a" * 64, 1).replace("%s", "c" * 64)


@pytest.fixture
def sides(tmp_path):
    """Makes both versions from replacements in the text."""

    def side(text):
        path = tmp_path / "spec.yaml"
        path.write_text(text, encoding="utf-8")
        loaded = load_spec(path, extensions=Registered(), environ=None)
        return Side(spec=loaded.spec, plan=expand(loaded.spec), texts=tuple(source.text for source in loaded.sources))

    def both(*replacements):
        text = SPEC
        for old, new in replacements:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        return side(SPEC), side(text)

    return both


CHANGES = [
    ("timeout: 60 s", "timeout: 1 min", "cosmetic", {"kept": 16}),
    ('"Say {{ n }} words.", vars: {n: 1}', "Say 1 words.", "cosmetic", {"kept": 16}),
    ("https://one.example.org/a.gguf", "https://two.example.org/a.gguf", "cosmetic", {"kept": 16}),
    ("license: MIT", "load_timeout: 9 s", "policy", {"kept": 16}),
    ("license: MIT", "license: MIT, size: 2 GB", "policy", {"kept": 16}),
    ("sha256: aaa", "sha256: bbb", "treatment", {"kept": 8, "run_again": 8}),
    ("license: MIT", "license: Apache-2.0", "policy", {"kept": 16}),
    ("${ADDRESS:-http://one", "${ADDRESS:-http://two", "measurement", {"kept": 8, "run_again": 8}),
    ("model: m,", "model: n,", "treatment", {"kept": 8, "run_again": 8}),
    ("env: A_KEY", "env: B_KEY", "policy", {"kept": 16}),
    ("generation: {temperature: 0,", "generation: {temperature: 0.5,", "treatment", {"kept": 8, "run_again": 8}),
    ("{id: hot, generation: {temperature: 1}}", "{id: hot, generation: {temperature: 2}}", "treatment", {"kept": 8, "run_again": 8}),
    ("{id: cold}", "{id: cool}", "scope", {"kept": 8, "added": 8, "removed": 8}),
    ("rounds: 2", "rounds: 5", "scope", {"kept": 16, "added": 24}),
    ("rounds: 2", "rounds: 1", "scope", {"kept": 8, "removed": 8}),
    ("{id: two, user:", "{id: second, user:", "scope", {"kept": 8, "added": 8, "removed": 8}),
    ("max_words: 9", "max_words: 8", "measurement", {"kept": 8, "graded_again": 8}),
    ("reference: Two words.", "reference: Words two.", "measurement", {"kept": 8, "graded_again": 8}),
    ("question: Is it clear?", "question: Is it plain?", "measurement", {"kept": 8, "graded_again": 8}),
    ("question: Is it kind?", "question: Is it nice?", "cosmetic", {"kept": 16}),
    ("file:judge.gguf", "file:other.gguf", "measurement", {"kept": 8, "graded_again": 8}),
    ("file:b.gguf", "https://one.example.org/b.gguf", "cosmetic", {"kept": 16}),  # the same by its digest
    ("sha256: ccc", "sha256: ddd", "measurement", {"kept": 8, "graded_again": 8}),
    ("judge: {use: local, concurrency: 2}", "judge: {use: local, concurrency: 3}", "policy", {"kept": 16}),
    ("slo: {ttft: 1 s}", "slo: {ttft: 2 s}", "measurement", {"kept": 16}),
    ("closed, concurrency: 2", "closed, concurrency: 3", "measurement", {"run_again": 16}),
    ("keep_alive: 30 s", "keep_alive: 40 s", "measurement", {"run_again": 16}),
    ("interval: 100 ms", "interval: 200 ms", "measurement", {"run_again": 16}),
    ("duration: 10 min", "duration: 20 min", "policy", {"kept": 16}),
    ("weights: {ttft: 1}", "weights: {tpot: 1}", "policy", {"kept": 16}),
    ("formats: [json]", "formats: [csv]", "policy", {"kept": 16}),
]
NAMES = ("kept", "graded_again", "run_again", "added", "removed")


@pytest.mark.parametrize(("old", "new", "effect", "totals"), CHANGES, ids=[f"{old[:30]} to {new[:30]}" for old, new, _, _ in CHANGES])
def test_effect_and_fates_of_one_change(sides, old, new, effect, totals):
    diff = compare(*sides((old, new))).diff
    assert diff.effect == effect
    assert {name: n for name in NAMES if (n := sum(getattr(one, name) for one in diff.trials))} == totals


@pytest.mark.parametrize(("old", "new"), [(old, new) for old, new, _, _ in CHANGES], ids=str)
def test_what_is_told_of_trials_is_what_their_ids_say(sides, old, new):
    before, after = sides((old, new))
    found = compare(before, after)
    ids = [{trial.id for block in side.plan.blocks for trial in block.trials if not trial.is_warmup} for side in (before, after)]
    totals = {name: sum(getattr(one, name) for one in found.diff.trials) for name in NAMES}
    fresh = {trial.id for block in to_run(after.plan, Cells(before.plan), lambda _: False).blocks for trial in block.trials if not trial.is_warmup}
    assert fresh == ids[1] - ids[0]
    assert sum(totals[name] for name in NAMES[:4]) == len(ids[1])
    assert sum(one.redo == "run" for one in found.diff.changes) or totals["kept"] + totals["graded_again"] == len(ids[0] & ids[1])
    run = [trial for block in found.to_run.blocks for trial in block.trials if not trial.is_warmup]
    assert len(run) == totals["run_again"] + totals["added"]
    assert all(columns(block.trials).kinds for block in found.to_run.blocks)


def test_another_address_of_the_same_weights_is_cosmetic_beside_a_treatment(sides):
    diff = compare(*sides(("https://one.example.org/a.gguf", "https://two.example.org/a.gguf"), ("license: MIT", "license: MIT, threads: 2"))).diff
    assert {change.where[-1]: change.effect for change in diff.changes} == {"weights": "cosmetic", "threads": "treatment"}


def test_nothing_changed_is_nothing(sides):
    diff = compare(*sides()).diff
    assert diff.effect is None
    assert diff.changes == diff.moved == ()
    assert diff.version.is_enough


def test_prompts_that_are_alike_are_renamed_one_by_one(sides):
    _, after = sides(("{id: two, user: Say two words., reference: Two words.}", "{id: a2, user: Same.}\n  - {id: b2, user: Same.}"))
    one, *twins = after.spec.prompts
    renamed = (msgspec.structs.replace(twin, id=name) for twin, name in zip(twins, ("a1", "b1"), strict=True))
    old = msgspec.structs.replace(after.spec, prompts=(one, *renamed))
    diff = compare(Side(spec=old, plan=expand(old)), after).diff
    assert [(change.kind, change.before, change.after) for change in diff.changes] == [("renamed", "a1", "a2"), ("renamed", "b1", "b2")]


def test_a_move_says_the_fewest_that_moved(sides):
    diff = compare(
        *sides(
            ("prompts:\n", "prompts:\n  - {id: zero, user: Say no words.}\n"), ("  - {id: cold}\n", ""), ("rounds: 2", "  - {id: cold}\nrounds: 2")
        )
    ).diff
    assert diff.moved in {("variants › cold",), ("variants › hot",)}
    assert [change.where for change in diff.changes] == [("prompts", "zero")]


def test_every_key_of_a_spec_has_a_meaning(sides):
    assert set(tree(sides()[0].spec)) == _TOP.keys() | _DECIDED.keys()


def test_a_users_own_names_are_compared_as_they_are(sides):
    check = "check: {json_schema: {properties: {%s: {type: string}}}}"
    old, new = check % "a", check % "a_s"
    before, _ = sides(("check: {max_words: 9}", old))
    diff = compare(sides(("check: {max_words: 9}", old))[1], sides(("check: {max_words: 9}", new))[1]).diff
    assert before.spec.name == "notes"
    assert [change.where[-1] for change in diff.changes] == ["a_s", "a"]


def test_a_named_file_counts_by_its_content(sides):
    before, after = sides()
    for keys, effect in (
        (("report", "template"), "policy"),
        (("judge", "labels"), "measurement"),
        (("judge", "templates", "aspects"), "measurement"),
    ):
        old, new = (msgspec.structs.replace(side, named={keys: content}) for side, content in ((before, "1"), (after, "2")))
        assert compare(old, new).diff.effect == effect
