import json

import jsonschema
import msgspec
import pytest
from harness.pool import run_of
from harness.published import validated, validator
from harness.rulers import selftest
from harness.runs import manifest, plan, run_folder, sample

from bench import resources
from bench.records.annotation import Annotation, AspectAnswer
from bench.records.baseline import Answered
from bench.records.compare import Compared, Narrowed, RunComparison
from bench.records.cost import CostEstimate
from bench.records.estimate import AspectSummary, Counts, Estimate, Group, Outlier, Summary
from bench.records.exchange import Completion, ServerTimings, Usage
from bench.records.grade import AspectGrade, Grade
from bench.records.machine import ClientHealth
from bench.records.run import GitState
from bench.records.serving import Endpoint, ModelStatus
from bench.records.telemetry import (
    EnergyFacts,
    EnergyReading,
    GpuReading,
    HostReading,
    Idle,
    MachineUse,
    ProcessReading,
    Slice,
    SourceLost,
    SourceState,
    TelemetryStart,
)
from bench.store.schemas import PUBLISHED, schema, text, write_schemas
from bench.store.writer import LineWriter, encode

GROUP = Group(model_id="m", variant_id="default", prompt_id="p", prefix="warm")
HEALTH = ClientHealth(
    worker="w1",
    treatment_digests=("d",),
    started_s=0.0,
    finished_s=1.0,
    lag_p50_s=0.0,
    lag_p99_s=0.0,
    lag_max_s=0.0,
    cpu_share=0.1,
    stopped_by="interrupt",
)
STATUS = ModelStatus(
    model_id="m",
    variant_id="default",
    treatment_digest="d",
    state="served",
    endpoint=Endpoint(base_url="http://localhost:1/v1", served_model="m", owned=True),
)
COST = CostEstimate(
    model_id="m", variant_id="default", cost_model="energy", per="request", amount=None, currency="EUR", basis="declared", formula="", note="no watts"
)
SUMMARY = Summary(
    run_id="r",
    spec_name="s",
    spec_version="1",
    spec_digest="d",
    client_saturated=False,
    counts=(Counts(model_id="m", variant_id="default", planned=2, completed=1, failed=1, missing=0, retried=0, failures={"timeout": 1}),),
    models=(STATUS,),
    estimates=(
        Estimate(
            metric="ttft", statistic="p95", unit="s", better="lower", group=GROUP, value=0.1, n=3, clusters=1, method="exact", note="n too small"
        ),
    ),
    aspects=(AspectSummary(group=GROUP, kind="check", passed=1, graded=2),),
    outliers=(Outlier(metric="ttft", group=GROUP, trial_id="t", value=9.0, median=1.0, mad=0.1),),
    costs=(COST,),
    health=(HEALTH,),
    notes=("client idle",),
)
SIDE = Compared(run_id="r", spec_name="s", spec_version="1", started_at="2026-11-22T00:00:00Z", source="latest")
WHOLE = Completion(text="Yes", usage=Usage(prompt_tokens=3, counted_by="server"), server_timings=ServerTimings(prompt_n=3, prompt_ms=1.5))
WRITTEN = [
    ("sample", sample("t")),
    ("sample", sample("t", failure="timeout")),
    ("sample", msgspec.structs.replace(sample("t"), outcome=WHOLE)),
    ("grade", Grade(trial_id="t", grader_id="checks", grader_digest="d", state="abstained")),
    (
        "grade",
        Grade(trial_id="t", grader_id="c", grader_digest="d", state="graded", aspects=(AspectGrade(aspect_id="a", kind="check", state="failed"),)),
    ),
    (
        "annotation",
        Annotation(trial_id="t", annotator="kim", at="2026-11-22T00:00:00Z", aspects=(AspectAnswer(aspect_id="a", answer="unsure"),), score=3.5),
    ),
    ("status", STATUS),
    ("health", HEALTH),
    ("summary", SUMMARY),
    (
        "summary",
        msgspec.structs.replace(
            SUMMARY,
            machine=(MachineUse(model_id="m", variant_ids=("default",), window_s=2.0, read_s=2.0, cores=2, model_cores=1.5),),
            energy=(
                EnergyFacts(
                    model_id="m",
                    variant_id="default",
                    basis="measured",
                    sources=("rapl package-0",),
                    window_s=2.0,
                    gross_j=40.0,
                    requests=1,
                    tokens=9,
                ),
            ),
            sources=(SourceState(name="nvml", state="absent", detail="no NVIDIA GPU"),),
        ),
    ),
    (
        "telemetry",
        TelemetryStart(
            interval_s=0.2, cores=2, memory_bytes=None, clock_zero_ns=7, sources=(SourceState(name="host", state="read", detail="/proc"),)
        ),
    ),
    (
        "telemetry",
        Slice(
            from_s=0.0,
            to_s=0.2,
            readings=1,
            host=HostReading(user_s=0.1, system_s=0.0, idle_s=0.3),
            processes=(ProcessReading(model_id="m", treatment_digest="d", cpu_s=0.1),),
            gpus=(GpuReading(id="nvidia:0", reasons=("SwPowerCap",)),),
            energy=(EnergyReading(source="rapl", zone="package-0", counter_j=4.0),),
        ),
    ),
    ("telemetry", Idle(from_s=0.0, to_s=2.0, energy=(EnergyReading(source="rapl", zone="package-0", counter_j=16.0),))),
    ("telemetry", SourceLost(at_s=3.0, source="nvml", reason="GPU is lost")),
    ("selftest", selftest()),
    ("baseline", run_of([Answered(prompt_id="p", request="r", n=1, failed=1)], ["p"], ["a"])),
    ("comparison", RunComparison(base=SIDE, head=SIDE, aligned=1, narrowed=(Narrowed(what="prompts", count=1, of=2, reason="only in head"),))),
    ("run", manifest(plan(), "r")),
    ("run", msgspec.structs.replace(manifest(plan(), "r"), git=GitState(commit="c", is_dirty=True), quick=True)),
]


@pytest.mark.parametrize("name", PUBLISHED)
def test_committed_schema_is_what_the_records_say(name):
    assert resources.read("schemas", f"{name}.v1.schema.json") == text(name), "run `python -m bench.store.schemas schemas`"


@pytest.mark.parametrize("name", PUBLISHED)
def test_schema_is_itself_valid_and_described(name):
    made = schema(name)
    jsonschema.Draft202012Validator.check_schema(made)
    assert "discriminator" not in text(name)
    assert all(part["description"] and part["additionalProperties"] is False for part in made["$defs"].values())


@pytest.mark.parametrize(("name", "record"), WRITTEN)
def test_what_is_written_is_valid_and_an_unknown_key_is_not(name, record):
    value = json.loads(encode(record))
    validator(name).validate(value)
    with pytest.raises(jsonschema.ValidationError, match="surprise"):
        validator(name).validate(value | {"surprise": 1})


def test_unknown_keys_are_refused_at_every_depth():
    value = json.loads(encode(SUMMARY))
    value["estimates"][0]["group"]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError, match="surprise"):
        validator("summary").validate(value)


def test_run_folder_holds_what_the_schemas_say(tmp_path):
    layout = run_folder(tmp_path)
    with LineWriter(layout.samples_of("w1")) as writer:
        writer.append(sample("t"))
    lines = {"plan": 15, "status": 0, "sample": 1, "health": 0, "telemetry": 0, "grade": 0, "pair": 0, "questions": 0, "annotation": 0}
    assert validated(layout.folder) == {**lines, "run": 1, "summary": 0, "selftest": 0, "judge": 0}


def test_every_schema_is_written_to_the_folder(tmp_path):
    write_schemas(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{name}.v1.schema.json" for name in PUBLISHED)
