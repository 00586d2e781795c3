"""What known servers answer to the GETs that tell who they are, written from their public documentation; the model is `m` everywhere."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from harness.serving import Answer, answering

METRICS = "# HELP vllm:num_requests_running Number of requests in model execution batches.\n# TYPE vllm:num_requests_running gauge\n"
PROPS = {"default_generation_settings": {"n_ctx": 4096, "params": {}}, "total_slots": 1, "model_path": "m.gguf", "chat_template": ""}


def listing(owner: str) -> dict[str, Any]:
    """A list of models, signed."""
    return {"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": owner}]}


def text(said: str) -> Answer:
    """An answer that is no JSON."""
    return Answer(body=said.encode())


STAND_INS: Mapping[str, Mapping[str, Any]] = {
    "llama.cpp": {"/v1/models": listing("llamacpp"), "/props": {**PROPS, "build_info": "b6817-1d49ca375"}},
    "llamafile": {"/v1/models": Answer(value=listing("llamacpp"), headers={"Server": "llamafile/0.9.3"}), "/props": PROPS},
    "vllm": {"/v1/models": listing("vllm"), "/version": {"version": "0.11.0"}, "/metrics": text(METRICS)},
    "sglang": {"/v1/models": listing("sglang"), "/server_info": {"version": "0.5.4", "model_path": "m", "tp_size": 1}},
    "sglang, older": {"/v1/models": listing("sglang"), "/get_server_info": {"version": "0.4.1", "model_path": "m", "tp_size": 1}},
    "ollama": {
        "/v1/models": listing("library"),
        "/api/version": {"version": "0.12.6"},
        "/": text("Ollama is running"),
        "/api/ps": {"models": [{"name": "m:latest", "model": "m:latest", "size": 2_000_000_000, "size_vram": 500_000_000, "context_length": 8192}]},
        "/api/generate": {"model": "m", "response": "", "done": True, "done_reason": "load"},
    },
    "lm-studio": {
        "/v1/models": listing("organization_owner"),
        "/api/v0/models": {"object": "list", "data": [{"id": "m", "type": "llm", "compatibility_type": "gguf", "state": "loaded"}]},
    },
    "tgi": {
        "/v1/models": listing("m"),
        "/info": {"model_id": "m", "version": "3.3.6", "max_concurrent_requests": 128, "max_input_tokens": 1024},
    },
    "foundry-local": {
        "/v1/models": listing("Microsoft"),
        "/openai/status": {"Endpoints": ["http://127.0.0.1:5273"], "ModelDirPath": "models", "PipeName": "inference_agent"},
    },
    "foundry-local, SDK": {
        "/v1/models": listing("Microsoft"),
        "/status": {"endpoints": ["http://127.0.0.1:33917"], "modelCachePath": "models", "pid": 7},
    },
    "llama-cpp-python": {
        "/v1/models": listing("me"),
        "/openapi.json": {"openapi": "3.1.0", "info": {"title": "🦙 llama.cpp Python API", "version": "0.3.16"}},
    },
    "mistralrs": {"/v1/models": listing("local"), "/api-doc/openapi.json": {"openapi": "3.1.0", "info": {"title": "Mistral.rs", "version": "0.6.0"}}},
}


def standing_in(answers: Mapping[str, Any], asked: list[str] | None = None) -> AbstractContextManager[str]:
    """A loopback server that answers so, and 404 to all else; `asked` collects the paths."""

    def respond(path: str, _headers: Mapping[str, str]) -> Answer:
        if asked is not None:
            asked.append(path)
        found = answers.get(path, Answer(status=404, value={"error": "not found"}))
        return found if isinstance(found, Answer) else Answer(value=found)

    return answering(respond)
