"""A loopback server whose `/v1/models` answers as a test says."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def model_list_server(models, *, path="/v1/models", key=None, status=200) -> Iterator[str]:
    """The server's address, without `/v1`. `models` are the ids it lists; `key` is the key it asks for."""

    listed = list(models)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            allowed = key is None or self.headers.get("Authorization") == f"Bearer {key}"
            code = (status if allowed else 401) if self.path == path else 404
            body = json.dumps({"data": [{"id": name} for name in listed]} if code == 200 else {}).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
