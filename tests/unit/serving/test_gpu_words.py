"""Each server is told about the GPU in its own terms, and none is told what it has no word for."""

import sys

import pytest
from harness.serving import treatment

from bench.errors import ServingError
from bench.records.spec import Gpu, ModelSpec
from bench.serving.gpu_words import GpuWords, gpu_words, wanted_gpu

HIDDEN = (("CUDA_VISIBLE_DEVICES", "-1"), ("HIP_VISIBLE_DEVICES", "-1"))


@pytest.mark.parametrize(
    ("server", "gpu", "words"),
    [
        ("llama-server", Gpu(), ()),
        ("llama-server", Gpu(mode="off"), ("--n-gpu-layers", "0", "--device", "none", "--no-kv-offload")),
        ("llama-server", Gpu(mode="on"), ("--n-gpu-layers", "9999")),
        ("llama-server", Gpu(mode="auto", layers=12), ("--n-gpu-layers", "12")),
        ("llama-cpp-python", Gpu(mode="on"), ("--n_gpu_layers", "-1")),
        ("llama-cpp-python", Gpu(mode="off"), ("--n_gpu_layers", "0")),
        ("vllm", Gpu(mode="on", devices=(0, 1)), ("--tensor-parallel-size", "2")),
        ("vllm", Gpu(mode="on", layers="all"), ()),
        ("sglang", Gpu(mode="off"), ("--device", "cpu")),
        ("sglang", Gpu(devices=(0, 1, 2)), ("--tp-size", "3")),
        ("transformers", Gpu(mode="off"), ("--device", "cpu")),
        ("transformers", Gpu(mode="on"), ("--device", "mps" if sys.platform == "darwin" else "cuda")),
        ("dasllama", Gpu(mode="off"), ("--gpu", "off")),
        ("dasllama", Gpu(mode="on"), ("--gpu", "metal-required" if sys.platform == "darwin" else "vulkan")),
        ("dasllama", Gpu(), ()),
        ("mistralrs", Gpu(mode="off"), ("--cpu",)),
        ("mistralrs", Gpu(mode="on", layers=8), ("--device-layers", "0:8")),
        ("lm-studio", Gpu(mode="on"), ("--gpu", "max")),
        ("lm-studio", Gpu(mode="off"), ("--gpu", "off")),
        ("ollama", Gpu(mode="on", layers=8), ()),
    ],
)
def test_the_words_are_the_server_s_own(server, gpu, words):
    assert gpu_words(server, gpu).words == words


def test_devices_are_shown_and_hidden_by_the_environment():
    assert gpu_words("llama-server", Gpu(devices=(1, 3))).environment == (
        ("CUDA_VISIBLE_DEVICES", "1,3"),
        ("HIP_VISIBLE_DEVICES", "1,3"),
        ("GGML_VK_VISIBLE_DEVICES", "1,3"),
    )
    assert gpu_words("ollama", Gpu(mode="off")) == GpuWords(environment=HIDDEN, options=(("num_gpu", 0),))
    assert gpu_words("ollama", Gpu(layers=5)).options == (("num_gpu", 5),)
    assert gpu_words("a server of one's own", Gpu(mode="off")).environment == HIDDEN


@pytest.mark.parametrize(
    ("server", "gpu", "message"),
    [
        ("vllm", Gpu(mode="on", layers=8), "no word for a number of layers"),
        ("sglang", Gpu(layers=8), "no word for a number of layers"),
        ("transformers", Gpu(layers=8), "no word for a number of layers"),
        ("a server of one's own", Gpu(layers=8), "no word for a number of layers"),
        ("mistralrs", Gpu(layers=8, devices=(0, 1)), "device by device"),
        ("lm-studio", Gpu(mode="on", devices=(0,)), "no devices"),
        ("dasllama", Gpu(layers=8), "no word for a number of layers"),
        ("dasllama", Gpu(mode="on", devices=(0,)), "no word for `devices:`"),
        ("llama-server", Gpu(mode="off", layers=8), "contradicts itself"),
    ],
)
def test_what_a_server_has_no_word_for_is_refused(server, gpu, message):
    with pytest.raises(ServingError, match=message) as caught:
        gpu_words(server, gpu)
    assert caught.value.state == "unavailable"


def test_device_says_the_same_in_general_and_gpu_wins():
    entry = ModelSpec(id="m", runtime="command")
    assert wanted_gpu(treatment(entry, device="cpu")) == Gpu(mode="off")
    assert wanted_gpu(treatment(entry, device="gpu")) == Gpu(mode="on")
    assert wanted_gpu(treatment(entry)) == Gpu()
    assert wanted_gpu(treatment(entry, device="gpu", gpu=Gpu(mode="off"))) == Gpu(mode="off")
    with pytest.raises(ServingError, match="NPU"):
        wanted_gpu(treatment(entry, device="npu"))
