"""What ran where is read from what a server shows; a row that ran elsewhere than asked is none."""

import sys

import pytest

from bench.errors import ServingError
from bench.records.serving import Endpoint, ModelStatus, Placement
from bench.records.spec import Gpu
from bench.serving.placement import after_measuring, first, from_llama_cpp, from_log, from_machine, from_ollama, settled, words

LOG = "…\nload_tensors: offloaded 12/30 layers to GPU\n…"
ON_CPU = Placement(on="cpu", evidence="its log")
ON_GPU = Placement(on="gpu", evidence="its log", layers=30, of_layers=30)


def ps(**fields):
    return {"models": [{"name": "other:latest", "size": 5, "size_vram": 5}, {"name": "smollm:135m", "model": "smollm:135m", **fields}]}


def test_llama_cpp_counts_its_layers():
    found = from_llama_cpp(LOG, ["NVIDIA H100"])
    assert (found.on, found.layers, found.of_layers) == ("gpu", 12, 30)
    assert words(found) == "gpu: NVIDIA H100 (12 of 30 layers)"
    assert from_llama_cpp("", ["NVIDIA H100"]) is None  # a device that is there is no device that was used
    assert words(from_llama_cpp("offloaded 0/30 layers to GPU", ["NVIDIA H100"])) == "cpu"
    assert from_llama_cpp(LOG, []).on == "cpu"


def test_the_last_word_of_a_log_holds():
    assert from_log(LOG + "offloaded 0/30 layers to GPU").on == "cpu"
    assert from_log("INFO Initializing a V1 LLM engine: model='x', device_config=cuda, seed=0").on == "gpu"
    assert from_log("INFO Initializing an LLM engine: device_config=cpu, seed=0").on == "cpu"
    assert from_log("listening") is None


def test_ollama_tells_the_bytes_in_the_gpu_s_memory():
    assert from_ollama(ps(size=1000, size_vram=0), "smollm:135m").on == "cpu"
    assert from_ollama(ps(size=2_000_000_000, size_vram=2_000_000_000), "smollm:135m").on == "gpu"
    half = from_ollama(ps(size=2_000_000_000, size_vram=800_000_000), "smollm:135m")
    assert words(half) == "gpu (40% of 2 GB)"
    assert "800,000,000 of 2,000,000,000 bytes" in half.evidence
    assert from_ollama(ps(size=7, size_vram=0), "other") == Placement(
        on="gpu", gpu_bytes=5, of_bytes=5, evidence="Ollama's /api/ps: size_vram 5 of 5 bytes"
    )


@pytest.mark.parametrize(
    "value", [None, [], {}, {"models": {}}, {"models": [None, 3]}, ps(size="7"), ps(size=3, size_vram=9), ps(size=True), {"models": []}]
)
def test_what_is_no_such_list_shows_nothing(value):
    assert from_ollama(value, "smollm:135m") is None


def test_a_demand_that_was_not_met_is_no_row():
    with pytest.raises(ServingError, match="nothing of it runs on a GPU") as caught:
        settled(Gpu(mode="on"), ON_CPU)
    assert caught.value.state == "unavailable"
    with pytest.raises(ServingError, match="but it runs on a GPU") as caught:
        settled(Gpu(mode="off"), ON_GPU)
    assert caught.value.state == "failed"


def test_a_demand_that_was_met_is_told_with_its_evidence():
    assert settled(Gpu(mode="on"), ON_GPU).device == "gpu (30 of 30 layers)"
    assert settled(Gpu(mode="on"), ON_GPU).notes == ()
    assert settled(Gpu(mode="off"), ON_CPU).placement == ON_CPU
    assert settled(Gpu(), ON_CPU).device == "cpu"
    assert settled(Gpu(mode="on", layers=0), ON_CPU).device == "cpu"


def test_a_divided_model_is_called_divided():
    placed = settled(Gpu(mode="on", layers=20), from_log(LOG))
    assert placed.device == "gpu (12 of 30 layers)"
    assert placed.notes == (
        "`gpu: {layers: 20}` was asked, 12 of 30 layers are on the GPU",
        "only partly on the GPU: 12 of 30 layers, the rest on the processor",
    )


def test_what_nothing_shows_is_no_gpu_row():
    placed = settled(Gpu(mode="on"), None)
    assert placed.device is None
    assert "not verified" in placed.notes[0]
    assert settled(Gpu(), None).notes == ()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems show their devices in other ways")
def test_a_machine_without_a_gpu_runs_nothing_there(tmp_path):
    (tmp_path / "dev" / "dri").mkdir(parents=True)
    assert from_machine(tmp_path).on == "cpu"
    (tmp_path / "dev" / "dri" / "renderD128").touch()
    assert from_machine(tmp_path) is None


def row(**said):
    endpoint = Endpoint(base_url="http://h/v1", served_model="m", owned=True, **said.pop("endpoint", {}))
    return ModelStatus(model_id="m", variant_id="v", treatment_digest="d", state="served", endpoint=endpoint, **said)


def test_what_the_driver_saw_meanwhile_is_evidence_where_there_was_none():
    unshown = settled(Gpu(mode="on"), None).notes
    seen = after_measuring(Gpu(mode="on"), row(notes=("first", *unshown)), 1_500_000_000)
    assert seen.endpoint.device == "gpu (1.5 GB there)"
    assert "driver: its processes held 1,500,000,000 bytes" in seen.endpoint.placement.evidence
    assert (seen.state, seen.notes) == ("served", ("first",))


def test_the_server_s_own_word_stands_and_no_sight_changes_nothing():
    told = row(endpoint={"placement": ON_CPU, "device": "cpu"})  # a CUDA build holds some memory there without a single layer
    assert after_measuring(Gpu(), told, 300) == told
    blind = row(notes=("first",))
    assert after_measuring(Gpu(mode="on"), blind, None) == blind


def test_memory_on_a_gpu_that_was_not_to_be_used_is_a_failure():
    failed = after_measuring(Gpu(mode="off"), row(), 5)
    assert failed.state == "failed"
    assert "but it ran on a GPU" in failed.reason


def test_the_first_evidence_counts():
    assert first(lambda: None, lambda: ON_GPU, lambda: ON_CPU) == ON_GPU
    assert first() is None
