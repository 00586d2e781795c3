"""Errors on the terminal: in words, in the style that was asked for, and unable to steer it."""

import json

import pytest

from bench.cli.console import end, line, plain
from bench.errors import MissingExtension, SpecError, UsageError
from bench.records.source import Diagnostic, Position, SourceFile

SPEC_ERROR = SpecError(
    (Diagnostic(code="unknown-key", severity="error", message="unknown key", position=Position(file="s.yaml", line=1, column=1)),),
    (SourceFile(path="s.yaml", content=b"x: 1\n"),),
)


@pytest.mark.parametrize("character", ["\x1b", "\x07", "\r", "\x7f", "\x9b", "\u202e", "\u2066"])
def test_characters_that_steer_are_shown_as_what_they_are(character):
    assert plain(f"a{character}b") == f"a\\x{ord(character):02x}b"


def test_plain_text_stays_as_it_is():
    assert plain("naïve 日本\tx\ny") == "naïve 日本\tx\ny"


def test_an_expected_error_shows_message_and_hint_and_has_its_code(capsys):
    assert end(UsageError("no \x1b", hint="do this"), []) == 2
    assert capsys.readouterr().err == "error: no \\x1b\nhint: do this\n"
    assert end(MissingExtension("none"), []) == 4
    assert capsys.readouterr().err == "error: none\n"


@pytest.mark.parametrize("words", [["run", "s.yaml", "--format", "json"], ["run", "--format=json"]])
def test_findings_for_a_program_go_to_standard_output(capsys, words):
    assert end(SPEC_ERROR, words) == 2
    shown = capsys.readouterr()
    assert json.loads(shown.out)[0]["code"] == "unknown-key"
    assert shown.err == ""


@pytest.mark.parametrize("words", [[], ["run", "--format", "text"], ["report", "--format", "nonsense"]])
def test_findings_for_people_go_to_standard_error(capsys, words):
    assert end(SPEC_ERROR, words) == 2
    shown = capsys.readouterr()
    assert "s.yaml:1:1: error[unknown-key]" in shown.err
    assert shown.out == ""


def test_a_line_is_written_at_once_and_a_reader_that_left_is_no_error(monkeypatch, capsys):
    line("told \x1b")
    assert capsys.readouterr().err == "told \\x1b\n"

    class Gone:
        def write(self, _text):
            raise BrokenPipeError

    monkeypatch.setattr("sys.stderr", Gone())
    line("nobody reads this")
