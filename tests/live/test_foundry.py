"""Real Foundry Local, without a network: its SDK serves a real model from a cache that `tests/harness/foundry_cache.py` builds (minutes, torch).

With `BENCH_LONG=1`, as by night, the example runs as it stands; else only its `--quick` part.
"""

import importlib.util
import json
import os
import re
import shutil
import urllib.request

import psutil
import pytest
from harness.command import bench
from harness.foundry_cache import ALIAS, CPU, VARIANTS, cache_folder, trouble
from harness.published import validated, validator
from harness.serving import context, treatment
from harness.source_tree import ROOT

from bench.errors import Exit, ServingError
from bench.records.spec import ModelSpec
from bench.serving.foundry_catalogue import catalogue
from bench.serving.foundry_local import FoundryLocal
from bench.store.layout import RunLayout, list_runs
from bench.store.reader import read_samples, read_summary

HAS_SDK = importlib.util.find_spec("foundry_local_sdk") is not None
IS_LONG = os.environ.get("BENCH_LONG") == "1"
SPEC = ROOT / "specs" / "foundry.yaml"
N_PROMPTS, N_ROUNDS = (12, 3) if IS_LONG else (3, 1)

# In the words of version 2, and of version 1 (`BENCH_FOUNDRY_PYTHON` names an interpreter that has it).
NO_CUDA = re.compile(
    "requires CUDAExecutionProvider which is not registered|requires the 'CUDAExecutionProvider' execution provider, which is not available"
)

pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not HAS_SDK, reason="Foundry Local's SDK is not installed: it has no wheel for this machine, or the extra `foundry` was left out"
    ),
]


@pytest.fixture(scope="module")
def cache():
    folder = cache_folder(dict(os.environ))
    why = trouble(folder)
    if why is not None:
        pytest.skip(f"no model cache of Foundry Local in {folder}: {why}; `python tests/harness/foundry_cache.py` builds it (some minutes, torch)")
    return folder


def offline(tmp_path, folder):
    kept = {name: value for name, value in os.environ.items() if name != "FOUNDRY_LOCAL_ENDPOINT"}
    return context(tmp_path, environ={**kept, "BENCH_FOUNDRY_CACHE": str(folder)}, offline=True)


def ask(address, body=None):
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
        return json.load(answer)


def is_gone(pid):
    """Version 1 takes a moment to be reaped when its process has been ended hard."""
    try:
        psutil.Process(pid).wait(10)
    except psutil.NoSuchProcess:
        return True
    return not psutil.pid_exists(pid)


def value(summary, metric, statistic, model):
    (found,) = [
        each for each in summary.estimates
        if (each.metric, each.statistic, each.group.model_id) == (metric, statistic, model) and each.group.prompt_id is each.group.prefix is None
    ]  # fmt: skip
    return found.value


def test_example_measures_every_precision_and_shows_what_cuda_wants(tmp_path, cache):
    words = () if IS_LONG else ("--quick",)
    environ = {"BENCH_FOUNDRY_CACHE": str(cache), "FOUNDRY_LOCAL_ENDPOINT": ""}
    ended = bench("run", SPEC, "--offline", *words, folder=tmp_path, environ=environ, timeout_s=580)
    assert ended.returncode == 0, ended.stderr
    (folder,) = list_runs(tmp_path / "runs")
    summary = read_summary(RunLayout(folder))

    rows = {status.model_id: status for status in summary.models}
    assert {name: row.state for name, row in rows.items()} == {"int4": "served", "int8": "served", "fp32": "served", "int4-cuda": "unavailable"}
    for variant in CPU:
        row = rows[variant.precision]
        assert row.endpoint.served_model == f"{variant.name}:1"
        assert row.endpoint.owned
        assert row.endpoint.device == "cpu (CPUExecutionProvider)"
        assert (row.endpoint.placement.on, row.endpoint.placement.name) == ("cpu", "CPUExecutionProvider")
        assert row.endpoint.runtime_version.startswith("Foundry Local SDK ")
        assert 0 < row.endpoint.load_s < 120
        assert row.rss_peak_bytes >= row.rss_loaded_bytes > 100e6
        assert row.cpu_s > 0
        assert row.notes == ()  # it was unloaded: what could not be would stand here
        assert not psutil.pid_exists(row.endpoint.pid)
        assert value(summary, "ttft", "p50", variant.precision) > 0.01
        assert value(summary, "latency", "p50", variant.precision) > value(summary, "ttft", "p50", variant.precision)
        assert value(summary, "decode_tps", "ratio", variant.precision) > 1
        # An answer that says nothing of the note meets `brief`, `ends` and `not-the-other`: half of the weight. Measured: 0.79 to 0.85.
        assert value(summary, "quality", "mean", variant.precision) > (0.5 if IS_LONG else 0)
    assert rows["int4"].disk_bytes < rows["int8"].disk_bytes < rows["fp32"].disk_bytes
    assert rows["int4"].rss_loaded_bytes + 300e6 < rows["fp32"].rss_loaded_bytes
    assert len({row.endpoint.pid for row in rows.values() if row.endpoint}) == 3
    assert NO_CUDA.search(rows["int4-cuda"].reason)
    assert "device: cpu" in rows["int4-cuda"].hint

    assert {each.model_id: (each.planned, each.completed, each.failed, each.missing) for each in summary.counts} == {
        **{variant.precision: (N_PROMPTS * N_ROUNDS, N_PROMPTS * N_ROUNDS, 0, 0) for variant in CPU},
        "int4-cuda": (N_PROMPTS * N_ROUNDS, 0, 0, N_PROMPTS * N_ROUNDS),
    }
    answers = {}
    for sample in read_samples(RunLayout(folder)):
        assert sample.outcome.usage.counted_by == "server"
        assert 0 < sample.outcome.usage.completion_tokens <= 40
        answers[sample.trial_id] = sample.outcome.text
    assert len(answers) >= 3 * N_PROMPTS * N_ROUNDS
    assert all(answers.values())
    assert validated(folder)["grade"] == 3 * N_PROMPTS * N_ROUNDS

    report = (folder / "report.md").read_text(encoding="utf-8")
    for shown in (
        "cpu (CPUExecutionProvider)",
        "smollm2-135m-fp32-generic-cpu:1",
        "Memory after load",
        "unavailable (optional)",
        "CUDAExecutionProvider",
    ):
        assert shown in report


def test_catalogue_lists_the_variants_of_the_cache_with_device_and_size(tmp_path, cache):
    read = catalogue(offline(tmp_path, cache))
    listed = {variant.id: variant for variant in read.variants}
    assert set(listed) == {f"{variant.name}:1" for variant in VARIANTS}
    for variant in VARIANTS:
        found = listed[f"{variant.name}:1"]
        assert (found.alias, found.device, found.execution_provider) == (ALIAS, variant.device.lower(), variant.provider)
        assert found.is_cached
        assert not found.is_loaded
        assert found.context == 8192
        assert found.license == "apache-2.0"
    assert listed[f"{CPU[0].name}:1"].size_bytes < listed[f"{CPU[2].name}:1"].size_bytes


def test_models_lists_shows_and_checks_the_example_by_what_the_cache_holds(tmp_path, cache):
    environ = {"BENCH_FOUNDRY_CACHE": str(cache), "FOUNDRY_LOCAL_ENDPOINT": ""}
    listed = bench("models", "list", SPEC, "--offline", "--format", "json", folder=tmp_path, environ=environ)
    states = {each["model_id"]: each["state"] for each in json.loads(listed.stdout)["spec"]}
    assert states == {"int4": "ready", "int8": "ready", "fp32": "ready", "int4-cuda": "unknown"}
    exact = f"{CPU[0].name}:1"
    shown = bench("models", "show", f"foundry:{exact}", "--offline", "--format", "json", folder=tmp_path, environ=environ)
    (details,) = json.loads(shown.stdout)["foundry"]
    assert details["disk_bytes"] > 80e6

    ended = bench("models", "check", SPEC, "--offline", "--only", "int4*", "--format", "json", folder=tmp_path, environ=environ, timeout_s=200)
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    validator("check").validate(report)
    served, refused = report["models"]
    assert (served["state"], served["transport"], served["is_listed"], served["is_unloaded"]) == ("answered", "http", True, True)
    assert (served["served_model"], served["device"]) == (exact, "cpu (CPUExecutionProvider)")
    assert served["weights_digest"] == details["digest"]
    assert served["rss_loaded_bytes"] > 100e6
    assert served["load_s"] > 0
    assert served["answer"].strip()
    assert refused["state"] == "unavailable"
    assert NO_CUDA.search(refused["reason"])


def test_only_the_named_variant_leaves_a_real_cache(tmp_path, cache):
    own = tmp_path / "cache"
    shutil.copytree(cache, own, copy_function=os.link)
    environ = {"BENCH_FOUNDRY_CACHE": str(own), "FOUNDRY_LOCAL_ENDPOINT": ""}
    refused = bench("models", "rm", f"foundry:{ALIAS}", "--yes", folder=tmp_path, environ=environ)
    assert refused.returncode == Exit.USAGE
    ended = bench("models", "rm", f"foundry:{CPU[1].name}:1", "--yes", folder=tmp_path, environ=environ)
    assert ended.returncode == 0, ended.stderr
    left = {variant.id for variant in catalogue(offline(tmp_path, own)).variants if variant.is_cached}
    assert left == {f"{variant.name}:1" for variant in VARIANTS} - {f"{CPU[1].name}:1"}


def test_an_alias_and_a_device_mean_one_variant_that_answers_and_is_gone_at_the_end(tmp_path, cache):
    model = ModelSpec(id="small", runtime="foundry-local", alias=ALIAS, device="cpu")
    served = FoundryLocal().serve(treatment(model, device="cpu"), offline(tmp_path, cache))
    pid = served.endpoint.pid
    try:
        address = served.endpoint.base_url
        assert ask(f"{address.removesuffix('/v1')}/models/loaded") == [served.endpoint.served_model]
        question = [{"role": "user", "content": "What is the capital of France?"}]
        answer = ask(f"{address}/chat/completions", {"model": served.endpoint.served_model, "messages": question, "max_tokens": 16, "temperature": 0})
        assert 0 < answer["usage"]["completion_tokens"] <= 16
        (note,) = served.facts().notes
        assert "may also mean" in note
        assert "`model:` names one exactly" in note
        assert psutil.Process(pid).memory_info().rss > 100e6
    finally:
        served.close()
    assert is_gone(pid)
    assert served.facts().notes == (note,)


def test_a_variant_for_a_gpu_is_refused_with_the_sdks_own_words(tmp_path, cache):
    model = ModelSpec(id="fast", runtime="foundry-local", alias=ALIAS, device="gpu")
    with pytest.raises(ServingError, match=NO_CUDA) as caught:
        FoundryLocal().serve(treatment(model, device="gpu"), offline(tmp_path, cache))
    assert caught.value.state == "unavailable"


def test_without_network_and_cache_the_real_sdk_offers_nothing_and_the_row_says_what_to_do(tmp_path):
    environ = {"BENCH_FOUNDRY_CACHE": str(tmp_path / "empty"), "FOUNDRY_LOCAL_ENDPOINT": ""}
    ended = bench("run", SPEC, "--quick", "--offline", "--only", "int4", folder=tmp_path, environ=environ)
    assert ended.returncode == Exit.NOTHING_MEASURED, ended.stderr
    said = " ".join(ended.stderr.split())
    assert "'smollm2-135m-int4-generic-cpu:1' is not known" in said
    assert "BENCH_FOUNDRY_CACHE" in said
