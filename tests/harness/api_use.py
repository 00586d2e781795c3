"""A user's program, as a type checker reads it: `bench` is typed, and so is what it returns."""

from pathlib import Path

import bench


def slowest(spec: Path) -> list[str]:
    """The prompts of the slowest answers, after one quick round."""
    run: bench.Run = bench.run(spec, overrides={"rounds": 1}, quick=True, progress=print)
    if run.code != 0:
        return [reason.message for reason in run.reasons]
    answered = [row for row in run.answers() if row["failure"] is None]
    for estimate in run.estimates("ttft"):
        print(estimate["model_id"], estimate["value"])  # noqa: T201 - a script of a user
    if run.selection is not None:
        print(run.selection)  # noqa: T201
    for sample in run.samples():
        print(sample.timing.finished_s)  # noqa: T201
    comparison = run.compare(bench.load("latest"))
    return [str(row["prompt_id"]) for row in sorted(answered, key=lambda row: row["latency_s"])[-3:]] + [
        change.metric for change in comparison.changes
    ]
