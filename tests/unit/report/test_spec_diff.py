"""Diffs as text and Markdown: nothing of a spec becomes markup, and a comment fits."""

import re

import msgspec
import pytest
from markdown_it import MarkdownIt

from bench.diff.words import pieces
from bench.records.diff import DiffReport, SpecChange, SpecDiff, TrialFate, VersionRise
from bench.records.plan import Budget, JudgeBudget
from bench.report.spec_diff import MOST_CHARACTERS, complaint, markdown, text

HOSTILE = "<script>alert(1)</script> [x](http://evil.example.org) ![i](http://evil.example.org/i.png) @everyone #1 | `a`\x1b[31m\u202e **b**"


def diff(*changes, n=1, **more):
    version = VersionRise(before="1.0.0", after="1.0.0", part="major", least="2.0.0", is_enough=False)
    filled = {"name": "notes", "before": "a.yaml", "after": "b.yaml", "effect": "treatment", "version": version, **more}
    return DiffReport(specs=(SpecDiff(changes=changes, **filled),) * n)


def change(**more):
    return SpecChange(**{"where": ("prompts", "one", "user"), "kind": "changed", "effect": "treatment", "why": "something else is sent", **more})


@pytest.mark.parametrize(
    "value", [{"before": HOSTILE, "after": "x"}, {"pieces": pieces(HOSTILE, "what else " * 10)}, {"where": ("cost", HOSTILE)}, {"file": HOSTILE}]
)
def test_hostile_text_stays_text(value):
    shown = markdown(diff(change(**value)))
    page = MarkdownIt("commonmark").enable("table").render(shown)
    assert not re.search(r"<(script|a|img|strong>b)\b", page)
    assert not re.search(r"@(?=everyone)(?![^<]*</code>)", page)
    assert not set("\x1b\u202e") & set(shown + text(diff(change(**value))))
    rows = re.findall(r"<tr>.*?</tr>", page, re.DOTALL)
    assert [row.count("<td") for row in rows] == [0, 4]


def test_words_are_struck_out_and_underlined():
    shown = markdown(diff(change(pieces=pieces("Say it in three words.", "Say it in four words."))))
    assert "Say it in <del>three</del><ins>four</ins> words." in shown
    assert "Say it in [-three-]{+four+} words." in text(diff(change(pieces=pieces("Say it in three words.", "Say it in four words.")))).replace(
        "\n", " "
    )


def test_a_long_unchanged_text_is_left_out():
    before = "word " * 400 + "old " + "word " * 400
    shown = text(diff(change(pieces=pieces(before, before.replace("old", "new")))))
    assert "[-old-]{+new+}" in shown
    assert len(shown) < 1_000


def test_a_comment_is_never_longer_than_it_may_be():
    changes = [change(where=("prompts", f"p{number}", "user"), before="x" * 190, after="y" * 190) for number in range(99)]
    shown = markdown(diff(*changes, n=40))
    assert 1_000 < len(shown) <= MOST_CHARACTERS + 100
    assert "more changes: `bench diff` shows them" in shown


def test_what_becomes_of_trials_stands_in_a_table():
    report = diff(change(), trials=(TrialFate(model_id="a", variant_id="v", kept=1200, run_again=3),))
    assert "| a | v | 1,200 | 0 | 3 | 0 | 0 |" in markdown(report)
    assert "a [v]: 1,200 kept, 3 run again" in text(report)


def test_a_version_that_did_not_rise_is_said_in_one_line():
    assert complaint(diff(change()).specs[0]) == "b.yaml: version 1.0.0, as it was: major must rise, to 2.0.0 at least (treatment change)"


def test_nothing_is_said_to_have_changed_when_nothing_did():
    assert text(DiffReport(specs=())) == "no spec changed\n"
    assert markdown(DiffReport(specs=())) == "No spec changed.\n"


def test_what_running_again_asks_of_a_judge_is_told():
    judge = JudgeBudget(judges=("j",), runtimes=("external",), method="aspects", answers=3, questions=1_200, probe_questions=40)
    budget = Budget(
        hosts=(), environment=(), commands=(), downloads=(), requests=3, warmup_requests=1, prompt_tokens_estimate=9, completion_tokens_max=30,
        expected_s=1.0, cost=None, basis="assumed", judge=judge,
    )  # fmt: skip
    for shown in (text(diff(change(), rerun=budget)), markdown(diff(change(), rerun=budget))):
        assert "(assumed); then at most 1,200 questions to the judge about their answers" in shown
    assert "judge" not in text(diff(change(), rerun=msgspec.structs.replace(budget, judge=None)))
