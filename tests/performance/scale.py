"""How much time and memory a run of many answers takes: `python tests/performance/scale.py 100000 [--prompts 500] [--whole [--plain] [--again]]`.

Makes up a run of so many answers through the program's own writers, and grades and summarises it, each in a process of its own. With `--whole` the
command itself, `bench run`, measures the project's mock server, streamed or, with `--plain`, in one piece; with `--again` it is then continued with
half of its answers taken away. Prints a JSON line for each part: CPU seconds and peak resident memory.

`--in-flight 4000` says instead what a request in flight takes: how much more the whole command has resident with so many streams that wait for their
first token than with a hundred.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness.fake_bench import fake_registry, means_for
from parts import Parts
from run import build

from bench.pipeline import conclude, grade
from bench.providers.fake import Fake
from bench.records.exchange import without_gaps
from bench.records.sample import Sample
from bench.records.serving import Endpoint
from bench.session import start
from bench.store.layout import RunLayout
from bench.store.reader import read_plan
from bench.store.writer import LineWriter, write_whole

HERE = Path(__file__).resolve().parent
SPEC = """
bench: 1
name: scale
version: 1.0.0
models: [{{id: one, runtime: external, base_url: "http://127.0.0.1:{port}/v1", model: mock}}]
prompts: [{{include: prompts.yaml}}]
rounds: {rounds}
warmup: 1
generation: {{stream: {stream}}}
record: {record}
load: {{kind: closed, concurrency: {concurrency}}}
report: {{formats: [markdown]}}
"""


def spec_in(folder: Path, given: argparse.Namespace, port: int = 9) -> Path:
    """Write the spec of so many trials."""
    path = folder / "scale.yaml"
    rounds, stream = max(1, given.samples // given.prompts), str(not given.plain).lower()
    text = SPEC.format(rounds=rounds, record=given.record, concurrency=given.concurrency, port=port, stream=stream)
    path.write_text(text, encoding="utf-8")
    entries = [{"id": f"p{k}", "user": f"Say {k}.", "aspects": [{"id": "short", "check": {"max_words": 100}}]} for k in range(given.prompts)]
    (folder / "prompts.yaml").write_text(json.dumps({"version": "1.0.0", "name": "scale", "prompts": entries}), encoding="utf-8")
    return path


def fabricate(path: Path, folder: Path) -> Path:
    """A run folder whose answers were made up, written as the program writes them."""
    means = means_for(path, folder)
    fake = Fake(Endpoint(base_url="http://fake.invalid/v1", served_model="mock", owned=True), None, means.clock)
    with ExitStack() as held:
        opened = start(means.loaded, means.options.asked, means.options.runs, means.clock, held)
        writer = held.enter_context(LineWriter(opened.layout.samples_of("w1")))

        async def answer() -> None:
            for block in opened.plan.blocks:
                for trial in block.trials:
                    exchange = (await fake.call(trial.request, seed=trial.seed, timeout_s=60)).decode()
                    timing = exchange.timing if means.loaded.spec.record == "full" else without_gaps(exchange.timing)
                    writer.append(Sample(trial_id=trial.id, attempt=1, is_final=True, outcome=exchange.outcome, timing=timing, worker="w1"))

        asyncio.run(answer())
    return opened.layout.folder


def main() -> None:
    """Make up or measure, each part in a process of its own."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("samples", type=int, nargs="?", default=100_000)
    options.add_argument("--prompts", type=int, default=500)
    options.add_argument("--record", choices=("full", "summary"), default="full")
    options.add_argument("--concurrency", type=int, default=64)
    options.add_argument("--whole", action="store_true", help="measure the mock server with the whole command")
    options.add_argument("--plain", action="store_true", help="with --whole: answers in one piece")
    options.add_argument("--again", action="store_true", help="with --whole: then take half of the answers away, and measure them again")
    options.add_argument("--in-flight", type=int, help="say what so many requests in flight take; at most 4000")
    options.add_argument("--part", nargs=2, metavar=("PART", "FOLDER"), help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.part:
        _part(*given.part)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.in_flight:
            _in_flight(given, folder)
            return
        if given.whole:
            _whole(given, folder)
        else:
            spec_in(folder, given)
            for part in ("make", "grade", "summarize"):
                subprocess.run([sys.executable, __file__, "--part", part, str(folder)], check=True)
        size = sum(each.stat().st_size for each in folder.rglob("samples/*.jsonl"))
        sys.stdout.write(json.dumps({"samples": given.samples, "prompts": given.prompts, "bytes_per_sample": round(size / given.samples)}) + "\n")


def _whole(given: argparse.Namespace, folder: Path) -> None:
    with _server(folder) as port:
        spec_in(folder, given, port=port)
        command = [sys.executable, str(HERE / "parts.py"), "run", str(folder / "scale.yaml"), "--quiet", "--runs", str(folder / "runs")]
        subprocess.run(command, check=True)
        if given.again:
            _take_half_away(RunLayout(next((folder / "runs").glob("*/*"))))
            subprocess.run([*command, "--resume"], check=True)


@contextmanager
def _server(folder: Path, *words: str) -> Iterator[int]:
    """The mock server; its port."""
    command = [str(build(folder)["mock_llm"]), "--port", "0", "--chunks", "24", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield int(server.stdout.readline())
        finally:
            server.terminate()


def _in_flight(given: argparse.Namespace, folder: Path) -> None:
    peaks = {}
    with _server(folder, "--ttft-ms", "3000") as port:
        for n in (100, given.in_flight):
            given.prompts, given.samples, given.concurrency = 10, n, n
            words = ["run", str(spec_in(folder, given, port=port)), "--quiet", "--no-selftest", "--runs", str(folder / "runs")]
            told = subprocess.run([sys.executable, str(HERE / "parts.py"), *words], check=True, capture_output=True, text=True).stdout
            lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
            peaks[n] = next(line["peak_mb"] for line in lines if line["part"] == "measure")
    each = (peaks[given.in_flight] - peaks[100]) * 1024 / (given.in_flight - 100)
    sys.stdout.write(json.dumps({"in_flight": given.in_flight, "peak_mb": peaks[given.in_flight], "kb_per_request": round(each, 1)}) + "\n")


def _take_half_away(layout: RunLayout) -> None:
    """Leave every second line of the samples."""
    for path in layout.samples.glob("*.jsonl"):
        with path.open("rb") as lines:
            write_whole(path, islice(lines, 0, None, 2))


def _part(part: str, name: str) -> None:
    parts = Parts()
    folder = Path(name)
    if part == "make":
        fabricate(folder / "scale.yaml", folder)
    else:
        layout = RunLayout(next((folder / "runs").glob("*/*")))
        if part == "grade":
            means = means_for(folder / "scale.yaml", folder)
            grade(layout, means.loaded.spec, read_plan(layout), fake_registry())
        else:
            conclude(layout, fake_registry())
    parts.end(part)


if __name__ == "__main__":
    main()
