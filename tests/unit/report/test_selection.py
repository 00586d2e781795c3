"""The decision in the report: the sentence on top, and tables that show what it rests on."""

import numpy as np
from harness.contests import RESAMPLES, contest, demand, entrant
from harness.report_run import HOSTILE_LINE, manifest, spec, summary
from msgspec.structs import replace

from bench.report.console import tables
from bench.report.html_page import HtmlPage
from bench.report.markdown import Markdown
from bench.report.view import build_view
from bench.select.decide import decide


def view(*entrants, **said):
    seen = replace(summary(), selection=decide(contest(*entrants, **said)))
    return build_view(manifest=manifest(), summary=seen, spec=spec(), resolved={}, observations=())


def rows(shown, table):
    (found,) = [one for one in shown.section("selection").tables if one.id == table]
    titles = [column.title for column in found.columns]
    return [dict(zip(titles, (cell.text for cell in row), strict=True)) for row in found.rows]


TWO = (entrant("smollm2-135m", quality=(0.8, 0.05), ttft=(1.0, 0.05)), entrant("gemma-3-270m", quality=(0.4, 0.05), ttft=(0.5, 0.05)))


def test_scores_show_value_interval_factor_and_wins_the_chosen_one_first():
    shown = view(*TWO[::-1], quality=3, ttft=1)
    first, second = rows(shown, "candidates")
    assert first == {
        "Candidate": "smollm2-135m", "State": "chosen",
        "Checks met, weight 0.75": "80 % [70–90] (× 1.00)", "TTFT, weight 0.25": "1.00 s [0.90–1.10] (× 0.84)",
        "Score": "1.00", "Wins": "99 %", "Pareto front": "on it",
    }  # fmt: skip
    assert (second["State"], second["Score"], second["Wins"]) == ("in the race", "0.71", "1 %")
    assert rows(shown, "flips")[0] == {
        "What would change it": "weight of Checks met",
        "Now": "0.75",
        "Then": "below 0.50",
        "Wins then": "gemma-3-270m",
    }


def test_requirements_stand_with_their_reasons_the_broken_ones_first():
    shaky = demand("quality ≥ 60 %", "undecided", held=np.arange(RESAMPLES) % 2 == 0, holds=True)
    shown = view(
        entrant("smollm2-135m", (demand("license: MIT"), shaky), quality=0.7),
        entrant("gemma-3-270m", (demand("license: MIT", "unknown"), demand("quality ≥ 60 %", "not_met")), quality=0.5),
        quality=1,
    )
    assert [(row["Requirement"], row["Outcome"]) for row in rows(shown, "requirements")] == [
        ("quality ≥ 60 %", "NOT MET"),
        ("license: MIT", "unknown"),
        ("quality ≥ 60 %", "undecided"),
        ("license: MIT", "met"),
    ]
    assert rows(shown, "candidates")[1]["State"] == "out (quality ≥ 60 % not met)"


def test_sentence_is_the_first_thing_said_everywhere():
    shown = view(*TWO, quality=3, ttft=1)
    assert shown.decision.startswith("Choose smollm2-135m: ")
    assert Markdown().render(shown, None).splitlines()[2] == f"**{shown.decision.replace('>', '&gt;')}**"
    page = HtmlPage().render(shown, None)
    assert page.index('<p class="decision">Choose smollm2-135m') < page.index("Before you believe it")
    assert shown.decision in " ".join(tables(shown).split())


def test_without_a_selection_there_is_no_word_of_it():
    shown = build_view(manifest=manifest(), summary=replace(summary(), selection=None), spec=spec(), resolved={}, observations=())
    assert (shown.decision, shown.section("selection")) == ("", None)
    assert 'class="decision"' not in HtmlPage().render(shown, None)


def test_what_a_spec_demands_is_shown_and_is_no_markup():
    named = demand(f"license: {HOSTILE_LINE}", "not_met")
    shown = view(entrant("smollm2-135m", (named,), quality=0.7), quality=1)
    page, text = HtmlPage().render(shown, None), Markdown().render(shown, None)
    assert "<b>|</b>" not in page
    assert "![x](http" not in text
    assert "license: bad" in shown.decision
    long = view(entrant("smollm2-135m", (demand("license: " + "x" * 5000, "not_met"),), quality=0.7), quality=1)
    assert len(long.decision) < 500
