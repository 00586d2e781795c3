"""Judges, as a report shows them: the verdict on top, the probes behind it, how far it got."""

import re

import pytest
from harness.golden import assert_golden
from harness.report_run import HOSTILE_LINE, judge, judged_view, manifest, spec, summary
from msgspec.structs import replace

from bench.records.estimate import Estimate, Group
from bench.records.judging import Qualification
from bench.records.spec import JudgeSpec
from bench.report.headline import cautions
from bench.report.html_page import HtmlPage
from bench.report.judges import according_to, judge_cautions, judges
from bench.report.lookup import Lookup
from bench.report.markdown import Markdown
from bench.report.view import build_view

QUALIFIED = Qualification(verdict="qualified", label_mass=0.97)
WEAK = Qualification(verdict="weak", reasons=("injection: right in 17 of 20, lower bound 0.64, needed above 0.75",))
UNTESTED = Qualification(verdict="untested", reasons=("absent_fact: nothing to make probes of",))


def seen(*found):
    return Lookup(replace(summary(), judges=found), spec())


def told(*found):
    return list(judge_cautions(seen(*found), spec()))


def cells(table_id, *found):
    section = judges(seen(*found), spec())
    table = next(table for table in section.tables if table.id == table_id)
    return [[cell.text for cell in row] for row in table.rows]


def good(**more):
    return judge_of(**{"qualification": QUALIFIED, "may_count": True, "judges_itself": (), "counts": {"graded": 17}, **more})


def judge_of(**more):
    return replace(judge(), **more)


def test_without_a_judge_there_is_nothing_to_say():
    assert judges(seen(), spec()) is None
    assert list(judge_cautions(seen(), replace(spec(), judge=None))) == []
    assert list(judge_cautions(seen(), replace(spec(), judge=JudgeSpec(use="people", method="human")))) == []


def test_a_judge_that_was_never_asked_is_missed():
    assert told() == ["No answer of this run was judged, though its spec names judge local; `bench judge` does it."]


def test_an_unqualified_judge_is_told_of_on_top_with_what_it_failed_and_who_decides():
    caution, itself = told(judge())
    assert caution == "Decided by checks; judge local is UNQUALIFIED: failed absent_fact (9 of 16 right); negated_fact (2 of 8 right)."
    assert itself == "Judge local is gemma-3-270m itself: it grades its own answers, and judges favour those."


def test_the_caution_stands_among_those_of_the_report():
    assert any("is UNQUALIFIED" in line for line in cautions(seen(judge()), spec(), manifest()))


@pytest.mark.parametrize(
    ("verdict", "may_count", "beginning"),
    [
        (WEAK, True, "Judge local is weak, so small differences by its word may be its errors: injection: right in 17 of 20, lower bound"),
        (UNTESTED, False, "Decided by checks; judge local is untested: absent_fact"),
        (UNTESTED, True, "Judge local is untested and counts all the same, because the spec says `allow_unqualified`"),
        (judge().qualification, True, "Judge local is UNQUALIFIED and counts all the same, because the spec says `allow_unqualified`"),
        (Qualification(verdict="untested"), False, "Decided by checks; judge local is untested: no probe was asked"),
    ],
)
def test_each_verdict_has_its_words(verdict, may_count, beginning):
    (caution,) = told(judge_of(qualification=verdict, may_count=may_count, judges_itself=(), counts={"graded": 17}))
    assert caution.startswith(beginning)


def test_a_qualified_judge_that_graded_all_limits_no_belief():
    assert told(good()) == []


def test_coverage_is_told_of_where_the_judge_counts():
    assert told(good(counts={"graded": 15, "abstained": 2}))[-1].startswith("Judge local gave a score for 88 % of the answers")


def test_the_same_family_is_told_of():
    (caution,) = told(good(same_family=("gemma-3-1b", "gemma-3-4b")))
    assert caution.startswith("Judge local is of one family with gemma-3-1b and gemma-3-4b")


def test_a_judge_that_was_not_to_be_had_says_why_and_what_to_do():
    away = judge_of(state="unavailable", reason="nothing listens on port 1.", hint="start it", qualification=Qualification(verdict="untested"))
    (caution,) = told(away)
    assert caution == "Judge local is unavailable: nothing listens on port 1 (start it). Decided by checks; `bench judge` tries again."
    assert cells("judges", away)[0][1] == "unavailable"
    assert "is unavailable" in judges(seen(away), spec()).text[0]


def test_the_section_says_in_a_sentence_what_the_judge_is_worth():
    section = judges(seen(judge()), spec())
    assert section.title == "The judge"
    assert section.text[0].startswith("Judge local (aspects) is UNQUALIFIED. It did not pass its probes: it may be no better than a coin.")
    assert "nothing is decided by them; decided by checks." in section.text[0]


def test_several_judges_stand_side_by_side():
    other = good(grader_id="big-score", judge_id="big", method="score")
    section = judges(seen(judge(), other), spec())
    assert section.title == "The judges"
    assert [row[0] for row in cells("judges", judge(), other)] == ["local", "big"]
    assert next(told(judge(), other)[0] for _ in "x").startswith(
        "Decided by checks and according to judge big (qualified); judge local is UNQUALIFIED"
    )


def test_who_it_is_and_how_it_was_asked():
    (row,) = cells("judges", judge())
    assert row[:3] == ["local", "UNQUALIFIED", "is shown only"]
    assert row[4:] == ["xllamacpp 2026.10", "aspects", "log-probabilities of the labels", "is gemma-3-270m"]


def test_what_the_judge_says_of_each_model_stands_beside_what_decides():
    given = {"judged": (0.71, 0.55, 0.84), "checks_met": (0.5, 0.4, 0.6)}
    group = Group(model_id="smollm2-135m", variant_id="default")
    made = tuple(
        Estimate(
            metric=name, statistic="mean", unit="score", better="higher", group=group, value=value, low=low, high=high, n=8, clusters=3, method="x"
        )
        for name, (value, low, high) in given.items()
    )
    run = replace(summary(), judges=(judge(),), estimates=(*summary().estimates, *made))
    table = next(table for table in judges(Lookup(run, spec()), spec()).tables if table.id == "judge-scores")
    assert [[cell.text for cell in row] for row in table.rows] == [["smollm2-135m", "71 % [55–84]", "50 % [40–60]", "71 % [58–83]"]]


def test_how_far_it_got():
    (row,) = cells("judging", judge())
    assert row == ["local (aspects)", "15", "2", "0", "88 %", "0.84", "17", "0", "28 % (2,510 of 9,120)"]
    (spent,) = cells("judge-work", judge())
    assert spent == ["local (aspects)", "412", "230,120", "171,400", "431", "39.1 s", "41.2 s", "–"]


def test_tokens_that_no_server_counted_are_not_zero():
    mute = replace(judge().work[0], uncounted=412, prompt_tokens=0, cached_tokens=0, completion_tokens=0)
    (spent,) = cells("judge-work", judge_of(work=(mute,)))
    assert spent[1:5] == ["412", "– (its server does not say)", "–", "–"]
    (spent,) = cells("judge-work", judge_of(work=(replace(judge().work[0], uncounted=12),)))
    assert spent[2] == "230,120 (12 not counted)"
    (spent,) = cells("judge-work", judge_of(cached_tokens=None, work=(replace(judge().work[0], cached_tokens=7),)))
    assert spent[3] == "7"  # every verdict was known before, but not what the judge can do
    assert "judge-work" not in {table.id for table in judges(seen(judge_of(work=())), spec()).tables}


def test_what_a_server_does_not_say_is_not_made_up():
    silent = judge_of(read_tokens=None, cached_tokens=None, duration_s=0.0, counts={}, qualification=Qualification(verdict="untested"))
    (row,) = cells("judging", silent)
    assert row[1:] == ["0", "0", "0", "no data", "–", "17", "0", "– (its server does not say)"]


def test_every_family_of_probes_is_a_row_with_its_interval():
    rows = cells("probes", judge())
    assert rows[0] == ["local", "an answer to another prompt is worse (wrong_output)", "20 of 20", "100 % [84–100]", "yes", "–"]
    assert rows[1][2:5] == ["9 of 14", "64 % [39–84]", "yes"]
    assert rows[1][5].startswith("2 without an answer; ended after 8 of 20")
    assert rows[-1][2:5] == ["0 of 0", "no data", "no"]


def test_a_lost_family_is_marked_and_has_an_example():
    table = judges(seen(judge()), spec()).tables[-1]
    assert [row[3].state for row in table.rows] == ["value", "failed", "failed", "value", "value", "no_data"]
    assert sum(note.startswith("Lost by local, for example") for note in table.notes) == 3


def test_without_probes_there_is_no_table_of_them():
    assert [table.id for table in judges(seen(good()), spec()).tables] == ["judges", "judging", "judge-work"]


def test_whose_word_it_is():
    found = seen(judge()).summary
    assert according_to(found, "local") == "according to judge local (unqualified)"
    assert according_to(found, "people") == "according to people"
    assert according_to(found, "gone") == "according to gone"


def test_what_a_judge_says_stands_among_the_misses_with_its_name():
    answers = [answer for answer in judged_view().answers if answer.score is not None]
    assert answers
    for answer in answers:
        assert "decision 0.31 according to judge local (unqualified)" in answer.missed
        assert "31 % according to judge local (unqualified)" in answer.facts
        assert "checks met 50 %" in answer.facts


def test_texts_of_others_are_one_line():
    section = judges(seen(judge_of(judge_id=f"a\n# b {HOSTILE_LINE}", reason=None)), spec())
    assert all("\n" not in cell.text for table in section.tables for row in table.rows for cell in row)
    assert all("\x1b" not in text and "\n" not in text for text in (*section.text, *told(judge_of(judge_id="a\n\x1b[2Jb"))))


def test_the_section_is_the_golden_one():
    page = Markdown().render(judged_view(), None)
    section = page.partition("## The judge\n")[2].partition("\n## ")[0]
    cautions_ = "\n".join(line for line in page.splitlines() if line.startswith("> * ") and "udge" in line)
    assert_golden("judges.md", f"{cautions_}\n\n## The judge\n{section}\n")


def test_nothing_of_others_becomes_markup():
    page = HtmlPage().render(judged_view(), None)
    assert "The judge</h2>" in page
    assert "<b>|</b>" not in page
    assert re.search(r"<(a|img|script)[^>]*evil", page) is None


def test_what_a_judge_decides_too_is_not_called_checks():
    run = replace(summary(), judges=(good(),))
    assert Lookup(run, spec()).is_judged
    page = Markdown().render(build_view(manifest=manifest(), summary=run, spec=spec(), resolved={}, observations=()), None)
    assert "| Answered | Quality | TTFT p50 |" in page
    assert "| Best quality |" in page
    assert "| Quality | weighted share of an answer's aspects that were met, by checks and by whoever else’s word counts" in page
    assert "Checks met" not in page.partition("## Results")[2]


def test_what_checks_alone_decide_is_called_so():
    for judged in ((), (judge(),), (good(counts={"abstained": 3}),), (good(method="pairwise"),)):
        assert Lookup(replace(summary(), judges=judged), spec()).title("quality") == "Checks met"
