"""How much time and memory a run of many answers takes: `python tests/performance/scale.py 100000 [--prompts 500] [--whole]`.

Makes up a run of so many answers through the program's own writers (or, with `--whole`, measures a made-up model with the whole program), then
summarises it in a process of its own, and prints one JSON line: CPU seconds, peak resident memory, bytes per sample.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.fake_bench import fake_registry, means_for

from bench.pipeline import conclude, grade, run
from bench.providers.fake import Fake
from bench.records.exchange import without_gaps
from bench.records.sample import Sample
from bench.records.serving import Endpoint
from bench.session import start
from bench.store.layout import RunLayout
from bench.store.reader import read_plan
from bench.store.writer import LineWriter

SPEC = """
bench: 1
name: scale
version: 1.0.0
models: [{{id: one, runtime: external, base_url: "http://127.0.0.1:9/v1", model: mock}}]
prompts: [{{include: prompts.yaml}}]
rounds: {rounds}
warmup: 1
record: {record}
load: {{kind: closed, concurrency: 64}}
report: {{formats: [markdown]}}
"""


def spec_in(folder: Path, samples: int, prompts: int, record: str) -> Path:
    """Write the spec of so many trials."""
    path = folder / "scale.yaml"
    path.write_text(SPEC.format(rounds=max(1, samples // prompts), record=record), encoding="utf-8")
    entries = [{"id": f"p{k}", "user": f"Say {k}.", "aspects": [{"id": "short", "check": {"max_words": 100}}]} for k in range(prompts)]
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


def told(what: str, began: float, **more: object) -> None:
    """Print one line of figures of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"what": what, "cpu_s": round(time.process_time() - began, 2), "peak_mb": round(peak), **more}) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Make up, then measure each part in a process of its own."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("samples", type=int, nargs="?", default=100_000)
    options.add_argument("--prompts", type=int, default=500)
    options.add_argument("--record", choices=("full", "summary"), default="full")
    options.add_argument("--whole", action="store_true", help="measure the whole program with a made-up model")
    options.add_argument("--part", nargs=2, metavar=("PART", "FOLDER"), help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.part:
        _part(*given.part)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec_in(folder, given.samples, given.prompts, given.record)
        parts = ["whole"] if given.whole else ["make", "grade", "summarize"]
        for part in parts:
            subprocess.run([sys.executable, __file__, "--part", part, str(folder)], check=True)
        size = sum(each.stat().st_size for each in folder.rglob("samples/*.jsonl"))
        sys.stdout.write(json.dumps({"samples": given.samples, "prompts": given.prompts, "bytes_per_sample": round(size / given.samples)}) + "\n")


def _part(part: str, name: str) -> None:
    folder = Path(name)
    began = time.process_time()
    if part == "make":
        fabricate(folder / "scale.yaml", folder)
    elif part == "whole":
        run(means_for(folder / "scale.yaml", folder))
    else:
        layout = RunLayout(next((folder / "runs").glob("*/*")))
        if part == "grade":
            means = means_for(folder / "scale.yaml", folder)
            grade(layout, means.loaded.spec, read_plan(layout), fake_registry())
        else:
            conclude(layout, fake_registry())
    told(part, began)


if __name__ == "__main__":
    main()
