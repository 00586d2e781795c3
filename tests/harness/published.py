"""Whether a run folder holds what the published schemas say."""

import json
from pathlib import Path

import jsonschema

from bench import resources

# Where each published kind lies in a run folder.
LINES = {
    "plan": "plan.jsonl",
    "status": "models.jsonl",
    "sample": "samples/*.jsonl",
    "health": "telemetry/*.jsonl",
    "telemetry": "telemetry/machine/*.jsonl",
    "grade": "grades/*.jsonl",
    "pair": "pairs/*.jsonl",
    "questions": "judging/*/questions.jsonl",
    "annotation": "annotations/*.jsonl",
}
WHOLE = {"run": "run.json", "summary": "summary.json", "selftest": "selftest.json", "judge": "judging/*/judge.json"}


def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(resources.read("schemas", f"{name}.v1.schema.json")))


def validated(folder: Path) -> dict[str, int]:
    """How many records of each kind a run folder holds; every one has been validated."""
    found = {}
    for name, pattern in LINES.items():
        lines = [line for path in sorted(folder.glob(pattern)) for line in path.read_bytes().splitlines()]
        for line in lines:
            validator(name).validate(json.loads(line))
        found[name] = len(lines)
    for name, file in WHOLE.items():
        paths = sorted(folder.glob(file))
        for path in paths:
            validator(name).validate(json.loads(path.read_bytes()))
        found[name] = len(paths)
    return found
