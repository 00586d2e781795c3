"""`bench models check` as a user runs it: every kind of runtime, over real sockets and real processes."""

import json
import os
import re
import signal

import pytest
from harness.command import Here, bench, start_bench
from harness.foreign import install
from harness.mock_llm import mock_llm
from harness.published import validator
from harness.written_spec import external, latest, owned, write_spec

from bench.errors import Exit

DEAD = external("away", "http://127.0.0.1:9/v1")
HOSTILE = "Paris\x1b[2J\nfake row\u202e"


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    return Here(tmp_path, capsys, monkeypatch)


def checked(run, spec, *words, code=0):
    shown = run("models", "check", spec, "--format", "json", *words, code=code)
    report = json.loads(shown.stdout)
    validator("check").validate(report)
    assert report["exit_code"] == code
    return report, {(row["model_id"], row["role"]): row for row in report["models"]}


def test_server_and_command_answer_over_http_and_what_was_started_is_gone(tmp_path, run):
    with mock_llm(n=2) as server:
        spec = write_spec(
            tmp_path,
            external("there", server.base_url),
            owned("own", "n=2"),
            '{id: off, runtime: external, optional: true, base_url: "http://127.0.0.1:9/v1", model: m}',
            more="warmup: 5\nrounds: 9\nlimits: {max_error_rate: 1 %}",
        )
        report, rows = checked(run, spec, "--allow-commands")
        assert len(server.log) == 1  # one question, whatever the spec's rounds and warm-up
    there, own, off = rows[("there", "model")], rows[("own", "model")], rows[("off", "model")]
    assert [(row["state"], row["transport"], row["is_listed"]) for row in (there, own)] == [("answered", "http", True)] * 2
    assert (there["is_unloaded"], own["is_unloaded"]) == (None, True)
    assert own["load_s"] > 0
    assert own["rss_loaded_bytes"] > 1e6
    assert own["answer"]
    assert (off["state"], off["is_optional"]) == ("unavailable", True)
    assert "nothing listens" in off["reason"]
    assert off["hint"]
    assert report["reasons"] == []


def test_required_model_that_does_not_come_up_or_does_not_answer_is_exit_10(tmp_path, run):
    with mock_llm(n=2) as good, mock_llm(n=2, fault="400") as bad:
        spec = write_spec(tmp_path, external("good", good.base_url), external("bad", bad.base_url), DEAD)
        report, rows = checked(run, spec, code=Exit.MODEL_FAILED)
        assert checked(run, spec, "--only", "good")[0]["exit_code"] == 0
        checked(run, spec, "--only", "model:b*", code=Exit.NOTHING_MEASURED)
        assert "fits no model" in run("models", "check", spec, "--only", "goodd", code=Exit.USAGE).stderr
    assert {row["state"] for row in rows.values()} == {"answered", "unanswered", "unavailable"}
    assert "bad_request" in rows[("bad", "model")]["reason"]
    assert len(report["reasons"]) == 2


def test_command_is_not_started_unasked(tmp_path, run):
    _, rows = checked(run, write_spec(tmp_path, owned("own", "n=2")), code=Exit.NOTHING_MEASURED)
    assert "--allow-commands" in rows[("own", "model")]["reason"] + rows[("own", "model")]["hint"]


def test_table_shows_a_row_each_and_no_answer_can_fake_one(tmp_path, run):
    with mock_llm(n=1, text=HOSTILE) as server:
        spec = write_spec(tmp_path, external("a", server.base_url), DEAD)
        shown = run("models", "check", spec, code=Exit.MODEL_FAILED)
    head, first, second = shown.stdout.splitlines()
    assert head.split() == ["model", "runtime", "state", "listed", "device", "load", "memory", "answer"]
    assert first.split()[:4] == ["a", "external", "answered", "yes"]
    assert "Paris\\x1b[2J\\x0afake row\\x202e" in first
    assert second.split()[:3] == ["away", "external", "unavailable"]
    assert "\x1b" not in shown.stdout + shown.stderr
    assert re.search(r"away: unavailable: nothing listens .*\n  hint: ", shown.stderr)
    assert "exit 10: required model away [default] is unavailable" in shown.stderr


def test_judge_in_use_counts_and_one_that_is_not_does_not(tmp_path, run):
    entry = '{{runtime: external, base_url: "{}", model: mock}}'
    judges = f"judges: {{{{used: {entry}, spare: {entry.replace('{}', 'http://127.0.0.1:9/v1')}}}}}"
    more = judges + "\njudge: {{use: {}}}\nwarmup: 0"
    with mock_llm(n=2) as server, mock_llm(n=2) as judging:
        model = external("a", server.base_url)
        _, rows = checked(run, write_spec(tmp_path, model, more=more.format(judging.base_url, "used")))
        assert (rows[("used", "judge")]["state"], rows[("spare", "judge")]["state"]) == ("answered", "unavailable")
        checked(run, write_spec(tmp_path, model, more=more.format(judging.base_url, "spare")), code=Exit.JUDGE_UNUSABLE)


def test_variants_that_are_served_alike_are_checked_once(tmp_path, run):
    more = "variants: [{id: cold, generation: {temperature: 0}}, {id: warm, generation: {temperature: 1}}, {id: long, context: 99}]"
    with mock_llm(n=2) as server:
        report, _ = checked(run, write_spec(tmp_path, external("a", server.base_url), more=more))
        assert [row["variants"] for row in report["models"]] == [["cold", "warm"], ["long"]]
        report, _ = checked(run, write_spec(tmp_path, external("a", server.base_url), more=more), "--only", "variant:long")
        assert [row["variants"] for row in report["models"]] == [["long"]]


def test_replayed_model_tells_what_was_recorded(tmp_path, run):
    more = "warmup: 0\ngeneration: {seed: 5}"
    with mock_llm(n=3) as server:
        run("run", write_spec(tmp_path, external("m", server.base_url), more=more))
    settings = f"{{run: {latest(tmp_path).folder.relative_to(tmp_path).as_posix()}}}"
    _, rows = checked(run, write_spec(tmp_path, f"{{id: m, runtime: replay, settings: {settings}}}", more=more))
    row = rows[("m", "model")]
    assert (row["state"], row["is_listed"], row["is_unloaded"]) == ("answered", None, None)
    assert any("replayed from run" in note for note in row["notes"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send to a process")
def test_interrupt_ends_the_check_and_skips_the_rest(tmp_path):
    with mock_llm(n=2, fault="hang") as server:
        spec = write_spec(tmp_path, external("a", server.base_url), external("b", server.base_url))
        process = start_bench("models", "check", spec, "--format", "json", folder=tmp_path)
        assert process.stderr.readline() == "checking a\n"
        while not server.log:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=100)
    assert process.returncode == Exit.INTERRUPTED
    report = json.loads(out)
    assert [row["state"] for row in report["models"]] == ["unanswered", "skipped"]
    assert report["reasons"][0] == {"code": 130, "message": "interrupted; what was not checked is skipped"}


PACKAGE = """
import os
os.write(1, b"from native code\\n")

class Adapter:
    def load(self, settings):
        print("loading")
    def generate(self, messages, settings):
        return "Paris."

class Runtime:
    def serve(self, treatment, context):
        raise SystemExit("no such weights")
"""


def test_third_party_models_are_rows_like_all_and_their_prints_stay_out_of_the_document(tmp_path):
    packages = tmp_path / "packages"
    packages.mkdir()
    install(packages, {"runtime": {"inside": "Adapter", "bad": "Runtime"}}, PACKAGE, name="checked-package", module="checked_package")
    more = "judges: {same: {runtime: inside}}\njudge: {use: same, allow_self: true}"
    spec = write_spec(tmp_path, "{id: a, runtime: inside}", "{id: b, runtime: bad}", more=more)
    ended = bench("models", "check", spec, "--format", "json", folder=tmp_path, environ={"PYTHONPATH": str(packages)})
    assert ended.returncode == Exit.MODEL_FAILED, ended.stderr  # before 8, in the order of `bench run`
    first, second, judge = json.loads(ended.stdout)["models"]
    assert (first["state"], first["transport"], first["answer"], first["is_listed"]) == ("answered", "in-process", "Paris.", None)
    assert (second["state"], "no such weights" in second["reason"]) == ("failed", True)
    assert (judge["state"], "a judge must be" in judge["reason"]) == ("failed", True)
