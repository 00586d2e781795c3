"""Progress without a terminal: few lines, none twice, nothing that steers a terminal."""

import io

from bench.cli.transfers import PlainLines, transfer_progress


class _Terminal(io.StringIO):
    def isatty(self):
        return True


class _Seconds:
    """A clock that moves by a step at every look."""

    def __init__(self, step_s):
        self.now_s, self.step_s = 0.0, step_s

    def __call__(self):
        self.now_s += self.step_s
        return self.now_s


def fetch(report, what="x.gguf", total=8_000_000):
    for done in range(0, total + 1, total // 1000):
        report(what, done, total)


def test_a_long_download_says_three_lines(capsys):
    fetch(PlainLines(_Seconds(1.0)))
    assert capsys.readouterr().err.splitlines() == ["x.gguf: 0 of 8 MB", "x.gguf: 4 of 8 MB", "x.gguf: 8 of 8 MB"]


def test_a_short_download_only_says_that_it_began(capsys):
    fetch(PlainLines(_Seconds(0.0)))
    assert capsys.readouterr().err.splitlines() == ["x.gguf: 0 of 8 MB"]


def test_an_end_that_is_told_twice_is_said_once(capsys):
    report = PlainLines(_Seconds(1.0))
    fetch(report)
    report("x.gguf", 8_000_000, 8_000_000)
    assert len(capsys.readouterr().err.splitlines()) == 3


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
