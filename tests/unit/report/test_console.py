from harness.golden import assert_golden
from harness.report_run import view

from bench.report.console import tables


def test_tables_are_the_golden_ones():
    assert_golden("report.console.txt", tables(view()))


def test_nothing_a_server_says_reaches_the_terminal_as_a_command():
    text = tables(view())
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "office-server: bad <b>|</b>" in text
