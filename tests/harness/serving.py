"""Servers to serve from: a tiny one as a program, and one inside the test that answers as it is told."""

import http.server
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from bench.protocols import ServingContext
from bench.records.plan import Treatment
from bench.records.spec import ModelSpec

PROGRAM = Path(__file__).with_name("tiny_server.py")


def context(folder: Path, **fields: Any) -> ServingContext:
    """A context whose folders lie in `folder`, with nothing in its environment but what is given."""
    defaults = {"spec_folder": folder, "log_folder": folder / "logs", "cache_folder": folder / "cache", "environ": {}}
    return ServingContext(**{**defaults, **fields})


def treatment(model: ModelSpec, **fields: Any) -> Treatment:
    """A treatment of a model under the default variant."""
    return Treatment(model_id=model.id, variant_id="default", digest="d" * 64, optional=False, model=model, **fields)


def tiny(*options: str, port: str = "{port}") -> tuple[str, ...]:
    """The words that start the tiny server."""
    return (sys.executable, "-I", "-S", str(PROGRAM), port, *options)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the server inside the test sends back."""

    status: int = 200
    value: Any = None
    body: bytes | None = None
    headers: Mapping[str, str] = {}


@contextmanager
def answering(respond: Callable[[str, Mapping[str, str]], Answer | None]) -> Iterator[str]:
    """A loopback server whose answer to (path, headers) is `respond`'s; None breaks the connection off. Yields its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = respond(self.path, self.headers)
            if answer is None:
                self.close_connection = True
                return
            body = answer.body if answer.body is not None else json.dumps(answer.value).encode()
            if "Server" in answer.headers:
                self.send_response_only(answer.status)  # in the place of the standard library's own
            else:
                self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the standard library's name

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def models(*names: str) -> Answer:
    """An OpenAI list of models."""
    return Answer(value={"object": "list", "data": [{"id": name, "object": "model"} for name in names]})
