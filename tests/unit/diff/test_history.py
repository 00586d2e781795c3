"""A history of commits, each of one kind of change: what `bench diff` says of each, and which version it asks for."""

import json
from itertools import pairwise
from typing import NamedTuple

import pytest
from harness.command import Here
from harness.repository import Repository

SPEC = """# What we ask of the models.
bench: 1
name: notes
version: 1.0.0
description: Notes of meetings.
models:
  - {id: small, runtime: llama.cpp, weights: "file:small.gguf", threads: 1}
  - {id: large, runtime: llama.cpp, weights: "file:large.gguf"}
prompts:
  - id: standup
    user: Summarise the stand-up of Monday in three short sentences, please.
    rubric: helpful
    aspects: [{id: owner, expect: Names who does what}, {id: brief, check: {max_words: 60}}]
  - {id: review, user: Summarise the review.}
  - include: prompts/more.yaml
rubrics:
  helpful:
    criteria: [{id: clear, question: Is it clear?}]
generation: {temperature: 0, max_tokens: 50}
rounds: 2
cost: {model: energy, busy_watts: 20, price_per_kwh: 0.30 EUR}
gates: [{metric: ttft, at: p50, max: 800 ms}]
"""
MORE = """version: 1.0.0
prompts:
  - {id: planning, user: Summarise the planning of the next week and say what is open.}
"""


class Commit(NamedTuple):
    """One change of a text, and what must be said of it."""

    message: str
    old: str
    new: str
    effect: str | None
    where: list[str]
    part: str
    totals: dict[str, int]
    file: str = "notes.yaml"


ALL = 2 * 3 * 2  # models, prompts, rounds
HISTORY = [
    Commit("comment", "# What we ask", "# What we really ask", "cosmetic", [""], "patch", {"kept": ALL}),
    Commit("description", "Notes of meetings.", "Notes of all meetings.", "cosmetic", ["description"], "patch", {"kept": ALL}),
    Commit(
        "prompt moved",
        "  - {id: review, user: Summarise the review.}\n  - include: prompts/more.yaml\n",
        "  - include: prompts/more.yaml\n  - {id: review, user: Summarise the review.}\n",
        None, [], "none", {"kept": ALL},
    ),
    Commit(
        "prompt added", "rubrics:\n", "  - {id: retro, user: Summarise the retrospective.}\nrubrics:\n",
        "scope", ["prompts › retro"], "minor", {"kept": ALL, "added": 4},
    ),
    Commit(
        "prompt reworded", "of Monday in three", "of Tuesday in four", "treatment", ["prompts › standup › user"], "major",
        {"kept": 12, "run_again": 4},
    ),
    Commit(
        "include changed", "planning of the next week", "planning of the month", "treatment", ["prompts › planning › user"], "major",
        {"kept": 12, "run_again": 4}, "prompts/more.yaml",
    ),
    Commit("model setting", "threads: 1", "threads: 2", "treatment", ["models › small › threads"], "major", {"kept": 8, "run_again": 8}),
    Commit("temperature", "temperature: 0,", "temperature: 0.7,", "treatment", ["generation › temperature"], "major", {"run_again": 16}),
    Commit(
        "aspect", "Names who does what", "Names who does what until when", "measurement", ["prompts › standup › aspects › owner › expect"], "major",
        {"kept": 12, "graded_again": 4},
    ),
    Commit("gate", "max: 800 ms", "max: 700 ms", "policy", ["gates › ttft p50 › max"], "patch", {"kept": 16}),
    Commit(
        "load", "rounds: 2\n", "rounds: 2\nload: {kind: closed, concurrency: 4}\n", "measurement", ["load › concurrency"], "major", {"run_again": 16}
    ),
]  # fmt: skip
VERSIONS = {"none": "1.0.0", "patch": "1.0.1", "minor": "1.1.0", "major": "2.0.0"}
TOO_LOW = {"patch": "1.0.0", "minor": "1.0.1", "major": "1.1.0"}


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """The repository, and the commits with the ones before them, without any version that rose."""
    repository = Repository(tmp_path_factory.mktemp("history") / "work")
    repository.write(notes=SPEC, prompts__more=MORE)
    commits = [repository.commit("first")]
    for change in HISTORY:
        path = repository.folder / change.file
        text = path.read_text(encoding="utf-8")
        assert text.count(change.old) == 1, change.message
        path.write_text(text.replace(change.old, change.new), encoding="utf-8")
        commits.append(repository.commit(change.message))
    return repository, list(pairwise(commits))


@pytest.fixture
def bench(history, capsys, monkeypatch):
    return Here(history[0].folder, capsys, monkeypatch)


EACH = pytest.mark.parametrize("number", range(len(HISTORY)), ids=[change.message for change in HISTORY])


def found(shown):
    return json.loads(shown.stdout)["specs"][0]


@EACH
def test_every_effect_is_named_right(bench, history, number):
    change, (before, after) = HISTORY[number], history[1][number]
    diff = found(bench("diff", f"{before}:notes.yaml", f"{after}:notes.yaml", "--format", "json"))
    assert diff["effect"] == change.effect
    assert [" › ".join(one["where"]) for one in diff["changes"]] == change.where
    assert [one["effect"] for one in diff["changes"]] == [change.effect] * len(change.where)
    totals = {name: sum(one[name] for one in diff["trials"]) for name in ("kept", "graded_again", "run_again", "added", "removed")}
    assert {name: n for name, n in totals.items() if n} == change.totals
    assert (diff["rerun"] is None) == (not {"run_again", "added"} & change.totals.keys())
    assert diff["version"]["part"] == change.part


@EACH
def test_a_version_that_did_not_rise_enough_is_caught_and_one_that_did_passes(bench, history, number, tmp_path):
    change, (before, after) = HISTORY[number], history[1][number]
    repository, _ = history
    old, new = (repository.git("show", f"{commit}:notes.yaml") for commit in (before, after))
    more = [repository.git("show", f"{commit}:prompts/more.yaml") for commit in (before, after)]
    for place, text in (("old", more[0]), ("new", more[1])):
        (tmp_path / place / "prompts").mkdir(parents=True)
        (tmp_path / place / "prompts" / "more.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "old" / "notes.yaml").write_text(old, encoding="utf-8")

    def checked(version, code):
        (tmp_path / "new" / "notes.yaml").write_text(new.replace("version: 1.0.0", f"version: {version}"), encoding="utf-8")
        return bench("diff", tmp_path / "old" / "notes.yaml", tmp_path / "new" / "notes.yaml", "--check-version", code=code)

    checked(VERSIONS[change.part], 0)
    checked("3.0.0", 0)
    checked("0.9.9", 1)
    if change.part != "none":
        shown = checked(TOO_LOW[change.part], 1)
        assert f"{change.part} must rise, to {VERSIONS[change.part]} at least" in shown.stderr


def test_base_looks_at_all_specs_that_changed_and_at_no_other(bench, history):
    repository, commits = history
    repository.write(other=SPEC.replace("notes", "other"), alone__spec=SPEC.replace("  - include: prompts/more.yaml\n", "").replace("notes", "alone"))
    try:
        shown = bench("diff", "--base", commits[-1][0], "--format", "json")
        named = {one["name"]: one for one in json.loads(shown.stdout)["specs"]}
        assert set(named) == {"notes", "other", "alone"}
        assert named["notes"]["effect"] == "measurement"
        assert named["notes"]["after"] == "notes.yaml"
        assert named["other"]["before"] is None
        assert [one["name"] for one in json.loads(bench("diff", "--base", "HEAD", "--format", "json", "alone").stdout)["specs"]] == ["alone"]
        assert {one["name"] for one in json.loads(bench("diff", "--base", "HEAD", "--format", "json").stdout)["specs"]} == {"other", "alone"}
    finally:
        (repository.folder / "other.yaml").unlink()
        (repository.folder / "alone" / "spec.yaml").unlink()
    assert bench("diff", "--base", "HEAD", "--check-version").stdout == "no spec changed\n"


def test_nothing_is_checked_out(bench, history):
    repository, commits = history
    before = {path: path.stat().st_mtime_ns for path in repository.folder.rglob("*") if ".git" not in path.parts}
    index = (repository.folder / ".git" / "index").read_bytes()
    bench("diff", f"{commits[0][0]}:notes.yaml")
    assert {path: path.stat().st_mtime_ns for path in repository.folder.rglob("*") if ".git" not in path.parts} == before
    assert (repository.folder / ".git" / "index").read_bytes() == index


def test_one_place_in_a_revision_is_compared_with_what_stands_there_now(bench, history):
    diff = found(bench("diff", f"{history[1][-1][0]}:notes.yaml", "--format", "json"))
    assert (diff["effect"], diff["after"]) == ("measurement", "notes.yaml")
