import msgspec
import pytest
from harness.rulers import selftest
from harness.verb import verb

from bench.cli.commands import selftest as command
from bench.errors import UsageError
from bench.records.selftest import SelfTest

SPEC = """\
bench: 1
name: s
version: 1.0.0
models: [{id: m, runtime: external, model: m, base_url: "http://localhost:1/v1"}]
prompts: [{id: p, user: Hello}]
generation: {stream: false}
load: {kind: closed, concurrency: 2}
"""


@pytest.fixture(autouse=True)
def _a_cache_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


def test_the_spec_says_how_the_ruler_is_used(tmp_path, capsys):
    (tmp_path / "s.yaml").write_text(SPEC, encoding="utf-8")
    code = verb(command, tmp_path / "s.yaml", "--seconds", "0.05", "--format", "json")
    found = msgspec.json.decode(capsys.readouterr().out, type=SelfTest)
    assert (found.concurrency, found.is_streamed, found.client) == (2, False, "wire")
    assert code == (3 if found.is_saturated else 0)
    (kept,) = (tmp_path / "cache" / "selftest").iterdir()
    assert msgspec.json.decode(kept.read_bytes(), type=SelfTest) == found


@pytest.mark.parametrize(
    "words", [("--concurrency", "0"), ("--concurrency", "100000"), ("--seconds", "0"), ("--seconds", "nan"), ("--set", "rounds=1")], ids=" ".join
)
def test_what_makes_no_sense_is_refused(words):
    with pytest.raises(UsageError):
        verb(command, *words)


def test_text_has_every_figure_and_the_verdict():
    text = command.text(selftest())
    for words in (
        "concurrency 4, streamed",
        "by the kernel",
        "0.02 ms p50, 0.08 ms p99",
        "0.4 ms p99",
        "in no latency",
        "3.98 of 4",
        "20%",
        "Good enough.",
    ):
        assert words in text


def test_text_of_what_is_not_streamed_leaves_out_what_there_is_not():
    text = command.text(selftest(is_streamed=False, ttft_error=None, chunk_lateness=None, itl_error=None, connect=None, in_flight=None))
    assert "TTFT" not in text
    assert "ITL" not in text
    assert "handshake" not in text
    assert "too few requests to say" in text
