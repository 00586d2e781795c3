"""The web service of Foundry Local as it was measured, in two generations: what it takes, what it refuses, and how its chunks look.

A prompt decides what happens: `BREAK` ends the stream with an error object, everything else is answered by `WORDS`.
"""

import contextlib
import http.server
import json
import re
import socket
import threading
from urllib.parse import unquote

CONTEXT = 256
WORDS = ("Frank", "furt", " am", " Main", ".")


class Service:
    """What is loaded, and how many completions are answered before the service says 500 (None: all)."""

    def __init__(self, models, *, generation=2, breaks_after=None, port=0):
        self.models, self.generation, self.left = models, generation, breaks_after
        self.loaded, self.asked, self.connections = [], [], []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                service.connections.append(self.connection)

            def do_GET(self):
                service.get(self)

            def do_POST(self):
                service.post(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def log_message(self, *_):
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        for connection in self.connections:  # the real one lets go of them, too
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def get(self, handler):
        path = unquote(handler.path)
        if path == "/models/loaded":
            return answer(handler, 200, self.loaded)
        if path == "/status":
            return answer(handler, 200, {"endpoints": [self.url], "modelCachePath": "/nowhere", "pid": 1})
        if path == "/v1/models":
            names = self.models if self.generation == 2 else [name.partition(":")[0] for name in self.models]
            return answer(handler, 200, {"object": "list", "data": [{"id": name, "object": "model"} for name in names]})
        return answer(handler, 404, error("not found", "not_found"))

    def post(self, handler, body):
        self.asked.append(body)
        refusal = self._refusal(body)
        if refusal is not None:
            return answer(handler, *refusal)
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                return answer(handler, 500, error("Inference failed: the generator is in a bad state", "server_error"))
        words, problem = self._words(body)
        if body.get("stream"):
            return self._stream(handler, body, words, problem)
        if problem:
            return answer(handler, 500, error(problem, "server_error"))
        choice = {"index": 0, "finish_reason": "stop", "logprobs": None, "message": {"role": "assistant", "content": "".join(words)}}
        return answer(handler, 200, {"object": "chat.completion", "model": body["model"], "choices": [choice], "usage": usage(len(words))})

    def _refusal(self, body):
        exact = self._exact(body["model"])
        if exact is None:
            return 404, error(f"Model '{body['model']}' not found", "not_found")
        if exact not in self.loaded:
            return 400, error("model must be loaded before inference", "invalid_request_error")
        if body.get("frequency_penalty") or (body.get("temperature") or 0) > 2:
            return 400, error("Invalid request: unsupported", "invalid_request_error")
        if (body.get("max_tokens") or 0) + 8 > CONTEXT:
            words = f"request requires more total tokens, which exceeds the model's maximum context length of {CONTEXT} tokens"
            return 400, error(f"Invalid request: {words}", "invalid_request_error")
        return None

    def _exact(self, name):
        if self.generation == 2:
            return name if name in self.models else None
        return next((exact for exact in self.models if name in {exact, exact.partition(":")[0], "smol"}), None)

    def _words(self, body):
        """The answer in tokens, and what ends it."""
        said = body["messages"][-1]["content"]
        shape = {} if self.generation == 1 else body.get("response_format") or {}  # 1.x takes it and takes no notice
        if "BREAK" in said:
            return WORDS[:2], "the generator failed"
        if shape.get("type") == "lark_grammar":
            found = re.search(r'"([^"]+)"|/\[?(\w)', shape["lark_grammar"])
            return ((found[1] or found[2],), None) if found else ((), "Error creating grammar")
        if shape.get("type") == "json_schema":
            schema = shape["json_schema"]
            if not isinstance(schema, dict):
                return (), "Error creating grammar: schema must be an object or boolean"
            if "properties" in schema:
                return (json.dumps({name: example(part) for name, part in schema["properties"].items()}),), None
            return ("1.", "1", "1", "1"), None  # any JSON fulfils a schema that says nothing
        return WORDS, None

    def _stream(self, handler, body, words, problem):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()

        def chunk(delta, n, reason=None):
            choice = {"index": 0, "finish_reason": reason, "delta": delta}
            if self.generation == 1:
                choice["message"] = delta or {"role": "assistant", "content": ""}
            told = {"object": "chat.completion.chunk", "model": body["model"], "choices": [choice]}
            send({**told, "usage": usage(n)} if self.generation == 1 else told)

        def send(value):
            data = f"data: {value if isinstance(value, str) else json.dumps(value)}\n\n".encode()
            handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

        chunk({"role": "assistant", "content": ""}, 0)
        for n, word in enumerate(words, start=1):
            chunk({"role": "assistant", "content": word} if self.generation == 1 else {"content": word}, n)
        if problem:
            send(error(problem, "server_error"))
        else:
            chunk({}, len(words), "stop")
            if self.generation == 1 or (body.get("stream_options") or {}).get("include_usage"):
                send({"object": "chat.completion.chunk", "model": body["model"], "choices": [], "usage": usage(len(words))})
            send("[DONE]")
        handler.wfile.write(b"0\r\n\r\n")


def example(schema):
    """A value that a simple schema takes."""
    if "enum" in schema:
        return schema["enum"][0]
    return {"boolean": True, "integer": schema.get("minimum", 1), "string": "it says so"}[schema["type"]]


def usage(n):
    return {"prompt_tokens": 8, "completion_tokens": n, "total_tokens": 8 + n}


def error(message, kind):
    return {"error": {"code": None, "message": message, "param": None, "type": kind}}


def answer(handler, status, value):
    body = json.dumps(value).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
