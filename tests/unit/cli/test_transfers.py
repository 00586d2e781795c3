"""Progress without a terminal: few lines, none twice, nothing that steers a terminal."""

import io

from bench.cli.transfers import PlainLines, transfer_progress


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_download_says_a_line_per_quarter(capsys):
    with transfer_progress() as report:
        for done in range(1001):
            report("x.gguf", done * 1000, 1_000_000)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert lines[-1] == "x.gguf: 1 of 1 MB"


def test_a_download_of_unknown_length_says_one_line(capsys):
    report = PlainLines()
    for done in range(100):
        report("y \x1b[1m", done, None)
    assert capsys.readouterr().err == "y \\x1b[1m\n"


def test_on_a_terminal_a_bar_takes_the_same_calls(monkeypatch):
    monkeypatch.setattr("sys.stderr", _Terminal())
    with transfer_progress() as report:
        report("x [bold]", 1, None)
        report("x [bold]", 5, 10)
        report("x [bold]", 10, 10)
