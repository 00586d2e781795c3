"""What may be asked of a server beyond what OpenAI documents: only what its own documentation has, so that nothing is refused or silently dropped.

A server that nobody looked at (`Endpoint.server` is None: a third party's runtime, a test) is asked as the spec says. Pages read on 2026-11-23.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from msgspec.structs import replace

from bench.records.serving import Endpoint, ModelStatus, Server
from bench.records.spec import Generation, Spec


class Dialect(NamedTuple):
    """`ignore_eos`: whether answers can be made to go on to `max_tokens`; `bypass`: the field that passes the prefix cache by."""

    ignore_eos: bool = False
    bypass: Literal["cache_prompt", "cache_salt"] | None = None


PLAIN = Dialect()
DIALECTS: Mapping[str, Dialect] = {
    "llama.cpp": Dialect(ignore_eos=True, bypass="cache_prompt"),  # llama.cpp, tools/server/README.md
    "vllm": Dialect(ignore_eos=True, bypass="cache_salt"),  # docs.vllm.ai, OpenAI-compatible server, extra parameters
    "sglang": Dialect(ignore_eos=True),  # docs.sglang.io, sampling parameters
    "ollama": PLAIN,  # docs.ollama.com/api/openai-compatibility: none of them
    "lm-studio": PLAIN,  # lmstudio.ai/docs, chat completions: none of them
    "tgi": PLAIN,
    "foundry-local": PLAIN,
    "llama-cpp-python": PLAIN,
    "mistralrs": PLAIN,
}


def dialect_of(server: Server) -> Dialect:
    """What this server documents; of one that nobody knows, nothing."""
    return DIALECTS.get(server.dialect, PLAIN)


def with_unmet(spec: Spec, status: ModelStatus) -> ModelStatus:
    """A row with what the spec asks of each answer and this server is not asked for."""
    if status.endpoint is None:
        return status
    generation = next((variant.generation for variant in spec.variants if variant.id == status.variant_id), None) or spec.generation
    return replace(status, notes=(*status.notes, *unmet(generation, spec.cache, status.endpoint)))


def unmet(generation: Generation, cache: Literal["allow", "bypass"], endpoint: Endpoint) -> Iterator[str]:
    """What is asked of each answer and this server is not asked for, in words for its row."""
    server = endpoint.server
    if server is None:
        return
    able, name = dialect_of(server), server.name if server.dialect != "openai" else "this server"
    if generation.ignore_eos and not able.ignore_eos:
        hint = "; `dialect:` names one that does" if server.dialect == "openai" else ""
        yield f"`ignore_eos` was not sent: {name} documents no such field, so answers end where the model ends them{hint}"
    if cache == "bypass" and able.bypass is None:
        yield f"`cache: bypass` is a random line before each prompt, some ten tokens more: {name} documents no other way"
