import json

import pytest
from harness.serving import treatment

from bench import resources
from bench.errors import ServingError
from bench.records.servers import SERVERS
from bench.records.spec import Gpu, ModelSpec, Weights
from bench.serving.command_words import as_shell, start_of, unheeded, visible

FILE = Weights(parts=("file:x.gguf",))


def start(server, *, slots=1, **fields):
    entry = {name: fields.pop(name) for name in ("weights", "model", "command", "arguments", "environment", "ready") if name in fields}
    return start_of(treatment(ModelSpec(id="tiny", runtime="command", server=server, **entry), **fields), slots=slots)


WORDS = {
    "llama-server": (
        {"weights": FILE, "threads": 2, "context": 2048},
        "llama-server --model {weights} --alias tiny --host 127.0.0.1 --port {port} --threads 2 --ctx-size 2048",
    ),
    "llama-cpp-python": (
        {"weights": FILE, "threads": 2},
        "python3 -m llama_cpp.server --model {weights} --model_alias tiny --host 127.0.0.1 --port {port} --n_threads 2 --n_threads_batch 2",
    ),
    "transformers": (
        {"model": "org/name", "threads": 2},
        "OMP_NUM_THREADS=2 MKL_NUM_THREADS=2 transformers serve org/name --host 127.0.0.1 --port {port}",
    ),
    "dasllama": (
        {"weights": FILE, "threads": 2, "context": 2048},
        "dasllama-server --model {weights} --host 127.0.0.1 --port {port} --threads 2 --ctx 2048",
    ),
    "vllm": (
        {"model": "org/name", "context": 4096},
        "vllm serve org/name --served-model-name org/name --host 127.0.0.1 --port {port} --max-model-len 4096",
    ),
    "sglang": (
        {"model": "org/name", "context": 4096},
        "python3 -m sglang.launch_server --model-path org/name --served-model-name org/name --host 127.0.0.1 --port {port} --context-length 4096",
    ),
    "ollama": (
        {"model": "smollm2:135m", "context": 2048},
        "OLLAMA_HOST=127.0.0.1:{port} OLLAMA_KEEP_ALIVE=-1 OLLAMA_NUM_PARALLEL=1 OLLAMA_CONTEXT_LENGTH=2048 ollama serve",
    ),
    "mistralrs": (
        {"weights": FILE},
        "mistralrs serve --port {port} --host 127.0.0.1 --model-id {weights_folder} --format gguf --quantized-file {weights_file}",
    ),
    "lm-studio": ({"model": "smollm2-135m", "context": 2048}, "lms server start --port {port}"),
}


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_stands_for_words_that_can_be_read(server):
    fields, expected = WORDS[server]
    assert as_shell(visible(start(server, **fields))[0]) == expected


def test_a_server_that_lists_a_model_under_two_names_is_asked_by_the_one_that_always_holds():
    assert start("mistralrs", model="org/name").served_model == "default"


def test_the_language_and_the_templates_know_the_same_servers():
    schema = json.loads(resources.read("schemas", "spec.v1.schema.json"))["$defs"]
    assert schema["model"]["properties"]["server"]["enum"] == schema["judge_model"]["properties"]["server"]["enum"] == list(SERVERS) == list(WORDS)


def test_further_words_come_last_and_another_program_takes_the_place_of_the_usual_one():
    made = start("vllm", model="m", command=("/opt/x y/vllm", "serve"), arguments=("--dtype", "half"))
    assert made.words[:3] == ("/opt/x y/vllm", "serve", "m")
    assert made.words[-2:] == ("--dtype", "half")
    assert as_shell(made.words).startswith("'/opt/x y/vllm' serve m ")


def test_the_entry_s_own_environment_and_readiness_win():
    made = start("ollama", model="m", environment=(("OLLAMA_KEEP_ALIVE", "5m"),), ready="/up")
    assert dict(made.environment)["OLLAMA_KEEP_ALIVE"] == "5m"
    assert made.ready == "/up"


def test_several_answers_at_once_each_have_the_whole_context():
    words = start("llama-server", weights=FILE, context=1000, slots=3).words
    assert words[words.index("--ctx-size") + 1] == "3000"
    assert words[words.index("--parallel") + 1] == "3"


def test_what_is_asked_of_the_gpu_is_said_in_the_server_s_words():
    assert "--n-gpu-layers" in start("llama-server", weights=FILE, gpu=Gpu(mode="on", layers=7)).words
    assert start("ollama", model="m", gpu=Gpu(mode="on", layers=7)).options == (("num_gpu", 7),)
    with pytest.raises(ServingError, match="no word for a number of layers"):
        start("vllm", model="m", gpu=Gpu(mode="on", layers=7))


def test_lm_studio_loads_and_lets_go_by_commands_that_are_shown():
    made = start("lm-studio", model="org/model", context=2048, gpu=Gpu(mode="off"))
    assert [as_shell(words) for words in visible(made)] == [
        "lms server start --port {port}",
        "lms load org/model --identifier tiny --context-length 2048 --gpu off -y",
        "lms unload tiny",
        "lms server stop",
    ]


def test_a_setting_without_a_word_is_told_of():
    entry = ModelSpec(id="tiny", runtime="command", server="mistralrs", model="m")
    assert unheeded(treatment(entry, threads=2)) == ("`threads: 2` is not passed on: mistral.rs has no word for it",)
    own = treatment(ModelSpec(id="x", runtime="command", command=("x", "{port}", "-t={threads}")), threads=2, context=512)
    assert unheeded(own) == ("`context: 512` is not passed on: no word of the command has `{context}`",)
    added = ModelSpec(id="tiny", runtime="command", server="mistralrs", model="m", environment=(("RAYON_NUM_THREADS", "{threads}"),))
    assert unheeded(treatment(added, threads=2)) == ()
    heard = ModelSpec(id="tiny", runtime="command", server="llama-server", weights=FILE)
    assert unheeded(treatment(heard, threads=2, context=5)) == ()


def test_settings_go_where_the_command_has_a_place_for_them():
    fields = {"command": ("serve", "-c{context}"), "environment": (("OMP_NUM_THREADS", "{threads}"),), "context": 512, "threads": 3}
    assert as_shell(visible(start(None, **fields))[0]) == "OMP_NUM_THREADS=3 serve -c512"
    assert start("vllm", model="m", arguments=("--x", "{threads}"), threads=3).words[-1] == "3"
    with pytest.raises(ServingError, match=r"the command of model 'tiny' has the word {threads}, but nothing sets `threads:`") as caught:
        start(None, command=("serve", "{threads}"))
    assert caught.value.state == "unavailable"


def test_an_unknown_server_of_a_program_that_makes_records_itself_is_refused():
    with pytest.raises(ServingError, match="no server 'olama' is known"):
        start("olama", model="m")
