import re
from itertools import pairwise

from harness.golden import assert_golden
from harness.report_run import HOSTILE, view
from markdown_it import MarkdownIt

from bench.report.markdown import Markdown

GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS = {"<details>", "</details>", "<summary>", "</summary>", "<b>", "</b>", "<sub>", "</sub>", "<br>"}


def tokens(markdown):
    for token in GITHUB.parse(markdown):
        yield token
        yield from token.children or ()


def test_report_is_the_golden_one():
    assert_golden("report.md", Markdown().render(view(), None))


def test_report_of_a_saturated_client_says_so_before_anything_else():
    text = Markdown().render(view(saturated=True), None)
    first = next(line for line in text.splitlines() if line.startswith("> * "))
    assert "Client saturated" in first
    assert text.index(first) < text.index("## Results")


def test_no_hostile_tag_image_or_link_survives():
    found = list(tokens(Markdown().render(view(), None)))
    assert not [token for token in found if token.type in {"image", "link_open"}]
    html = "".join(token.content for token in found if token.type in {"html_inline", "html_block"})
    assert {f"<{tag}>" for tag in re.findall(r"<([^>]*)>", html)} <= OURS
    assert "script" not in html


def test_details_open_and_close_in_turn():
    blocks = [token.content for token in tokens(Markdown().render(view(), None)) if token.type == "html_block"]
    marks = re.findall(r"</?details>", "".join(blocks))
    assert marks == ["<details>", "</details>"] * (len(marks) // 2)
    assert len(marks) > 10


def test_every_table_is_a_table_and_has_its_columns():
    shown = view()
    found = list(tokens(Markdown().render(shown, None)))
    tables = [table for section in shown.sections for table in section.tables] + [shown.definitions]
    assert sum(token.type == "table_open" for token in found) == len(tables)
    widths, rows = [], 0
    for token in found:
        if token.type == "tr_open":
            widths.append(0)
        rows += token.type == "tr_open"
        widths[-1:] = [widths[-1] + (token.type in {"td_open", "th_open"})] if widths else []
    expected = [width for table in tables for width in [len(table.columns)] * (1 + len(table.rows))]
    assert sorted(widths) == sorted(expected)
    lines = [line for line in Markdown().render(shown, None).splitlines() if line.startswith("| ") and "evil" in line]
    assert lines  # the hostile text does stand in tables


def test_headings_and_lists_are_only_ours():
    found = list(tokens(Markdown().render(view(), None)))
    headings = [after.content for token, after in pairwise(found) if token.type == "heading_open"]
    expected = ["summarizer 1.0.0", *(section.title for section in view().sections if not section.is_folded)]
    expected.insert(expected.index("Cost") + 1, "Answers")
    assert headings == expected


def test_an_answer_is_shown_letter_by_letter_in_its_fence():
    blocks = [token.content for token in tokens(Markdown().render(view(), None)) if token.type == "fence"]
    shown = next(block for block in blocks if "alert(1)" in block)
    assert "</details>" in shown
    assert "␛[31mred␛[0m ⟨U+202E⟩gnp.exe" in shown
    assert len(shown.splitlines()) == len(HOSTILE.splitlines())


def test_what_an_answer_missed_stands_below_it():
    text = Markdown().render(view(), None)
    assert "Missed: short (found 92 words of at most 80" in text


def test_the_same_run_gives_the_same_bytes():
    assert Markdown().render(view(), None) == Markdown().render(view(), None)
