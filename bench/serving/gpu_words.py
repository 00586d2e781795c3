"""What is asked of the GPU (`gpu:`, `device:`), said in each server's own terms: words of its command, and its environment.

Whether it was heeded is another question, which `placement.py` answers from what the server shows once the model is loaded.
"""

import sys
from collections.abc import Callable, Mapping

import msgspec

from bench.errors import ServingError
from bench.records.plan import Treatment
from bench.records.spec import Gpu

# What shows devices to CUDA, ROCm and Vulkan builds of llama.cpp and what is built on it.
VISIBLE = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GGML_VK_VISIBLE_DEVICES")
HIDEABLE = VISIBLE[:2]  # Vulkan builds refuse to start with an index that does not exist
_IS_MAC = sys.platform == "darwin"
ALL_LAYERS = 9999  # more than any model has: every version of llama.cpp takes a number, only newer ones the word `all`


class GpuWords(msgspec.Struct, frozen=True, kw_only=True):
    """How a server is told: words behind its command, names of its environment, and fields of its native requests (`options`)."""

    words: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    options: tuple[tuple[str, int], ...] = ()


def wanted_gpu(treatment: Treatment) -> Gpu:
    """What is asked of the GPU; `device:` says it for runtimes in general, `gpu:` in more detail, and wins.

    Raises: ServingError for `device: npu`, which none of these servers has.
    """
    if treatment.gpu is not None:
        return treatment.gpu
    if treatment.device == "npu":
        raise ServingError("this server runs on no NPU", hint="use `device: cpu`, `gpu` or `auto`", state="unavailable")
    return {"cpu": Gpu(mode="off"), "gpu": Gpu(mode="on")}.get(treatment.device or "auto", Gpu())


def gpu_words(server: str, gpu: Gpu) -> GpuWords:
    """How this server is told. A server that is not known here is shown or denied the devices by the environment alone.

    Raises: ServingError when the server has no word for what is asked: a row must not carry a setting that nobody heeded.
    """
    if gpu.mode == "off" and (gpu.layers not in {None, 0} or gpu.devices):
        hint = "remove `layers:` and `devices:`, or set `mode: on`"
        raise ServingError("`gpu: {mode: off}` with layers or devices contradicts itself", hint=hint, state="unavailable")
    return _WORDS.get(server, _by_environment)(server, gpu)


def _by_environment(server: str, gpu: Gpu) -> GpuWords:
    _refuse_layers(server, gpu)
    return GpuWords(environment=shown(gpu))


def shown(gpu: Gpu) -> tuple[tuple[str, str], ...]:
    """The environment names that show a process these devices, or none."""
    if gpu.mode == "off":
        return tuple((name, "-1") for name in HIDEABLE)
    return tuple((name, ",".join(map(str, gpu.devices))) for name in VISIBLE) if gpu.devices else ()


def _llama_server(_server: str, gpu: Gpu) -> GpuWords:
    """Source: llama.cpp, tools/server/README.md (`-ngl`, `--device none`, `--no-kv-offload`), read 2026-11-23."""
    if gpu.mode == "off":
        return GpuWords(words=("--n-gpu-layers", "0", "--device", "none", "--no-kv-offload"), environment=shown(gpu))
    if (layers := layers_of(gpu)) is None:
        return GpuWords(environment=shown(gpu))
    return GpuWords(words=("--n-gpu-layers", str(layers)), environment=shown(gpu))


def _llama_cpp_python(_server: str, gpu: Gpu) -> GpuWords:
    """Source: llama-cpp-python, server settings (`--n_gpu_layers`, −1 for all; its default is 0), read 2026-11-23."""
    layers = 0 if gpu.mode == "off" else layers_of(gpu)
    words = () if layers is None else ("--n_gpu_layers", "-1" if layers == ALL_LAYERS else str(layers))
    return GpuWords(words=words, environment=shown(gpu))


def _ollama(_server: str, gpu: Gpu) -> GpuWords:
    """`ollama serve` has no words for it: the environment hides devices, a request's `num_gpu` says how many layers go there.

    Source: docs.ollama.com/gpu ("use an invalid GPU ID, e.g. -1") and docs.ollama.com/modelfile (`num_gpu`), read 2026-11-23.
    """
    layers = 0 if gpu.mode == "off" else gpu.layers
    return GpuWords(environment=shown(gpu), options=() if layers is None or layers == "all" else (("num_gpu", layers),))


def _vllm(server: str, gpu: Gpu) -> GpuWords:
    """All or nothing: a CUDA build of vLLM runs on no CPU, and says so when every device is hidden.

    Source: docs.vllm.ai, `--tensor-parallel-size`, read 2026-11-23.
    """
    _refuse_layers(server, gpu)
    if gpu.mode == "off":
        return GpuWords(environment=(("CUDA_VISIBLE_DEVICES", ""), ("HIP_VISIBLE_DEVICES", "")))
    return GpuWords(words=("--tensor-parallel-size", str(len(gpu.devices))) if len(gpu.devices) > 1 else (), environment=shown(gpu)[:2])


def _sglang(server: str, gpu: Gpu) -> GpuWords:
    """Source: docs.sglang.io, server arguments (`--device`, `--tp-size`), read 2026-11-23."""
    _refuse_layers(server, gpu)
    if gpu.mode == "off":
        return GpuWords(words=("--device", "cpu"), environment=shown(gpu))
    return GpuWords(words=("--tp-size", str(len(gpu.devices))) if len(gpu.devices) > 1 else (), environment=shown(gpu)[:2])


def _transformers(server: str, gpu: Gpu) -> GpuWords:
    """Source: huggingface.co/docs/transformers, `transformers serve --device`, read 2026-11-23."""
    _refuse_layers(server, gpu)
    words = {"off": ("--device", "cpu"), "on": ("--device", "mps" if _IS_MAC else "cuda")}.get(gpu.mode, ())
    return GpuWords(words=words, environment=shown(gpu))


def _dasllama(server: str, gpu: Gpu) -> GpuWords:
    """Metal on macOS, else Vulkan, which no environment name hides. Source: `dasllama-server --help` of 0.6.6, read 2026-11-23."""
    _refuse_layers(server, gpu)
    if gpu.devices:
        raise ServingError(
            f"{server} has no word for `devices:` of `gpu:`", hint="leave `devices:` away: it takes the device that it finds", state="unavailable"
        )
    words = {"off": ("--gpu", "off"), "on": ("--gpu", "metal-required" if _IS_MAC else "vulkan")}.get(gpu.mode, ())
    return GpuWords(words=words)


def _mistralrs(server: str, gpu: Gpu) -> GpuWords:
    """Source: mistral.rs, CLI reference of `serve` (`--cpu`, `--device-layers ORDINAL:LAYERS`), read 2026-11-23."""
    if gpu.mode == "off":
        return GpuWords(words=("--cpu",), environment=shown(gpu))
    if gpu.layers in {None, "all"}:
        return GpuWords(environment=shown(gpu))
    if len(gpu.devices) > 1:
        hint = "name one device, or leave `layers:` away: mistral.rs then divides the layers itself"
        raise ServingError(f"{server} is told its layers device by device, and `gpu:` has one number for several", hint=hint, state="unavailable")
    return GpuWords(words=("--device-layers", f"0:{gpu.layers}"), environment=shown(gpu))


def _lm_studio(server: str, gpu: Gpu) -> GpuWords:
    """The words of `lms load`. Source: lmstudio.ai/docs/cli/load (`--gpu off|max|0–1`), read 2026-11-23."""
    if gpu.layers not in {None, "all"} or gpu.devices:
        hint = "leave `layers:` and `devices:` away, or set them in LM Studio itself"
        raise ServingError(f"{server} is told a share of the model, no number of layers and no devices", hint=hint, state="unavailable")
    return GpuWords(words={"off": ("--gpu", "off"), "on": ("--gpu", "max")}.get(gpu.mode, ()))


def _refuse_layers(server: str, gpu: Gpu) -> None:
    if gpu.mode != "off" and gpu.layers not in {None, "all"}:
        hint = "leave `layers:` away, or serve it with llama.cpp, Ollama or mistral.rs"
        raise ServingError(
            f"{server} has no word for a number of layers on the GPU (`gpu: {{layers: {gpu.layers}}}`)", hint=hint, state="unavailable"
        )


def layers_of(gpu: Gpu) -> int | None:
    """The number of layers in llama.cpp's terms; None leaves it to the server: with `mode: on` that is all of them."""
    if gpu.layers == "all" or (gpu.layers is None and gpu.mode == "on"):
        return ALL_LAYERS
    return gpu.layers if isinstance(gpu.layers, int) else None


_WORDS: Mapping[str, Callable[[str, Gpu], GpuWords]] = {
    "llama-server": _llama_server,
    "llama.cpp": _llama_server,
    "llama-cpp-python": _llama_cpp_python,
    "ollama": _ollama,
    "vllm": _vllm,
    "sglang": _sglang,
    "transformers": _transformers,
    "dasllama": _dasllama,
    "mistralrs": _mistralrs,
    "lm-studio": _lm_studio,
}
