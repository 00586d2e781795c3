"""A server program for tests: `tiny_server.py PORT [option…]`, with the standard library only.

Options: `crash` (ends with code 3 at once), `abort` (ends by SIGKILL), `hang` (never listens), `no-health`, `stubborn` (ignores the polite end),
`family` (starts a process of its own and writes its id), `say=TEXT`, `model=NAME`, `show=NAME` (an environment name). The path
`/die` ends it with code 9.
"""

# ruff: noqa: T201 - its output is what a log is made of

import http.server
import json
import os
import signal
import subprocess
import sys
import time

options = sys.argv[2:]
values = dict(option.split("=", 1) for option in options if "=" in option)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        paths = {"/v1/models": {"data": [{"id": values.get("model", "tiny")}]}, "/health": {"status": "ok"}}
        if self.path == "/die":
            os._exit(9)
        known = self.path in paths and not ("no-health" in options and self.path == "/health")
        body = json.dumps(paths.get(self.path, {})).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if "say" in values:
    print(values["say"], flush=True)
if "show" in values:
    print(f"{values['show']}={os.environ.get(values['show'])}", flush=True)
if "crash" in options:
    print("\x1b[31mcannot start: no such device\x1b[0m", file=sys.stderr, flush=True)
    sys.exit(3)
if "abort" in options:
    os.kill(os.getpid(), signal.SIGKILL)
if "stubborn" in options:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "family" in options:
    child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"], start_new_session=True)
    print(f"family {child.pid}", flush=True)
if "hang" in options:
    time.sleep(600)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
