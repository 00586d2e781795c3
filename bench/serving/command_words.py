"""The templates of `runtime: command`: an entry with `server:` as the visible words that start that server, its environment and its ways.

`{threads}` and `{context}` are replaced at once. `{port}`, `{weights}`, `{weights_folder}` and `{weights_file}` are left in the words, to be replaced
when a port is chosen and the weights are there: so `bench plan` and the question on the terminal show what will be started before anything is
fetched. What is asked of the GPU is in `gpu_words.py`. The words of each server were read in its documentation, or its `--help`, on 2026-11-23;
docs/runtimes.md says which of them ran.
"""

import re
import shlex
from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from bench.errors import ServingError
from bench.records.plan import Treatment
from bench.records.servers import SERVERS
from bench.records.spec import ModelSpec
from bench.serving.gpu_words import GpuWords, gpu_words, wanted_gpu

_HOST = "127.0.0.1"
_PLAIN = re.compile(r"[\w@%+=:,./{}-]+", re.ASCII)
_ANY = "a command of one's own"
Pairs = tuple[tuple[str, str], ...]


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """How a server is started. `words` and the values of `environment` still hold the names in braces.

    `ready`: the path that answers 200 when it is up. `served_model`: the name that its requests carry, where its list of models does not tell it.
    `options`: settings that it is told by requests of its own, once it is up. `then`: commands that follow when it is up; `finally_`: when it is to
    end. `detaches`: the program only asks another one to serve, and ends.
    """

    words: tuple[str, ...]
    then: tuple[tuple[str, ...], ...] = ()
    finally_: tuple[tuple[str, ...], ...] = ()
    detaches: bool = False
    environment: Pairs = ()
    ready: str = "/health"
    served_model: str | None = None
    options: tuple[tuple[str, int], ...] = ()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a template makes words of: the model's source as the server takes it, its settings, and how many answers it shall write at once."""

    entry: ModelSpec
    threads: int | None
    context: int | None
    slots: int
    gpu: GpuWords
    program: tuple[str, ...]

    @property
    def alias(self) -> str:
        """The name that a server gives to a file of weights."""
        return self.entry.model or self.entry.id


def start_of(treatment: Treatment, *, slots: int = 1) -> Start:
    """What starts the server of a treatment: the template's words, with the entry's own.

    Raises: ServingError when its GPU settings cannot be said to this server.
    """
    entry = treatment.model
    gpu = gpu_words(entry.server or _ANY, wanted_gpu(treatment))
    if entry.server is None:
        own = Start(words=entry.command, environment=(*gpu.environment, *entry.environment), ready=entry.ready or "/health")
        return _told(own, treatment)
    if entry.server not in SERVERS:
        raise ServingError(f"no server {entry.server!r} is known", hint=f"known are: {', '.join(SERVERS)}", state="unavailable")
    program = entry.command or SERVERS[entry.server].program
    asked = Asked(entry=entry, threads=treatment.threads, context=treatment.context, slots=slots, gpu=gpu, program=program)
    made = _TEMPLATES[entry.server](asked)
    whole = replace(
        made,
        words=(*program, *made.words, *entry.arguments),
        environment=tuple(dict((*made.environment, *gpu.environment, *entry.environment)).items()),
        ready=entry.ready or made.ready,
    )
    return _told(whole, treatment)


def _told(start: Start, treatment: Treatment) -> Start:
    """With the settings in their places.

    Raises: ServingError for a place of a setting that nothing sets.
    """

    def told(text: str) -> str:
        for name, value in (("threads", treatment.threads), ("context", treatment.context)):
            if (place := f"{{{name}}}") in text and value is None:
                message = f"the command of model {treatment.model.id!r} has the word {place}, but nothing sets `{name}:`"
                raise ServingError(message, hint=f"add `{name}:` to the entry, or to each of its variants", state="unavailable")
            text = text.replace(place, str(value))
        return text

    return replace(start, words=tuple(map(told, start.words)), environment=tuple((name, told(value)) for name, value in start.environment))


def visible(start: Start) -> tuple[tuple[str, ...], ...]:
    """All that will be run, as a shell would be told it: what is set in the environment stands before the program."""
    names = tuple(f"{name}={value}" for name, value in start.environment)
    return tuple((*names, *words) for words in (start.words, *start.then, *start.finally_))


def as_shell(words: tuple[str, ...]) -> str:
    """A command as one would type it; braces stay as they are."""
    return " ".join(word if _PLAIN.fullmatch(word) else shlex.quote(word) for word in words)


def unheeded(treatment: Treatment) -> tuple[str, ...]:
    """Settings that the spec gives to a server that has no word for them: its row must not look as if it had been told."""
    entry, kind = treatment.model, SERVERS.get(treatment.model.server or "")
    own = (*entry.command, *entry.arguments, *(value for _, value in entry.environment))
    asked = {"threads": treatment.threads, "context": treatment.context}
    heeds = kind.heeds if kind is not None else ()
    why = f"{kind.title} has no word for it" if kind is not None else "no word of the command has `{{{}}}`"
    return tuple(
        f"`{name}: {value}` is not passed on: {why.format(name)}"
        for name, value in asked.items()
        if value is not None and name not in heeds and not any(f"{{{name}}}" in word for word in own)
    )


def _words(*pairs: tuple[str, object]) -> tuple[str, ...]:
    """Options with their values, without those that are not asked for."""
    return tuple(word for name, value in pairs if value is not None for word in (name, str(value)))


def _several(asked: Asked) -> int | None:
    return asked.slots if asked.slots > 1 else None


def _source(asked: Asked) -> str:
    """Where the model comes from, for servers that take a path as they take a hub's name."""
    return "{weights}" if asked.entry.weights is not None else asked.alias


def _llama_server(asked: Asked) -> Start:
    """llama.cpp, tools/server/README.md. Its context is divided among its slots."""
    context = asked.context * asked.slots if asked.context is not None else None
    words = _words(
        ("--model", "{weights}"),
        ("--alias", asked.alias),
        ("--host", _HOST),
        ("--port", "{port}"),
        ("--threads", asked.threads),
        ("--ctx-size", context),
        ("--parallel", _several(asked)),
    )
    return Start(words=(*words, *asked.gpu.words))


def _llama_cpp_python(asked: Asked) -> Start:
    """llama-cpp-python, `python3 -m llama_cpp.server --help`. It has no health path and answers one request at a time."""
    words = _words(
        ("--model", "{weights}"),
        ("--model_alias", asked.alias),
        ("--host", _HOST),
        ("--port", "{port}"),
        ("--n_threads", asked.threads),
        ("--n_threads_batch", asked.threads),
        ("--n_ctx", asked.context),
    )
    return Start(words=(*words, *asked.gpu.words), ready="/v1/models")


def _transformers(asked: Asked) -> Start:
    """`transformers serve --help`. The model it is started with is the only one it serves; its list of models is that of the hub's cache.

    It takes GGUF files by its help, but 5.23.0 breaks off where it reads the architecture, as their configuration has none.
    """
    threads: Pairs = tuple((name, str(asked.threads)) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if asked.threads is not None)
    words = (asked.alias, *_words(("--host", _HOST), ("--port", "{port}")), *asked.gpu.words)
    return Start(words=words, environment=threads, served_model=asked.alias)


def _dasllama(asked: Asked) -> Start:
    """`dasllama-server --help`."""
    words = _words(
        ("--model", "{weights}"),
        ("--host", _HOST),
        ("--port", "{port}"),
        ("--threads", asked.threads),
        ("--ctx", asked.context),
        ("--streams", _several(asked)),
    )
    return Start(words=(*words, *asked.gpu.words), ready="/v1/models")


def _vllm(asked: Asked) -> Start:
    """docs.vllm.ai, `vllm serve`."""
    words = _words(("--served-model-name", asked.alias), ("--host", _HOST), ("--port", "{port}"), ("--max-model-len", asked.context))
    return Start(words=(_source(asked), *words, *asked.gpu.words))


def _sglang(asked: Asked) -> Start:
    """docs.sglang.io, server arguments."""
    words = _words(
        ("--model-path", asked.alias),
        ("--served-model-name", asked.alias),
        ("--host", _HOST),
        ("--port", "{port}"),
        ("--context-length", asked.context),
    )
    return Start(words=(*words, *asked.gpu.words))


def _ollama(asked: Asked) -> Start:
    """docs.ollama.com/faq: the environment of `ollama serve`. Which folder its models lie in stays as the user has it."""
    environment = {"OLLAMA_HOST": f"{_HOST}:{{port}}", "OLLAMA_KEEP_ALIVE": "-1", "OLLAMA_NUM_PARALLEL": str(asked.slots)}
    if asked.context is not None:
        environment["OLLAMA_CONTEXT_LENGTH"] = str(asked.context)
    threads = (("num_thread", asked.threads),) if asked.threads is not None else ()
    return Start(words=("serve",), environment=tuple(environment.items()), ready="/api/tags", options=(*asked.gpu.options, *threads))


def _mistralrs(asked: Asked) -> Start:
    """mistral.rs, docs/CLI.md. A file of weights is given by its folder and its name; its list has the model and `default`, which always means it."""
    model = ("{weights_folder}", "gguf", "{weights_file}") if asked.entry.weights is not None else (asked.alias, None, None)
    words = _words(
        ("--port", "{port}"),
        ("--host", _HOST),
        ("--model-id", model[0]),
        ("--format", model[1]),
        ("--quantized-file", model[2]),
        ("--max-seqs", _several(asked)),
    )
    return Start(words=("serve", *words, *asked.gpu.words), ready="/v1/models", served_model="default")


def _lm_studio(asked: Asked) -> Start:
    """lmstudio.ai/docs/cli. The program asks LM Studio to listen, and ends; LM Studio goes on, and with it what is not ours to end."""
    name = asked.entry.id
    load = (*asked.program, "load", asked.alias, "--identifier", name, *_words(("--context-length", asked.context)), *asked.gpu.words, "-y")
    return Start(
        words=("server", "start", "--port", "{port}"),
        ready="/v1/models",
        served_model=name,
        then=(load,),
        finally_=((*asked.program, "unload", name), (*asked.program, "server", "stop")),
        detaches=True,
    )


_TEMPLATES: Mapping[str, Callable[[Asked], Start]] = {
    "llama-server": _llama_server,
    "llama-cpp-python": _llama_cpp_python,
    "transformers": _transformers,
    "dasllama": _dasllama,
    "vllm": _vllm,
    "sglang": _sglang,
    "ollama": _ollama,
    "mistralrs": _mistralrs,
    "lm-studio": _lm_studio,
}
