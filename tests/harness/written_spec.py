"""A small spec in a folder, and what its run left there."""

import sys
import time
from pathlib import Path

from bench.store.layout import RunLayout, list_runs
from bench.store.pending import is_deciding
from bench.store.reader import read_plan, read_samples, read_statuses, read_summary

OWNED = Path(__file__).with_name("owned_server.py")


def external(name, url, *, model="mock", more=""):
    return f'{{id: {name}, runtime: external, base_url: "{url}", model: {model}{more}}}'


def owned(name, *behaviour, more=""):
    """A model that bench starts itself: the mock server in a process of its own."""
    words = ", ".join(f'"{word}"' for word in (sys.executable, OWNED, "{port}", *behaviour))
    return f"{{id: {name}, runtime: command, command: [{words}], model: mock, load_timeout: 60 s{more}}}"


def write_spec(folder, *models, prompts=3, more="warmup: 0"):
    """The path of a spec with these models; its prompts are p0, p1, …."""
    lines = ["bench: 1", "name: small", "version: 1.0.0", "models:", *(f"  - {model}" for model in models), "prompts:"]
    lines += [f"  - {{id: p{number}, user: Say {number}.}}" for number in range(prompts)]
    path = folder / "spec.yaml"
    path.write_text("\n".join([*lines, more, ""]), encoding="utf-8")
    return path


def latest(folder):
    return RunLayout(list_runs(folder / "runs")[-1])


def wait_until(is_so, process, timeout_s=100.0):
    """Wait until something holds while a process lives; fails when it ends before, or when it takes too long."""
    end = time.monotonic() + timeout_s
    while not is_so():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it never came to this"
        time.sleep(0.005)


def n_samples(folder):
    runs = list_runs(folder / "runs")
    return sum(path.read_bytes().count(b"\n") for path in (runs[-1] / "samples").glob("*.jsonl")) if runs else 0


def states(layout):
    return {(status.model_id, status.variant_id): status.state for status in read_statuses(layout)}


def counts(layout):
    return {(each.model_id, each.variant_id): (each.planned, each.completed, each.failed, each.missing) for each in read_summary(layout).counts}


def answers(layout):
    """The deciding samples of measured trials, with their trials."""
    trials = {trial.id: trial for block in read_plan(layout).blocks for trial in block.trials if not trial.is_warmup}
    return [(trials[sample.trial_id], sample) for sample in read_samples(layout) if is_deciding(sample) and sample.trial_id in trials]
