"""Runs one `bench` command and prints what each of its parts takes: `python tests/performance/parts.py run my.yaml`. Loads nothing but `bench`."""

import json
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType


class Parts:
    """Prints a line of figures of this process for each of its parts: what it took since the last line, and its peak of memory meanwhile."""

    def __init__(self) -> None:
        """The first part, from the start of the process, has begun."""
        self._cpu_s, self._wall_s = 0.0, time.perf_counter()

    def end(self, what: str, **more: object) -> None:
        """A part ends here, and the next one begins."""
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        figures = {"cpu_s": round(cpu_s - self._cpu_s, 2), "wall_s": round(wall_s - self._wall_s, 2), "peak_mb": peak_mb()}
        sys.stdout.write(json.dumps({"part": what, **figures, **more}) + "\n")
        sys.stdout.flush()
        self._cpu_s, self._wall_s = cpu_s, wall_s
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew (proc(5)); elsewhere it is that of all so far

    def around(self, module: ModuleType, name: str) -> None:
        """Let every call of a module's function be a part."""
        work = getattr(module, name)

        def watched(*words: object, **named: object) -> object:
            self.end(f"before {name}")
            try:
                return work(*words, **named)
            finally:
                self.end(name)

        setattr(module, name, watched)


def peak_mb() -> int:
    """The most memory that this process has had resident. Unit: MB of 2^20 bytes."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> int:
    """Run the command, its parts watched."""
    parts = Parts()
    from bench import pipeline  # noqa: PLC0415 - its import is the command's, and is counted
    from bench.cli.main import main as bench  # noqa: PLC0415

    for name in ("measure", "grade", "conclude"):
        parts.around(pipeline, name)
    code = bench(sys.argv[1:])
    parts.end("after", exit_code=code)
    return code


if __name__ == "__main__":
    sys.exit(main())
