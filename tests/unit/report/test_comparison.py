import msgspec
import pytest
from harness.report_run import HOSTILE_LINE, manifest, observations, spec, summary

from bench.records.comparison import Contender, ModelComparison, Strength
from bench.records.judging import JudgeRecord, Qualification
from bench.records.spec import JudgeSpec
from bench.report.comparison import decided_by
from bench.report.console import tables
from bench.report.csv_table import CsvTable
from bench.report.html_page import HtmlPage
from bench.report.markdown import Markdown
from bench.report.view import build_view

GEMMA, SMOL = (Contender(model_id=name, variant_id="default") for name in ("gemma-3-270m", "smollm2-135m"))


def replace(record, **fields):
    return msgspec.structs.replace(record, **fields)


def compared(**said):
    known = {
        "metric": "quality", "unit": "score", "better": "higher", "a": GEMMA, "b": SMOL, "effect": "difference", "difference": -0.2,
        "low": -0.31, "high": -0.08, "p": 0.002, "p_holm": 0.004, "n_prompts": 12, "needed": 6, "wins": 2, "ties": 1, "losses": 9, "mde": 0.15,
        "method": "sign flips, all", "verdict": "worse",
    }  # fmt: skip
    return ModelComparison(**known | said)


TTFT = {
    "metric": "ttft", "unit": "s", "better": "lower", "effect": "ratio", "difference": 0.17, "ratio": 2.19, "low": 2.05, "high": 2.33, "mde": 1.09,
    "wins": 0, "ties": 0, "losses": 12,
}  # fmt: skip


def shown(*comparisons, judges=(), **given):
    of = replace(summary(), comparisons=comparisons, judges=judges)
    return build_view(manifest=manifest(), summary=of, spec=given.get("wanted", spec()), resolved={"bench": 1}, observations=observations())


def rows(*comparisons, **given):
    table = shown(*comparisons, **given).section("comparison").tables[0]
    return [{column.title: cell.text for column, cell in zip(table.columns, row, strict=True)} for row in table.rows]


def judge(verdict, *, may_count, judge_id="local"):
    return JudgeRecord(
        grader_id=judge_id, grader_digest="d", judge_id=judge_id, method="aspects", state="served", may_count=may_count,
        qualification=Qualification(verdict=verdict),
    )  # fmt: skip


def test_a_score_is_told_in_points_and_the_winner_by_name():
    (row,) = rows(compared())
    assert row == {
        "Figure": "Quality (by checks)",
        "Model": "gemma-3-270m",
        "Against": "smollm2-135m",
        "Difference": "−20 points [−31 to −8]",
        "Prompts better / equal / worse": "2 / 1 / 9",
        "p (Holm)": "0.004",
        "Verdict": "smollm2-135m scores higher",
    }
    assert shown(compared()).section("comparison").text == ("Quality, by checks: smollm2-135m scores higher than gemma-3-270m.",)


def test_a_time_is_told_as_a_ratio_with_its_difference():
    (row,) = rows(compared(**TTFT))
    assert row["Difference"] == "× 2.19 [2.05–2.33] (+170 ms)"
    assert row["Verdict"] == "smollm2-135m starts sooner"
    (row,) = rows(compared(**TTFT | {"verdict": "better", "ratio": 0.5, "low": 0.4, "high": 0.6, "difference": -0.17}))
    assert row["Difference"] == "× 0.50 [0.40–0.60] (−170 ms)"
    assert row["Verdict"] == "gemma-3-270m starts sooner"
    (row,) = rows(compared(**TTFT | {"ratio": 5.1, "low": 1.04, "high": 16.4}))
    assert row["Difference"] == "× 5.10 [1.04–16.40] (+170 ms)"


def test_what_is_not_decided_says_what_such_a_run_would_find():
    open_ = {"verdict": "cannot_tell", "p_holm": 0.2}
    assert rows(compared(**open_))[0]["Verdict"] == "cannot tell (would find 15 points)"
    assert rows(compared(**TTFT | open_))[0]["Verdict"] == "cannot tell (would find × 1.09 or × 0.917)"
    section = shown(compared(**open_)).section("comparison")
    assert section.text == ("Quality, by checks: this run cannot tell.",)
    assert any(note.startswith("Would find") for note in section.tables[0].notes)
    assert not any(note.startswith("Would find") for note in shown(compared()).section("comparison").tables[0].notes)


def test_too_few_prompts_are_no_verdict_and_nothing_detectable():
    few = compared(verdict="cannot_tell", n_prompts=3, low=None, high=None, mde=None, p=0.25, p_holm=0.25)
    (row,) = rows(few)
    assert row["Verdict"] == "too few prompts (3 of 6)"
    assert row["Difference"] == "−20 points"
    assert shown(few).section("comparison").text == ("3 prompts answered by both: too few for a verdict prompt by prompt, which takes at least 6.",)


def test_no_shared_prompt_has_no_figures():
    none = ModelComparison(metric="quality", unit="score", better="higher", a=GEMMA, b=SMOL, effect="difference", n_prompts=0, left_out=4, needed=6)
    (row,) = rows(none)
    assert [row[name] for name in ("Difference", "Prompts better / equal / worse", "p (Holm)", "Verdict")] == [
        "no data",
        "– (4 left out)",
        "–",
        "too few prompts (0 of 6)",
    ]
    assert any(note.startswith("Left out") for note in shown(none).section("comparison").tables[0].notes)


def test_equal_on_all_prompts_is_said_apart_from_undecided():
    same = compared(verdict="same", difference=0.0, low=0.0, high=0.0, p=1.0, p_holm=1.0, wins=0, ties=12, losses=0, mde=None)
    (row,) = rows(same)
    assert (row["Verdict"], row["p (Holm)"], row["Difference"]) == ("equal on all 12 prompts", "1.00", "0 points [0–0]")
    assert shown(same).section("comparison").text == ("Quality, by checks: gemma-3-270m and smollm2-135m are equal on all 12 prompts.",)


@pytest.mark.parametrize(("p", "text"), [(0.0002, "<0.001"), (0.0125, "0.013"), (0.999, ">0.99"), (0.5, "0.50")])
def test_p_has_no_more_digits_than_it_is_worth(p, text):
    assert rows(compared(p_holm=p))[0]["p (Holm)"] == text


def test_several_pairs_are_summed_up_and_said_to_be_adjusted():
    qwen = Contender(model_id="qwen2.5-0.5b", variant_id="default")
    section = shown(compared(), compared(a=qwen, verdict="cannot_tell", p_holm=0.4), compared(a=qwen, b=GEMMA, verdict="better")).section(
        "comparison"
    )
    assert section.text == (
        "Quality, by checks: smollm2-135m scores higher than gemma-3-270m; qwen2.5-0.5b scores higher than gemma-3-270m; 1 pair undecided.",
    )
    assert any("adjusted by Holm for the 3 pairs of each figure" in note for note in section.tables[0].notes)
    assert not any("Holm for" in note for note in shown(compared()).section("comparison").tables[0].notes)


def test_a_judge_whose_word_is_taken_is_named_with_its_verdict():
    def by(*judges):
        return decided_by(replace(summary(), judges=judges), spec())

    assert by() == "by checks"
    assert by(judge("qualified", may_count=True)) == "by checks and according to judge local (qualified)"
    assert by(judge("unqualified", may_count=False)) == "by checks"
    assert by(judge("unqualified", may_count=True)) == "by checks and according to judge local (unqualified)"
    two = (judge("qualified", may_count=True), judge("weak", may_count=True, judge_id="hub"))
    assert by(*two) == "by checks and according to judge local (qualified) and judge hub (weak)"
    judged = replace(summary(), aspects=(), judges=two[:1])
    assert decided_by(judged, spec()) == "according to judge local (qualified)"


def test_a_judge_of_pairs_gives_no_score_and_people_may():
    assert decided_by(replace(summary(), judges=(asked_in_pairs(),)), spec()) == "by checks"
    human = replace(spec(), judge=JudgeSpec(use="kim", method="human"))
    assert decided_by(summary(), human) == "by checks"
    graded = tuple(replace(one, graded=3) if one.kind == "expect" else one for one in summary().aspects)
    assert decided_by(replace(summary(), aspects=graded), human) == "by checks and people"


def test_aspects_in_words_say_whose_word_they_are():
    graded = tuple(replace(one, graded=3) if one.kind == "expect" else one for one in summary().aspects)
    of = replace(summary(), aspects=graded, judges=(judge("unqualified", may_count=False),))
    section = build_view(manifest=manifest(), summary=of, spec=spec(), resolved={"bench": 1}, observations=()).section("checks")
    assert "Aspects in words: according to judge local (unqualified)." in section.tables[0].notes


def test_a_judge_that_failed_its_probes_is_shown_apart_and_marked():
    (quality, own) = rows(compared(), compared(metric="judged", verdict="better"), judges=(judge("unqualified", may_count=False),))
    assert quality["Figure"] == "Quality (by checks)"
    assert own["Figure"] == "Judge’s score (according to judge local (unqualified))"


def test_no_section_where_nothing_was_compared():
    assert shown().section("comparison") is None


def test_names_are_shown_and_never_obeyed():
    evil = replace(spec(), judge=JudgeSpec(use=HOSTILE_LINE))
    who = Contender(model_id=HOSTILE_LINE, variant_id="default")
    view = shown(compared(a=who), compared(metric="judged", a=who), wanted=evil)
    page, text = HtmlPage().render(view, None), Markdown().render(view, None)
    assert "<b>|</b>" not in page
    lines = [line for line in text.splitlines() if line.startswith("|") and "against" not in line.lower() and "Quality" in line]
    assert lines
    assert not any("![x](" in line or "<b>" in line for line in lines)
    assert "\x1b" not in page + text + CsvTable().render(view) + tables(view)


def test_a_comparison_is_a_row_of_the_csv():
    lines = [line for line in CsvTable().render(shown(compared(), compared(**TTFT))).splitlines() if ",comparison," in line]
    assert lines[0].startswith(
        "20261122T221500Z-5f5f5f5f,comparison,gemma-3-270m,default,,,,quality,difference,worse,-0.2,score,-0.31,-0.08,0.95,12,12,"
    )
    assert "against smollm2-135m default; p 0.002; p (Holm) 0.004; detectable 0.15" in lines[0]
    assert ",ttft,ratio,worse,2.19,1,2.05,2.33," in lines[1]


def test_a_figure_that_is_no_number_breaks_no_report():
    broken = compared(difference=float("inf"))
    assert shown(broken).section("comparison") is None
    odd = compared(**TTFT | {"ratio": None, "mde": float("inf"), "low": float("-inf"), "verdict": "cannot_tell"})
    assert rows(odd)[0]["Verdict"] == "cannot tell"


PAIRWISE = {"metric": "preferred", "unit": "share", "verdict": "better", "difference": 0.5, "low": 0.2, "high": 0.8, "grader_id": "local-pairwise"}


def asked_in_pairs(verdict="qualified"):
    return replace(judge(verdict, may_count=True), grader_id="local-pairwise", method="pairwise")


def test_a_preference_says_whose_it_is_and_how_far_it_may_be_believed():
    (row,) = rows(compared(**PAIRWISE), judges=(asked_in_pairs(),))
    assert (row["Figure"], row["Difference"]) == ("Preferred (according to judge local (qualified))", "50 points [20–80]")
    section = shown(compared(**PAIRWISE), judges=(asked_in_pairs("unqualified"),)).section("comparison")
    assert section.text == ("Preferred, according to judge local (unqualified): gemma-3-270m is preferred to smollm2-135m.",)
    assert any(note.startswith("Preferred:") for note in section.tables[0].notes)


def test_two_judges_preferences_are_told_apart():
    other = compared(**PAIRWISE | {"grader_id": "hub-pairwise", "verdict": "cannot_tell"})
    text = " ".join(shown(compared(**PAIRWISE), other, judges=(asked_in_pairs(),)).section("comparison").text)
    assert "according to judge local (qualified): gemma-3-270m is preferred" in text
    assert "according to judge hub-pairwise: this run cannot tell" in text


def strength(who, log, **more):
    return Strength(grader_id="local-pairwise", who=who, log_strength=log, n_prompts=12, method="Bradley–Terry", **more)


def test_strengths_stand_below_the_strongest_first():
    ranked = (strength(GEMMA, -0.8, low=-1.5, high=-0.2, beats_mean=0.31), strength(SMOL, 0.8, low=0.2, high=1.5, beats_mean=0.69))
    of = replace(summary(), comparisons=(compared(**PAIRWISE),), strengths=ranked, judges=(asked_in_pairs(),))
    view = build_view(manifest=manifest(), summary=of, spec=spec(), resolved={"bench": 1}, observations=())
    table = view.section("comparison").tables[1]
    assert [[cell.text for cell in row][:3] for row in table.rows] == [
        ["smollm2-135m", "0.8 [0.2–1.5]", "69 %"],
        ["gemma-3-270m", "−0.8 [−1.5 to −0.2]", "31 %"],
    ]
    assert ",strength,gemma-3-270m,default,,,,preferred,log strength,value,-0.8,1,-1.5,-0.2,0.95,12,12," in CsvTable().render(view)


def test_strengths_that_do_not_exist_are_no_zeros():
    of = replace(summary(), comparisons=(compared(**PAIRWISE),), strengths=(strength(GEMMA, None), strength(SMOL, None)))
    table = build_view(manifest=manifest(), summary=of, spec=spec(), resolved={"bench": 1}, observations=()).section("comparison").tables[1]
    assert [row[1].text for row in table.rows] == ["–", "–"]
    assert "none where some models never lost" in table.notes[0]
