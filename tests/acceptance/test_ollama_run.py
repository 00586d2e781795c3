"""A whole run on Ollama: by its own API, by OpenAI's, started by bench, and as a judge."""

import os
import sys

import pytest
from harness.command import Here
from harness.judged_spec import write_judged_spec
from harness.ollama_server import PIECES, ollama
from harness.stub_servers import calls, install
from harness.written_spec import latest

from bench.store.reader import read_judges, read_samples, read_statuses, read_summary

HEAD = "bench: 1\nname: own-api\nversion: 1.0.0\n"
TAIL = 'prompts:\n  - {id: p, user: "Capital of France?"}\ngeneration: {temperature: 0, seed: 3, max_tokens: 9}\nrounds: 3\nwarmup: 1\n'


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    return Here(tmp_path, capsys, monkeypatch)


def write(folder, *models, more=""):
    path = folder / "spec.yaml"
    path.write_text(HEAD + "models:\n" + "".join(f"  - {model}\n" for model in models) + more + TAIL, encoding="utf-8")
    return path


def values(layout, metric):
    found = read_summary(layout).estimates
    return {one.group.model_id: one.value for one in found if one.metric == metric and one.value is not None and one.group.prompt_id is None}


def test_settings_reach_it_its_clock_is_read_and_the_other_api_is_told_apart(tmp_path, run):
    with ollama() as server:
        entry = f"runtime: external, base_url: '{server.base_url}/v1', model: m, context: 2048"
        spec = write(tmp_path, f"{{id: native, {entry}, gpu: {{mode: 'off'}}}}", f"{{id: other, {entry}, dialect: openai}}")
        run("run", spec)
        layout = latest(tmp_path)
        chats, others = server.bodies("/api/chat"), server.bodies("/v1/chat/completions")
        assert [body["options"]["num_ctx"] for body in chats] == [2048] * 4
        assert chats[-1]["options"] | {"seed": 0} == {"num_ctx": 2048, "num_gpu": 0, "temperature": 0.0, "num_predict": 9, "seed": 0}
        assert len(others) == 4
        assert server.bodies("/api/generate")[-1]["keep_alive"] == 0
        assert server.loaded == []
    statuses = {status.model_id: status for status in read_statuses(layout)}
    assert (statuses["native"].endpoint.api, statuses["other"].endpoint.api) == ("ollama", "openai")
    assert statuses["native"].treatment_digest != statuses["other"].treatment_digest
    assert any("`context: 2048` is not passed on" in note for note in statuses["other"].notes)
    assert statuses["native"].notes == ()
    assert values(layout, "server_decode_tps") == {"native": 10.0}
    assert {sample.outcome.text for sample in read_samples(layout)} == {"".join(PIECES)}
    assert "spoken to as ollama by its own API" in (layout.folder / "report.md").read_text(encoding="utf-8")


@pytest.mark.slow  # brings numpy and scipy
def test_two_runs_by_different_apis_are_told_apart(tmp_path, run):
    with ollama() as server:
        runs = []
        for client in ("wire", "openai-sdk"):
            entry = f"{{id: m, runtime: external, base_url: '{server.base_url}/v1', model: m}}"
            run("run", write(tmp_path, entry, more=f"client: {client}\n"))
            runs.append(latest(tmp_path).folder)
        assert [body["stream"] for body in server.bodies("/v1/chat/completions")] == [True] * 4
    shown = run("compare", *runs).stdout
    assert "API" in shown
    assert "ollama" in shown


@pytest.mark.skipif(sys.platform == "win32", reason="the program of that name is a script with a first line that Windows does not read")
def test_a_server_that_bench_starts_is_spoken_to_in_the_same_way(tmp_path, run, monkeypatch):
    monkeypatch.setenv("PATH", os.pathsep.join((install(tmp_path / "bin", "ollama")["PATH"], os.environ["PATH"])))
    run("run", write(tmp_path, "{id: m, runtime: command, server: ollama, model: tiny, context: 512, threads: 2}"), "--allow-commands")
    asked = [call for call in calls(tmp_path / "bin") if call.get("asked") == "/api/chat"]
    assert [call["body"]["options"]["num_ctx"] for call in asked] == [512] * 4
    assert values(latest(tmp_path), "server_decode_tps") == {"m": 50.0}


def test_a_judge_on_it_is_asked_with_its_context_and_by_its_own_api(tmp_path, run):
    with ollama(answer="Yes", models=("m", "j:1b")) as server:
        judge = f"{{runtime: external, base_url: '{server.base_url}/v1', model: 'j:1b', context: 3072}}"
        model = f"{{id: measured, runtime: external, base_url: '{server.base_url}/v1', model: m, dialect: openai}}"
        run("run", write_judged_spec(tmp_path, judge, model, n=2))
        chats = server.bodies("/api/chat")
        assert chats
        assert {body["options"]["num_ctx"] for body in chats} == {3072}
        assert any("format" in body for body in chats)
        assert server.loaded == []
    assert [record.grader_id for record in read_judges(latest(tmp_path))] == ["local"]
