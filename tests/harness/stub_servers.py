"""Programs for tests that bear the names of servers (`llama-server`, `ollama`, `lms`, …) and speak enough of their HTTP to be brought up.

They write how they were called to `calls.jsonl` in the folder that holds them, one JSON line each, so that a test can read the words they got.
"""

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

_PROGRAM = r"""#!{python} -IS
import http.server, json, os, re, subprocess, sys, threading
from pathlib import Path

here = Path(__file__).resolve().parent
name, words = Path(__file__).name, sys.argv[1:]
calls = here / "calls.jsonl"
settings = json.loads((here / "settings.json").read_text())
kept = ("OLLAMA_HOST", "OLLAMA_CONTEXT_LENGTH", "OLLAMA_NUM_PARALLEL", "OLLAMA_MODELS", "OMP_NUM_THREADS", "HF_HUB_OFFLINE", "CUDA_VISIBLE_DEVICES")


def note(**what):
    with calls.open("a") as stream:
        stream.write(json.dumps(what) + "\n")


note(program=name, words=words, environment={{key: os.environ[key] for key in kept if key in os.environ}})
if settings.get("taken"):
    left = settings["taken"] - 1
    (here / "settings.json").write_text(json.dumps({{**settings, "taken": left}}))
    print("error: Address already in use", file=sys.stderr)
    sys.exit(1)
if settings.get("says"):
    print(settings["says"], file=sys.stderr)
    sys.exit(2)
if settings.get("prints"):
    print(settings["prints"], flush=True)
if name == "lms":
    if words[:2] == ["server", "start"]:
        quiet = subprocess.DEVNULL
        itself = [sys.executable, "-I", "-S", __file__, "listen", words[3]]
        child = subprocess.Popen(itself, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
        (here / "pid").write_text(str(child.pid))
        sys.exit(0)
    if words[:2] == ["server", "stop"]:
        os.kill(int((here / "pid").read_text()), 15)
        sys.exit(0)
    if words[0] != "listen":
        sys.exit(settings.get("load", 0) if words[0] == "load" else 0)
    port = words[1]
elif name == "ollama":
    port = os.environ["OLLAMA_HOST"].rpartition(":")[2]
else:
    port = words[words.index("--port") + 1]
there = settings.get("models", ["tiny"])
loaded = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, *values):
        body = "\n".join(json.dumps(value) for value in values).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def words(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def chat(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        ends = {{"done": True, "done_reason": "stop", "load_duration": 1000000, "prompt_eval_count": 7, "prompt_eval_duration": 20000000}}
        ends |= {{"eval_count": 4, "eval_duration": 60000000}}
        for each, more in (("It is ", {{}}), ("Paris", {{}}), (".", {{}}), ("", ends)):
            line = json.dumps({{"model": body["model"], "message": {{"role": "assistant", "content": each}}, "done": False, **more}}).encode() + b"\n"
            self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self):
        if self.path == "/v1/models" and not settings.get("broken list"):
            named = [words[words.index(key) + 1] for key in ("--alias", "--model_alias", "--served-model-name") if key in words]
            self.answer(200, {{"object": "list", "data": [{{"id": each}} for each in named or there]}})
        elif self.path == "/api/tags" and name == "ollama":
            self.answer(200, {{"models": [{{"name": each}} for each in there]}})
        elif self.path == "/api/version" and name == "ollama":
            self.answer(200, {{"version": "0.12.6"}})
        elif self.path == "/" and name == "ollama":
            self.words("Ollama is running")
        elif self.path == "/api/ps" and name == "ollama":
            self.answer(200, {{"models": [{{"name": each, "size": 200, "size_vram": 0}} for each in loaded]}})
        elif self.path == "/health" and name in {{"llama-server", "transformers", "vllm"}}:
            self.answer(200, {{"status": "ok"}})
        else:
            self.answer(500 if self.path == "/v1/models" else 404, {{}})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        note(asked=self.path, body=body)
        if self.path == "/api/pull" and not settings.get("pull"):
            there.append(body["model"])
            self.answer(200, {{"status": "pulling", "completed": 5, "total": 10}}, {{"status": "success"}})
        elif self.path in settings.get("refuses", {{}}) or self.path == "/api/pull":
            self.answer(500, {{"error": settings.get("refuses", {{}}).get(self.path, settings.get("pull"))}})
        elif self.path == "/api/chat":
            self.chat(body)
        else:
            if self.path == "/api/generate":
                loaded.append(body["model"])
            self.answer(200, {{"status": "success"}})

    do_DELETE = do_POST

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
"""


def install(folder: Path, *names: str, **settings: Any) -> dict[str, str]:
    """Put programs of these names into a folder. Returns an environment with that folder alone on its PATH."""
    folder.mkdir(exist_ok=True)
    (folder / "settings.json").write_text(json.dumps(settings))
    for name in names:
        program = folder / name
        program.write_text(_PROGRAM.format(python=sys.executable))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": str(folder), "HOME": os.environ.get("HOME", str(folder))}


def calls(folder: Path) -> list[dict[str, Any]]:
    """How they were called, and what they were asked, in order."""
    return [json.loads(line) for line in (folder / "calls.jsonl").read_text().splitlines()]
