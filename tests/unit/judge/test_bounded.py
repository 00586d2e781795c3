"""The helper process of checks: it ends what does not end, and never mixes up answers."""

import json
import os
import signal
import sys
import threading

import pytest

from bench.judge.checks.bounded import BoundedProcess, Undecided


@pytest.fixture
def process():
    made = BoundedProcess(limit_s=20)
    yield made
    made.close()


def _search(pattern, text):
    return {"job": "search", "pattern": pattern, "ignore_case": False, "whole": False, "text": text}


def test_next_question_is_answered_after_an_endless_one(process):
    process.limit_s = 0.3
    with pytest.raises(Undecided, match=r"longer than 0\.3 s"):
        process.ask(_search("(a|a)+$", "a" * 60 + "!"))
    process.limit_s = 20
    assert process.ask(_search("b+", "abba")) == {"found": True, "text": "bb"}


def test_process_is_kept_between_questions(process):
    process.ask(_search("a", "a"))
    first = process._process.pid
    process.ask(_search("b", "a"))
    assert process._process.pid == first


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_killed_process_costs_no_question(process):
    process.ask(_search("a", "a"))
    os.kill(process._process.pid, signal.SIGKILL)
    process._process.wait()
    assert process.ask(_search("a", "a"))["found"] is True


def test_error_in_the_job_is_a_reason_and_not_an_end(process):
    with pytest.raises(Undecided, match=r"(?i)error"):
        process.ask(_search("(", "a"))
    assert process.ask(_search("a", "a"))["found"] is True


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_process_that_dies_over_a_question_is_not_called_slow(process):
    process.ask(_search("a", "a"))
    timer = threading.Timer(0.1, os.kill, (process._process.pid, signal.SIGTERM))
    timer.start()
    with pytest.raises(Undecided, match="ended with code -15"):
        process.ask(_search("(a|a)+$", "a" * 60 + "!"))
    timer.join()


def test_interrupt_leaves_no_late_answer_for_the_next_question(process, monkeypatch):
    process.ask(_search("a", "a"))

    def interrupted(_line):
        process._process.stdin.write(json.dumps(_search("a", "late") | {"limit_s": 1}).encode() + b"\n")
        process._process.stdin.flush()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(process, "_talk", interrupted)
        with pytest.raises(KeyboardInterrupt):
            process.ask(_search("a", "late"))
    assert process.ask(_search("b+", "bb")) == {"found": True, "text": "bb"}


def test_deeply_nested_value_is_a_reason(process):
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(Undecided, match="nested too deeply"):
        process.ask({"job": "validate", "schema": {}, "instance": value})


def test_schema_that_refers_to_itself_without_end_is_a_reason(process):
    with pytest.raises(Undecided):
        process.ask({"job": "validate", "schema": {"$ref": "#"}, "instance": 1})


def test_network_reference_is_never_fetched(process):
    with pytest.raises(Undecided, match="points to nothing"):
        process.ask({"job": "validate", "schema": {"$ref": "http://127.0.0.1:9/x"}, "instance": 1})


def test_threads_get_their_own_answers(process):
    seen = {}

    def ask(text):
        seen[text] = process.ask(_search(".+", text))["text"]

    threads = [threading.Thread(target=ask, args=(str(n),)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {str(n): str(n) for n in range(20)}


def test_text_of_any_characters_arrives_unchanged(process):
    text = "a\ud800\u2028\x00\n\u4f1a\U0001f600"
    assert process.ask(_search("(?s).+", text))["text"] == text
