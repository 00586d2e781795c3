from harness.golden import assert_golden
from harness.report_run import QWEN_REASON, view

from bench.records.view import Cell, Column, Section, Table
from bench.report.console import section, tables


def test_tables_are_the_golden_ones():
    assert_golden("report.console.txt", tables(view()))


def test_nothing_a_server_says_reaches_the_terminal_as_a_command():
    text = tables(view())
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "office-server: failed: bad <b>|</b>" in text


def test_models_without_numbers_are_lines_with_their_reason_and_no_columns():
    lines = tables(view()).splitlines()
    (head,) = (line for line in lines if line.startswith("Model "))
    assert head.split() == ["Model", "smollm2-135m", "gemma-3-270m"]
    assert f"qwen2.5-0.5b: unavailable: {QWEN_REASON}" in lines
    assert lines[lines.index(f"qwen2.5-0.5b: unavailable: {QWEN_REASON}") + 1].startswith("  → connect, or put the file")


def test_cell_that_reads_like_a_number_is_shown_as_it_is():
    table = Table(id="t", columns=(Column(title="n", is_number=True), Column(title="words")), rows=((Cell(value="3,749"), Cell(value="x " * 30)),))
    first, second = section(Section(id="s", title="S", tables=(table,))).splitlines()[2:4]
    assert first.split()[0] == "3,749"
    assert len(first) < 60
    assert second.split() == ["x"] * 10
