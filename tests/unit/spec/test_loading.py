"""The load of a spec: its units, its defaults, its trace, and what is said of a bad one."""

import pytest
from harness.specs import BASE
from hypothesis import example, given
from hypothesis import strategies as st

from bench.catalog import REGISTRY
from bench.errors import SpecError
from bench.records.spec import Load, Slo
from bench.spec.diagnostics import render
from bench.spec.load import load_spec
from bench.spec.trace_file import TraceProblem, arrivals
from bench.store.resolved import to_yaml

SLO = "slo: {ttft: 500 ms}\n"


def loaded(folder, text, **files):
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    path = folder / "spec.yaml"
    path.write_text(BASE + text, encoding="utf-8")
    return load_spec(path, extensions=REGISTRY, environ={})


def said(folder, text, **files):
    """Every finding in words, errors and warnings."""
    try:
        return [one.message for one in loaded(folder, text, **files).warnings]
    except SpecError as error:
        render(error.diagnostics, error.sources, "text")
        return [one.message for one in error.diagnostics]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("load: {kind: closed}\n", Load()),
        ("load: {kind: closed, concurrency: 8}\n", Load(concurrency=8)),
        ("load: {kind: poisson, rate: 20, max_wait: 10 s}\n", Load(kind="poisson", concurrency=256, settings={"rate": 20, "max_wait": "10 s"})),
        ("load: {kind: constant, rate: 20, concurrency: 4}\n", Load(kind="constant", concurrency=4, settings={"rate": 20})),
        (
            SLO + "rounds: 30\nload: {kind: sweep, from: 1, to: 8, steps: 4}\n",
            Load(kind="sweep", concurrency=8, steps=4, slo=Slo(ttft_s=0.5), settings={"from": 1, "to": 8}),
        ),
        (
            SLO + "rounds: 30\nload: {kind: sweep, of: rate, from: 0.5, to: 8}\n",
            Load(kind="sweep", concurrency=256, steps=8, slo=Slo(ttft_s=0.5), settings={"of": "rate", "from": 0.5, "to": 8}),
        ),
        (
            "load: {kind: ramp, of: concurrency, from: 1, to: 8, over: 1 min}\n",
            Load(kind="ramp", concurrency=8, settings={"of": "concurrency", "from": 1, "to": 8, "over": "1 min"}),
        ),
    ],
)
def test_loads_are_read_with_their_defaults(text, expected, tmp_path):
    found = loaded(tmp_path, text)
    assert found.spec.load == expected
    assert REGISTRY.problem("load", expected.kind, expected) is None


def test_a_trace_becomes_part_of_the_spec_and_of_the_run_s_inputs(tmp_path):
    found = loaded(tmp_path, "load: {kind: trace, file: peak.csv, speed: 2}\n", peak_csv=b"arrival_s,user\n0.5,ann\n1.5,bob\n")
    assert found.spec.load.settings == {"arrivals": [0.5, 1.5], "speed": 2}
    assert [source.path for source in found.sources] == ["spec.yaml", "peak.csv"]
    again = tmp_path / "again.yaml"
    again.write_bytes(to_yaml(found.resolved))
    (tmp_path / "peak.csv").unlink()
    assert load_spec(again, extensions=REGISTRY, environ={}).spec == found.spec


def test_another_trace_is_another_spec(tmp_path):
    text = "load: {kind: trace, file: peak.csv}\n"
    digests = {loaded(tmp_path, text, peak_csv=content).spec.digest for content in (b"0\n1\n", b"0\n2\n", b"0\r\n1\r\n")}
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("load: {kind: poisson}\n", "load `poisson` needs `rate`"),
        ("load: {kind: closed, rate: 5}\n", "load `closed` does not know `rate`; it knows `concurrency`"),
        ("load: {kind: sweep, from: 1, to: 8, steps: 4}\n", "a sweep looks for the load at which the objective breaks; add `slo:`"),
        ("load: {kind: poisson, rate: 5, steps: 4}\n", "`steps` is 4; load `poisson` does not rise in steps"),
        ("load: {kind: burst, size: 300, every: 1 s}\n", "a burst of 300 needs `concurrency` of at least 300; it is 256"),
        (SLO + "load: {kind: sweep, from: 1, to: 8, steps: 4}\n", "each step has 1 requests"),
        ("rounds: 3\nload: {kind: trace, arrivals: [0, 1]}\n", "each model has up to 3 requests, the trace 2 arrivals"),
        ("load: {kind: trace, file: nowhere.csv}\n", "there is no file 'nowhere.csv'"),
        ("load: {kind: trace, file: ../up.csv}\n", "is not inside the spec's folder"),
        ("load: {kind: trace, file: bad.csv}\n", "1 s is before the arrival above it (2 s)"),
    ],
)
def test_what_is_wrong_with_a_load_is_said_once(text, message, tmp_path):
    found = said(tmp_path, text, bad_csv=b"2\n1\n")
    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    "text",
    ["{kind: poisson, rates: 5}", "{kind: poisson, rate: soon}", "{kind: sweep, from: 1, to: many}", "[]", "{}"],
)
def test_what_the_schema_finds_is_not_said_again(text, tmp_path):
    assert len(said(tmp_path, f"load: {text}\n")) == 1


def test_several_models_at_once_cannot_be_swept(tmp_path):
    second = "models:\n  - {id: two, runtime: external, base_url: 'http://localhost:2/v1', model: m}\n"
    text = SLO + "order: interleaved\nrounds: 30\nload: {kind: sweep, from: 1, to: 8, steps: 4}\n"
    path = tmp_path / "spec.yaml"
    path.write_text(BASE.replace("models:\n", second) + text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_spec(path, extensions=REGISTRY, environ={})
    assert [one.pointer for one in caught.value.diagnostics] == ["/order"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b"0\n0.5\n\n2\n"),
        ("t.csv", b"\xef\xbb\xbfarrival_s\r\n0\r\n0.5\r\n2\r\n"),
        ("t.csv", b'user,arrival_s\n"a,b",0\nc,0.5\nd,2\n'),
        ("t.jsonl", b"0\n0.5\n2\n"),
        ("t.jsonl", b'{"arrival_s": 0}\n{"arrival_s": 0.5, "user": "x"}\n\n{"arrival_s": 2}'),
    ],
)
def test_traces_are_read(name, content):
    assert arrivals(content, name) == [0, 0.5, 2]


@pytest.mark.parametrize(
    ("name", "content", "line", "message"),
    [
        ("t.csv", b"", 1, "0 arrivals"),
        ("t.csv", b"1\n", 1, "1 arrivals"),
        ("t.csv", b"1\n-2\n", 2, "'-2' is no arrival time"),
        ("t.csv", b"1\n\nnan\n", 3, "'nan' is no arrival time"),
        ("t.csv", b"1\n2\n1.5\n", 3, "1.5 s is before"),
        ("t.csv", b"a,b\n1,2\n", 1, "2 columns and none is named"),
        ("t.csv", b"user,arrival_s\nann\n", 2, "'' is no arrival time"),
        ("t.csv", b"1\n\xff\n", 2, "no UTF-8"),
        ("t.jsonl", b"1\n{\n", 2, "no JSON"),
        ("t.jsonl", b'1\n{"at": 2}\n', 2, "no arrival time"),
        ("t.jsonl", b"1\ntrue\n", 2, "no arrival time"),
        ("t.csv", b"1\n" * 100_001, 100_001, "at most 100,000"),
    ],
)
def test_traces_that_are_wrong_say_where(name, content, line, message):
    with pytest.raises(TraceProblem) as caught:
        arrivals(content, name)
    assert caught.value.line == line
    assert message in caught.value.message


@given(content=st.binary(max_size=200), name=st.sampled_from(["t.csv", "t.jsonl"]))
@example(content=b"[" * 5000, name="t.jsonl")
@example(content=b'"', name="t.csv")
def test_any_bytes_are_a_trace_or_a_problem(content, name):
    try:
        found = arrivals(content, name)
    except TraceProblem as problem:
        found = [0.0] if problem.line >= 1 else [1.0, 0.0]
    assert found == sorted(found)
