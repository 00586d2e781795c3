"""The smallest view there is, for the examples of the formats: one model that was planned and not to be had."""

from bench.records.estimate import Counts, Summary
from bench.records.machine import Machine
from bench.records.run import Manifest
from bench.records.serving import ModelStatus
from bench.records.spec import Message, ModelSpec, Prompt, Spec
from bench.records.view import View
from bench.report.view import build_view

_SPEC = Spec(
    bench=1,
    name="smallest",
    version="1.0.0",
    digest="0" * 64,
    models=(ModelSpec(id="absent", runtime="external"),),
    prompts=(Prompt(id="hello", messages=(Message(role="user", content="Hello"),)),),
)
_MANIFEST = Manifest(
    run_id="20260101T000000Z-00000000",
    status="finished",
    spec_name="smallest",
    spec_version="1.0.0",
    spec_file="smallest.yaml",
    spec_digest="0" * 64,
    plan_digest="1" * 64,
    planned_trials=1,
    bench_version="0.1.0",
    packages={},
    started_at="2026-01-01T00:00:00Z",
    machine=Machine(system="Linux 6.1", architecture="x86_64", cpu="an example", cores=2, memory_bytes=4 * 10**9, python="3.11"),
    sessions=(),
)
_SUMMARY = Summary(
    run_id=_MANIFEST.run_id,
    spec_name="smallest",
    spec_version="1.0.0",
    spec_digest="0" * 64,
    client_saturated=False,
    counts=(Counts(model_id="absent", variant_id="default", planned=1, completed=0, failed=0, missing=1, retried=0),),
    models=(ModelStatus(model_id="absent", variant_id="default", treatment_digest="2" * 64, state="unavailable", reason="nothing listens"),),
    estimates=(),
)
SMALLEST: View = build_view(manifest=_MANIFEST, summary=_SUMMARY, spec=_SPEC, resolved={"bench": 1, "name": "smallest"}, observations=())
