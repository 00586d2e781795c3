"""The border of the program: every end has its words and its exit code."""

import os
import subprocess
import sys

import pytest
from harness.command import Here
from harness.specs import BASE

from bench.cli import main as border
from bench.cli.main import VERBS, main
from bench.errors import Exit


@pytest.fixture
def bench(tmp_path, capsys, monkeypatch):
    return Here(tmp_path, capsys, monkeypatch)


def raising(monkeypatch, error):
    def run(_words):
        raise error

    monkeypatch.setattr(border, "_run", run)


def test_help_names_every_verb_and_every_exit_code(bench):
    shown = bench("--help").stdout
    assert all(verb in shown for verb in VERBS)
    assert all(f"{int(code)} " in shown for code in Exit)
    assert bench().stdout == shown


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(bench, verb):
    assert "usage: bench " + verb in bench(verb, "--help").stdout


def test_version_is_the_packages(bench):
    assert bench("--version").stdout.startswith("bench ")


def test_ctrl_c_ends_with_130_and_no_traceback(monkeypatch, capsys):
    raising(monkeypatch, KeyboardInterrupt())
    assert main([]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_bug_ends_with_70_and_a_log(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    raising(monkeypatch, ZeroDivisionError("by \x1b[31mnought"))
    assert main([]) == 70
    said = capsys.readouterr().err
    assert "bug in bench: ZeroDivisionError: by \\x1b[31mnought" in said
    (log,) = tmp_path.glob("bench-bug-*.log")
    assert str(log) in said
    assert "Traceback" in log.read_text(encoding="utf-8")


def test_a_broken_pipe_of_another_kind_is_a_bug(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    raising(monkeypatch, BrokenPipeError("a server went away"))
    assert main([]) == 70
    assert "a server went away" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="closes the reading end of a POSIX pipe before the program starts")
@pytest.mark.parametrize(
    ("words", "code"),
    [("run --help", 0), ("validate --format json spec.yaml", 2), ("validate spec.yaml", 2), ("validate good.yaml", 0)],
)
def test_a_reader_that_leaves_early_is_no_trouble_and_changes_no_exit_code(tmp_path, words, code):
    (tmp_path / "spec.yaml").write_text("bench: 1\n", encoding="utf-8")
    (tmp_path / "good.yaml").write_text(BASE, encoding="utf-8")
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "bench.cli.main", *words.split()]
    with os.fdopen(writer, "wb") as unread:
        alone = subprocess.run(command, cwd=tmp_path, stdout=unread, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
        both = subprocess.run(command, cwd=tmp_path, stdout=unread, stderr=unread, timeout=30, check=False)
    assert (alone.returncode, both.returncode) == (code, code)
    assert "Broken" not in alone.stderr
    assert "Traceback" not in alone.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="closes streams with a POSIX shell")
def test_a_command_without_streams_works(tmp_path):
    (tmp_path / "good.yaml").write_text(BASE, encoding="utf-8")
    words = f'"{sys.executable}" -m bench.cli.main validate good.yaml >&- 2>&-'
    assert subprocess.run(["sh", "-c", words], cwd=tmp_path, timeout=30, check=False).returncode == 0  # noqa: S607
    words = f'"{sys.executable}" -m bench.cli.main migrate - <&-'
    ended = subprocess.run(["sh", "-c", words], cwd=tmp_path, timeout=30, check=False, stderr=subprocess.PIPE, text=True)  # noqa: S607
    assert (ended.returncode, "the file is empty" in ended.stderr) == (2, True)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only some systems have a device that is always full")  # noqa: PTH110
def test_output_that_finds_no_room_is_told_and_is_no_bug(tmp_path):
    (tmp_path / "good.yaml").write_text(BASE, encoding="utf-8")
    command = [sys.executable, "-m", "bench.cli.main", "validate", "good.yaml"]
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        ended = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: standard output cannot be written: No space left on device\nhint: ")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("vaildate", "a.yaml"), "there is no command `vaildate`\nhint: did you mean `validate`? `bench --help`"),
        (("run", "a.yaml", "--onyl", "x"), "`bench run` has no option `--onyl`\nhint: did you mean `--only`? `bench run --help`"),
        (("run", "a.yaml", "b.yaml"), "`bench run` has no place for `b.yaml`\nhint: `bench run --help`"),
        (("models", "list", "--sorce=x"), "`bench models list` has no option `--sorce`\nhint: did you mean `--source`? `bench models list --help`"),
        (("run", "a.yaml", "--workers", "x"), "argument --workers: invalid int value: 'x'\nhint: `bench run --help`"),
        (("models", "lst"), "argument COMMAND: invalid choice: 'lst' (choose from"),
        (("models", "pull", "phi-4-mini"), "'phi-4-mini' is neither a file nor a source\nhint: name a spec's file, or a source: pypi:"),
        (("baseline",), "the following arguments are required: COMMAND\nhint: `bench baseline --help`"),
        (("--frobnicate",), "`bench` has no option `--frobnicate`\nhint: `bench --help`"),
    ],
)
def test_a_word_that_means_nothing_is_told_with_what_was_meant(bench, words, said):
    assert f"error: {said}" in bench(*words, code=2).stderr


@pytest.mark.parametrize("words", [("validate",), ("diff", "a.yaml"), ("diff", "{}:a.yaml"), ("models", "pull")])
def test_a_name_that_no_file_system_takes_is_told_as_one_that_is_not_there(bench, words):
    name = "a" * 300
    filled = [word.format(name) for word in words]
    said = bench(*filled, *([] if name in "".join(filled) else [name]), code=2).stderr
    assert "error" in said
    assert "hint: " in said


def test_text_that_the_terminal_cannot_show_is_escaped(tmp_path):
    words = [sys.executable, "-m", "bench.cli.main", "validate", "ñ→.yaml"]
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, timeout=30, check=False, env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C.UTF-8"})
    assert ended.returncode == 2, ended.stderr
    assert b"\\xf1\\u2192.yaml" in ended.stderr
