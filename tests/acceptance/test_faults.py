"""Whatever a server does: one `bench run` meets every fault there is; each ends as its own failure kind or as a whole answer, and all are counted."""

import csv
from collections import Counter

import pytest
from harness.command import Here
from harness.mock_llm import mock_llm
from harness.written_spec import answers, external, latest

from bench.providers.mock_behaviour import FAULTS, words
from bench.records.exchange import Completion, Failure
from bench.store.reader import read_samples, read_summary

N = 8
TEXT = "".join(words(N))
WHOLE = {"text": TEXT, "chunks": N, "counted_by": "server"}
# What a fault comes to in a stream: a failure's kind, status and some words of its message; or what is asked of the answer.
STREAMED = {
    "none": WHOLE,
    "429": ("rate_limit", 429, "Rate limit reached"),
    "500": ("server", 500, "something broke"),
    "503": ("server", 503, "overloaded"),
    "400": ("bad_request", 400, "must be a number"),
    "401": ("authentication", 401, "Incorrect API key"),
    "context": ("context_length", 400, "context size"),
    "memory": ("out_of_memory", 500, "out of memory"),
    "hang": ("timeout", None, "within 2 s"),
    "hang-mid": ("timeout", 200, "within 2 s"),
    "disconnect": ("protocol", None, "before it answered"),
    "disconnect-mid": ("protocol", 200, "in the middle"),
    "rst": ("protocol", None, "before it answered"),
    "garbage": ("protocol", None, "220 mail"),
    "badjson": ("protocol", 200, "is no chat completion chunk"),
    "empty-choices": ("empty", 200, "without any text"),
    "empty-delta": ("empty", 200, "without any text"),
    "error-event": ("server", 200, "the slot was lost"),
    "cut": ("protocol", 200, "cut off"),
    "length": ("protocol", 200, "in the middle"),
    "gzip": ("protocol", None, "compressed"),
    "no-usage": {**WHOLE, "counted_by": "estimate"},
    "usage-every": WHOLE,
    "slow-headers": WHOLE,
    "no-done": WHOLE,
    "split": WHOLE,
    "comment": WHOLE,
    "crlf": WHOLE,
    "no-chunked": WHOLE,
    "message": WHOLE,
    "reasoning": {**WHOLE, "text": "".join(words(N)[N // 2 :]), "reasoning": "".join(words(N // 2))},
    "not-streamed": {**WHOLE, "chunks": 0},
}
# The same in an answer of one piece, where it differs; faults of a stream's events are none there.
PLAIN = {
    "badjson": ("protocol", 200, "is no chat completion"),
    "disconnect-mid": ("protocol", 200, "in the middle"),
    "error-event": WHOLE,
    "cut": WHOLE,
}


def spec_of(folder, base_url):
    lines = ["bench: 1", "name: faults", "version: 1.0.0", "models:", f"  - {external('m', base_url)}", "prompts:"]
    lines += [f'  - {{id: "{fault}", user: "Say it. [[fault={fault}]]"}}' for fault in STREAMED]
    lines += ["generation: {seed: 1}", "variants: [{id: streamed}, {id: plain, generation: {stream: false}}]"]
    lines += ["load: {kind: closed, concurrency: 8}", "timeout: 2 s", "retries: 0", "warmup: 0", ""]
    path = folder / "spec.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def expected(trial):
    if trial.variant_id == "streamed":
        return STREAMED[trial.prompt_id]
    found = PLAIN.get(trial.prompt_id, STREAMED[trial.prompt_id])
    return {**found, "chunks": 0} if isinstance(found, dict) else found


def check(trial, sample):
    wanted, outcome = expected(trial), sample.outcome
    if isinstance(outcome, Failure):
        assert isinstance(wanted, tuple), outcome
        kind, status, said = wanted
        assert (outcome.kind, outcome.status) == (kind, status), outcome
        assert said in outcome.message
        assert outcome.retry_after_s == (1.0 if trial.prompt_id == "429" else None)
        return
    assert isinstance(wanted, dict), outcome
    assert outcome.text == wanted["text"]
    assert outcome.reasoning == wanted.get("reasoning", "")
    assert outcome.finish_reason == "stop"
    assert sample.timing.chunks == wanted["chunks"]
    assert outcome.usage.counted_by == wanted["counted_by"]
    if wanted["counted_by"] == "server":
        assert (outcome.usage.prompt_tokens, outcome.usage.completion_tokens) == (11, N)


@pytest.mark.slow  # a hanging server is left only when the time is up
def test_every_fault_in_one_run_is_what_it_is_and_is_counted(tmp_path, capsys, monkeypatch):
    assert set(STREAMED) == {"none", *FAULTS} - {"refuse"}
    with mock_llm(n=N) as server:
        shown = Here(tmp_path, capsys, monkeypatch)("run", spec_of(tmp_path, server.base_url))
    layout = latest(tmp_path)
    found = answers(layout)
    assert len(found) == 2 * len(STREAMED)
    for trial, sample in found:
        check(trial, sample)
    kinds = {variant: Counter() for variant in ("streamed", "plain")}
    for trial, sample in found:
        if isinstance(sample.outcome, Failure):
            kinds[trial.variant_id][sample.outcome.kind] += 1
    for counts in read_summary(layout).counts:
        failures = kinds[counts.variant_id]
        assert (counts.planned, counts.failed, counts.failures) == (len(STREAMED), failures.total(), dict(failures))
        assert counts.completed == counts.planned - counts.failed
    with layout.report("report.csv").open(encoding="utf-8", newline="") as file:
        rows = {(row["variant_id"], row["metric"]): row["value"] for row in csv.DictReader(file) if row["kind"] == "count"}
    report = layout.report("report.md").read_text(encoding="utf-8")
    for variant, failures in kinds.items():
        for kind, n in failures.items():
            assert rows[variant, f"failed_{kind}"] == str(n)
        assert ", ".join(f"{kind.replace('_', ' ')} {n}" for kind, n in sorted(failures.items())) in report
    assert "failed" in shown.stdout


def test_a_server_that_stops_listening_is_unreachable(tmp_path, capsys, monkeypatch):
    with mock_llm(n=N, fault="refuse") as server:
        Here(tmp_path, capsys, monkeypatch)("run", spec_of(tmp_path, server.base_url), "--only", "none", code=3)
        assert not server.log
    for _, sample in answers(latest(tmp_path)):
        assert (sample.outcome.kind, sample.outcome.status) == ("unreachable", None)
        assert "nothing listens" in sample.outcome.message
    assert {kind: n for counts in read_summary(latest(tmp_path)).counts for kind, n in counts.failures.items()} == {"unreachable": 1}


def test_what_passes_is_tried_again_when_the_server_says_so(tmp_path, capsys, monkeypatch):
    with mock_llm(n=N, fault_first=1, retry_after="0.3") as server:
        words = ("--only", "429", "--set", "retries=1", "--set", "load.concurrency=1")
        Here(tmp_path, capsys, monkeypatch)("run", spec_of(tmp_path, server.base_url), *words)
        received = [truth.received_ns * 1e-9 for truth in server.log]
    layout = latest(tmp_path)
    first, *others = read_samples(layout)
    assert (first.attempt, first.is_final, first.outcome.kind, first.outcome.retry_after_s) == (1, False, "rate_limit", 0.3)
    assert all(isinstance(sample.outcome, Completion) and sample.is_final for sample in others)
    assert received[1] - received[0] >= 0.3
    assert sum(counts.retried for counts in read_summary(layout).counts) == 1
