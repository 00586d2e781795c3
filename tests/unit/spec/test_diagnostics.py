import json

from bench.records.source import Diagnostic, Position, SourceFile
from bench.spec.diagnostics import render

SOURCE = SourceFile(path="s.yaml", content="name: a\nprompts:\n\t- 漢字: é  # x\n".encode(), shown="specs/s.yaml")


def found(line, column, message="wrong", *, code="c", severity="error", hint=None, file="s.yaml"):
    position = Position(file=file, line=line, column=column)
    return Diagnostic(code=code, severity=severity, message=message, position=position, pointer="/x", hint=hint)


def test_text_shows_place_line_caret_and_hint():
    assert render([found(1, 7, hint="mend it")], [SOURCE], "text") == (
        "specs/s.yaml:1:7: error[c]: wrong\n  1 | name: a\n    |       ^\n  hint: mend it\n"
    )


def test_caret_stands_under_wide_characters():
    shown = render([found(3, 8)], [SOURCE], "text").splitlines()
    assert shown[2].index("^") - shown[1].index("-") == len("- ") + 2 * len("漢字") + len(": ")


def test_order_is_by_file_and_place_without_repetition():
    unordered = [found(3, 1), found(1, 7), found(1, 2, severity="warning"), found(1, 7), found(1, 1, file="other.yaml")]
    places = [(one["file"], one["line"], one["column"]) for one in json.loads(render(unordered, [SOURCE], "json"))]
    assert places == [("specs/s.yaml", 1, 2), ("specs/s.yaml", 1, 7), ("specs/s.yaml", 3, 1), ("other.yaml", 1, 1)]


def test_json_holds_every_field():
    assert json.loads(render([found(1, 7)], [SOURCE], "json")) == [
        {
            "code": "c",
            "severity": "error",
            "message": "wrong",
            "file": "specs/s.yaml",
            "line": 1,
            "column": 7,
            "pointer": "/x",
            "hint": None,
        }
    ]


def test_github_annotations_are_escaped():
    nasty = found(1, 7, "50 %, a:b\n::error::x", severity="note", file="a,b:c.yaml", hint="do %")
    assert render([nasty], [], "github") == ("::notice file=a%2Cb%3Ac.yaml,line=1,col=7,title=bench%3A c::50 %25, a:b\\n::error::x (do %25)\n")


def test_github_paths_start_at_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = SourceFile(path="s.yaml", content=b"a", shown=str(tmp_path / "specs" / "s.yaml"))
    assert "file=specs/s.yaml," in render([found(1, 1)], [source], "github")


def test_what_cannot_be_seen_is_made_visible():
    nasty = SourceFile(path="s.yaml", content="a: \x1b[31m\u202eb\u200b".encode())
    text = render([found(1, 1, "\x1b]0;t\x07 \u202e\r\n", hint="\x00")], [nasty], "text")
    assert not any(one in text for one in "\x1b\u202e\u200b\x00\x07\r")
    assert "\\x1b]0;t\\x07 \\u202e\\r\\n" in text


def test_a_line_with_a_secret_is_shown_only_up_to_it():
    source = SourceFile(path="s.yaml", content=b"- {id: 1, api_key: sk-123, colour: red}\n")
    text = render([found(1, 28, code="unknown-key"), found(1, 20, code="inline-secret")], [source], "text")
    assert "sk-123" not in text
    assert "- {id: 1, api_key: …" in text


def test_nothing_found_is_nothing_said():
    assert render([], [SOURCE], "text") == ""
    assert render([], [SOURCE], "json") == "[]\n"


def test_a_place_outside_the_text_has_no_excerpt():
    assert render([found(99, 1)], [SOURCE], "text") == "specs/s.yaml:99:1: error[c]: wrong\n"
