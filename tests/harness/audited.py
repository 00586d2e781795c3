"""`bench` with its words, in a process that tells of every connection, every program and every file that it opens outside Python and one folder.

    python audited.py FOLDER WORD…

What it tells stands on standard error, a line each, behind `audit:`.
"""

import os
import runpy
import sys
from pathlib import Path

import bench

told: list[str] = []
own = str(Path(sys.argv[1]).resolve())
prefixes = {
    sys.prefix,
    sys.base_prefix,
    str(Path(bench.__file__).parents[1]),
    *map(os.path.realpath, (sys.prefix, sys.base_prefix)),
    *filter(None, sys.path),
}
KNOWN = (own, *prefixes, "/usr/lib", "/usr/share", "/etc/localtime")
OPENINGS = {
    "socket.connect", "socket.getaddrinfo", "socket.bind", "urllib.Request", "http.client.connect", "subprocess.Popen", "os.system", "os.exec",
    "os.posix_spawn", "os.fork", "os.remove", "os.mkdir", "os.rename", "os.symlink", "shutil.rmtree",
}  # fmt: skip


def hook(event: str, arguments: tuple[object, ...]) -> None:
    if event in OPENINGS:
        told.append(f"{event} {arguments!r:.200}")
    elif event == "open" and isinstance(arguments[0], str | bytes):
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if not path.startswith(KNOWN):
            told.append(f"open {path}")


sys.dont_write_bytecode = True
sys.addaudithook(hook)
sys.argv = ["bench", *sys.argv[2:]]
try:
    runpy.run_module("bench.cli.main", run_name="__main__")
finally:
    sys.stderr.write("".join(f"audit: {line}\n" for line in told))
