"""A loopback server that speaks Ollama's own API, for tests: it writes one line per chunk, or whatever bytes a test wants.

Written from Ollama's public documentation; `asked` has the path and the body of every POST, in order.
"""

import contextlib
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from bench.records.serving import Endpoint, Server

VERSION = "0.12.6"
PIECES = ("The ", "capital ", "is ", "Paris.")
DURATIONS = {
    "total_duration": 5_191_566_416,
    "load_duration": 2_154_458,
    "prompt_eval_count": 26,
    "prompt_eval_duration": 383_809_000,
    "eval_count": 5,
    "eval_duration": 400_000_000,
}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"


def line(content: str = "", **more: Any) -> bytes:
    """A line of a stream. `thinking` goes into the message, all else beside it."""
    thinking = {"thinking": more.pop("thinking")} if "thinking" in more else {}
    message = {"role": "assistant", "content": content, **thinking}
    at = "2026-11-23T06:00:00.123456789Z"
    return json.dumps({"model": "m:latest", "created_at": at, "message": message, "done": False, **more}).encode() + b"\n"


def last(**more: Any) -> bytes:
    """The last line of a stream."""
    return line(done=True, done_reason="stop", **{**DURATIONS, **more})


class Ollama(msgspec.Struct, kw_only=True):
    """How it behaves. `chat(body, send)`: writes a whole answer to a chat itself; None: `PIECES`, each after `pause_s`."""

    models: tuple[str, ...] = ("m:latest",)
    loaded: list[dict[str, Any]] = []
    refuses: dict[str, str] = {}
    pause_s: float = 0.0
    answer: str | None = None
    chat: Callable[[dict[str, Any], Callable[[bytes], object]], object] | None = None
    asked: list[tuple[str, dict[str, Any]]] = []
    sent_ns: list[int] = []
    base_url: str = ""

    def endpoint(self, **more: Any) -> Endpoint:
        """Where it answers, as a runtime would record it."""
        told = Server(name="Ollama", version=VERSION, dialect="ollama", evidence="a test", api="ollama", **more)
        return Endpoint(base_url=f"{self.base_url}/v1", served_model="m", owned=False, server=told)

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """What was asked at this path."""
        return [body for asked, body in self.asked if asked == path]


class _Handler(http.server.BaseHTTPRequestHandler):
    state: Ollama
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def plain(self, value: Any, status: int = 200) -> None:
        body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        answers = {
            "/": "Ollama is running",
            "/api/version": {"version": VERSION},
            "/api/tags": {"models": [{"name": name} for name in self.state.models]},
            "/api/ps": {"models": self.state.loaded},
            "/v1/models": {"object": "list", "data": [{"id": name, "owned_by": "library"} for name in self.state.models]},
        }
        self.plain(answers.get(self.path, {"error": "not found"}), 200 if self.path in answers else 404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.state.asked.append((self.path, body))
        if self.path in self.state.refuses:
            self.plain({"error": self.state.refuses[self.path]}, 500)
        elif self.path == "/api/generate":
            self.generate(body)
        elif self.path == "/v1/chat/completions":
            self.completion(body)
        elif self.state.chat is not None:
            self.close_connection = self.state.chat(body, self.wfile.write) is not True
        else:
            self.chat(body)

    def completion(self, body: dict[str, Any]) -> None:
        """An answer by OpenAI's API, which has no times."""
        if not body.get("stream"):
            self.plain({"model": "m", "choices": [{"message": {"content": "".join(PIECES)}, "finish_reason": "stop"}]})
            return
        self.wfile.write(HEAD.replace(b"application/x-ndjson", b"text/event-stream"))
        for piece, reason in (*((piece, None) for piece in PIECES), ("", "stop")):
            event = {"model": "m", "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": reason}]}
            self.wfile.write(chunked(b"data: " + json.dumps(event).encode() + b"\n\n"))
        self.wfile.write(chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n")

    def generate(self, body: dict[str, Any]) -> None:
        name = body["model"]
        self.state.loaded = [entry for entry in self.state.loaded if entry["name"] != name]
        is_over = body.get("keep_alive") == 0
        if not is_over:
            context = body.get("options", {}).get("num_ctx", 4096)
            self.state.loaded.append({"name": name, "model": name, "size": 200, "size_vram": 0, "context_length": context})
        self.plain({"model": name, "response": "", "done": True, "done_reason": "unload" if is_over else "load"})

    def chat(self, body: dict[str, Any]) -> None:
        pieces = PIECES if self.state.answer is None else (self.state.answer,)
        if not body["stream"]:
            self.plain(json.loads(last()) | {"message": {"role": "assistant", "content": "".join(pieces)}})
            return
        self.wfile.write(HEAD)
        for piece in pieces:
            time.sleep(self.state.pause_s)
            self.state.sent_ns.append(time.perf_counter_ns())
            self.wfile.write(chunked(line(piece)))
        self.wfile.write(chunked(last()) + b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def ollama(**behaviour: Any) -> Iterator[Ollama]:
    """Serve until the block ends."""
    state = Ollama(**behaviour)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    state.base_url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def chunked(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)
