"""A spec is data: whatever stands in it, checking and planning it opens no connection, runs nothing and reads nothing outside its folder."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from harness.command import bench
from harness.mock_llm import mock_llm

from bench.errors import Exit

HARNESS = Path(__file__).parents[1] / "harness"
SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))
HOSTILE = """
bench: 1
name: hostile
version: 1.0.0
models:
  - {{id: office, runtime: external, base_url: "{url}/v1", model: m, api_key: {{env: A_KEY}}, optional: true}}
  - {{id: program, runtime: command, command: [touch, started], model: x, load_timeout: 2 s, optional: true}}
  - {{id: fetched, runtime: llama.cpp, weights: "hf:some/repo/file.gguf", optional: true}}
  - {{id: foreign, runtime: llama.cpp, weights: "file:../../../../../../etc/passwd", optional: true}}
prompts:
  - id: fetch
    user: "{{{{ text[1].nested | upper }}}}"
    vars: {{text: ["{url}/v1", {{nested: "../../etc/passwd"}}]}}
"""
REFERENCES = """
    aspects:
      - {{id: a, check: {{json_schema: {{$ref: "{url}/schema.json"}}}}}}
      - {{id: b, check: {{json_schema: {{properties: {{a: {{$ref: "file:///etc/passwd"}}}}}}}}}}
      - {{id: c, check: {{json_schema: {{$schema: "{url}/meta.json", $id: "{url}/id.json", $dynamicRef: "{url}/dynamic.json"}}}}}}
      - {{id: d, check: {{regex: "(a|a)+$"}}}}
"""


@pytest.fixture
def listener():
    """The address of a port, and the list of what connected to it."""
    came = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    connection, address = server.accept()
                    came.append(address)
                    connection.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", came
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def told_by(verb, spec):
    words = [sys.executable, HARNESS / "audited.py", spec.parent, verb, *([spec, spec] if verb == "diff" else [spec])]
    environ = {**os.environ, "A_KEY": "a-key"}
    ended = subprocess.run(words, cwd=spec.parent, env=environ, capture_output=True, text=True, timeout=60, check=False)
    return ended, [line for line in ended.stderr.splitlines() if line.startswith("audit: ")]


@pytest.mark.parametrize("verb", ["validate", "plan", "diff"])
@pytest.mark.parametrize(("text", "code"), [(HOSTILE, Exit.OK), (HOSTILE + REFERENCES, Exit.USAGE)], ids=["models", "references"])
def test_a_hostile_spec_is_only_read(tmp_path, listener, verb, text, code):
    url, came = listener
    spec = tmp_path / "spec.yaml"
    spec.write_text(text.format(url=url), encoding="utf-8")
    ended, told = told_by(verb, spec)
    assert "Traceback" not in ended.stderr
    assert ended.returncode == code, ended.stderr
    assert told == []
    assert came == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["spec.yaml"]


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_the_example_specs_are_only_read(spec):
    for verb in ("validate", "plan", "diff"):
        assert told_by(verb, spec)[1] == []


def test_the_audit_sees_what_it_looks_for(tmp_path):
    """The tests above would pass with a hook that sees nothing."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(HOSTILE.format(url="http://127.0.0.1:9"), encoding="utf-8")
    seen = " ".join(told_by("run", spec)[1])
    assert "socket.connect" in seen
    assert "os.mkdir" in seen


def test_a_reference_in_a_schema_is_not_fetched_by_a_run_either(tmp_path, listener):
    url, came = listener
    with mock_llm(text='{"a": 1}', n=1) as server:
        spec = tmp_path / "spec.yaml"
        text = f"""
bench: 1
name: references
version: 1.0.0
models: [{{id: m, runtime: external, base_url: "{server.base_url}", model: mock}}]
warmup: 0
rounds: 1
prompts:
  - id: p
    user: Say it.
    aspects:
      - {{id: a, check: {{json_schema: {{$ref: "{url}/schema.json"}}}}}}
"""
        spec.write_text(text, encoding="utf-8")
        ended = bench("run", spec, folder=tmp_path)
    assert "Traceback" not in ended.stderr
    assert came == []
