"""The published schemas of everything a run folder holds, made from the records: `python -m bench.store.schemas FOLDER` writes them.

JSON Schema 2020-12; unknown keys are refused. From the first tagged release on a version is never edited, only succeeded.
"""

import inspect
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from bench.records.annotation import Annotation
from bench.records.baseline import Baseline
from bench.records.compare import RunComparison
from bench.records.diff import DiffReport
from bench.records.estimate import Summary
from bench.records.grade import Grade, PairGrade
from bench.records.judging import Interrogation, JudgeRecord
from bench.records.machine import ClientHealth
from bench.records.models import CheckReport, ModelDetails, ModelList
from bench.records.run import Manifest
from bench.records.sample import Sample
from bench.records.selftest import SelfTest
from bench.records.serving import ModelStatus
from bench.records.telemetry import Idle, Slice, SourceLost, TelemetryEnd, TelemetryStart
from bench.store.plan_lines import PlanHeader, PlanLine

# Name of the schema -> the records that a line or file may be, and where it lies.
PUBLISHED: dict[str, tuple[tuple[type[msgspec.Struct], ...], str]] = {
    "sample": ((Sample,), "a line of samples/<worker>.jsonl"),
    "grade": ((Grade,), "a line of grades/<grader>.jsonl"),
    "pair": ((PairGrade,), "a line of pairs/<grader>.jsonl"),
    "judge": ((JudgeRecord,), "judging/<grader>/judge.json"),
    "questions": ((Interrogation,), "a line of judging/<grader>/questions.jsonl"),
    "annotation": ((Annotation,), "a line of annotations/<annotator>.jsonl"),
    "status": ((ModelStatus,), "a line of models.jsonl"),
    "health": ((ClientHealth,), "a line of telemetry/<worker>.jsonl"),
    "telemetry": (
        (TelemetryStart, Idle, Slice, SourceLost, TelemetryEnd),
        "a line of telemetry/machine/<worker>.jsonl: the first of a session says what is read",
    ),
    "plan": ((PlanHeader, PlanLine), "a line of plan.jsonl: the first is the header, each other one a trial"),
    "summary": ((Summary,), "summary.json"),
    "run": ((Manifest,), "run.json"),
    "selftest": ((SelfTest,), "selftest.json, and into the cache"),
    "baseline": ((Baseline,), "baselines/<spec>.json"),
    "comparison": ((RunComparison,), "the output of `bench compare --format json`"),
    "diff": ((DiffReport,), "the output of `bench diff --format json`"),
    "models": ((ModelList,), "the output of `bench models list --format json`"),
    "model": ((ModelDetails,), "the output of `bench models show --format json`"),
    "check": ((CheckReport,), "the output of `bench models check --format json`"),
}


def schema(name: str) -> dict[str, Any]:
    """The schema published under this name."""
    kinds, place = PUBLISHED[name]
    roots, parts = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:bench-spec:schema:{name}:v1",
        "title": f"bench {name}, version 1",
        "description": f"What bench writes as {place}.",
        **(roots[0] if len(roots) == 1 else {"anyOf": list(roots)}),
        "$defs": {title: _closed(part) for title, part in sorted(parts.items())},
    }


def _closed(part: dict[str, Any]) -> dict[str, Any]:
    """A definition that refuses unknown keys, without what only OpenAPI knows, and with its docstring as running text."""
    properties = {key: _without_discriminator(value) for key, value in part.get("properties", {}).items()}
    described = {"description": inspect.cleandoc(part["description"])} if "description" in part else {}
    closed = {"properties": properties, "additionalProperties": False} if properties else {}
    return part | described | closed


def _without_discriminator(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_discriminator(inner) for key, inner in value.items() if key != "discriminator"}
        case list():
            return [_without_discriminator(inner) for inner in value]
        case _:
            return value


def text(name: str) -> str:
    """The schema file's content."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> None:
    """Write every published schema into a folder."""
    for name in PUBLISHED:
        (folder / f"{name}.v1.schema.json").write_text(text(name), encoding="utf-8")


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
