"""A server is known by what it documents of itself, and asked for nothing else."""

import json

import pytest
from harness.serving import Answer, context, models, treatment
from harness.stand_ins import METRICS, PROPS, STAND_INS, listing, standing_in, text

from bench.errors import ServingError
from bench.records.serving import Server, root_of
from bench.records.spec import Gpu, ModelSpec
from bench.serving import dialect
from bench.serving.dialect import is_here, is_near, server_at
from bench.serving.external import External
from bench.serving.probe import Reply, get


def told(answers, asked=None, **how):
    with standing_in(answers, asked) as url:
        reply = get(f"{url}/v1/models")
        return server_at(f"{url}/v1", credential=None, listing=reply if isinstance(reply, Reply) else None, **how)


@pytest.mark.parametrize(
    ("stand_in", "expected"),
    [
        ("llama.cpp", Server(name="llama.cpp", version="b6817-1d49ca375", dialect="llama.cpp", evidence="GET /props")),
        ("llamafile", Server(name="llamafile", version="0.9.3", dialect="llama.cpp", evidence="GET /props, `Server:`")),
        ("vllm", Server(name="vLLM", version="0.11.0", dialect="vllm", evidence="GET /version and /metrics")),
        ("sglang", Server(name="SGLang", version="0.5.4", dialect="sglang", evidence="GET /server_info")),
        ("sglang, older", Server(name="SGLang", version="0.4.1", dialect="sglang", evidence="GET /get_server_info")),
        ("ollama", Server(name="Ollama", version="0.12.6", dialect="ollama", evidence="GET /api/version and /")),
        ("lm-studio", Server(name="LM Studio", dialect="lm-studio", evidence="GET /api/v0/models")),
        ("tgi", Server(name="Text Generation Inference", version="3.3.6", dialect="tgi", evidence="GET /info")),
        ("foundry-local", Server(name="Foundry Local", dialect="foundry-local", evidence="GET /openai/status")),
        ("foundry-local, SDK", Server(name="Foundry Local", dialect="foundry-local", evidence="GET /status")),
        ("llama-cpp-python", Server(name="llama-cpp-python", version="0.3.16", dialect="llama-cpp-python", evidence="GET /openapi.json")),
        ("mistralrs", Server(name="mistral.rs", version="0.6.0", dialect="mistralrs", evidence="GET /api-doc/openapi.json")),
    ],
)
def test_each_server_is_known_by_its_own_answers(stand_in, expected):
    assert told(STAND_INS[stand_in]) == expected


@pytest.mark.parametrize("stand_in", ["llama.cpp", "vllm", "ollama", "lm-studio", "sglang"])
def test_a_signed_list_of_models_saves_the_other_questions(stand_in):
    asked = []
    told(STAND_INS[stand_in], asked)
    assert set(asked) == set(STAND_INS[stand_in]) - {"/api/ps", "/api/generate"}


def test_an_unsigned_list_of_models_is_no_hindrance():
    unsigned = {**STAND_INS["vllm"], "/v1/models": models("m")}
    assert told(unsigned).dialect == "vllm"
    assert told({path: answer for path, answer in STAND_INS["llama.cpp"].items() if path == "/props"}).dialect == "llama.cpp"


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"/version": {"version": "9"}, "/v1/models": listing("vllm")},
        {"/metrics": text(METRICS)},
        {"/api/version": {"version": "1.0"}, "/": text("another server with Ollama's API")},
        {"/props": {"default_generation_settings": {}}},
        {"/props": [PROPS], "/info": [1], "/api/v0/models": {"data": [3]}, "/openapi.json": {"info": "x"}, "/server_info": "sglang"},
        {"/v1/models": {"data": [{"owned_by": 3}, None, {"owned_by": "vllm"}]}},
        {"/props": Answer(status=302, value={}, headers={"Location": "http://127.0.0.1:9/props"})},
    ],
)
def test_what_nobody_confirms_is_unknown_and_spoken_to_plainly(answers):
    assert told(answers) == Server(name="unknown", dialect="openai", evidence="no server known here answered as itself")


def test_a_version_that_cannot_be_shown_is_none():
    for version in ("1.0\x1b[31m", "v" * 200, 7, None, "***"):
        assert told({**STAND_INS["llama.cpp"], "/props": {**PROPS, "build_info": version}}).version is None


def test_the_spec_may_force_a_dialect():
    asked = []
    assert told(STAND_INS["vllm"], asked, forced="openai") == Server(name="not asked", dialect="openai", evidence="`dialect:` of the spec")
    assert asked == ["/v1/models"]
    assert told(STAND_INS["vllm"], forced="vllm").version == "0.11.0"
    hidden = told({}, forced="vllm")
    assert (hidden.name, hidden.dialect) == ("vLLM", "vllm")
    assert "did not confirm" in hidden.evidence
    with pytest.raises(ServingError, match="nobody knows a dialect 'vlm'"):
        told({}, forced="vlm")


def test_a_hosted_service_is_not_knocked_at(monkeypatch):
    asked = []
    monkeypatch.setattr(dialect, "get", lambda url, **_: asked.append(url))
    plain = Reply(status=200, body=json.dumps(listing("system")).encode())
    assert server_at("https://api.example.com/v1", credential="k", listing=plain).dialect == "openai"
    assert asked == []
    server_at("https://api.example.com/v1", credential="k", listing=Reply(status=200, body=json.dumps(listing("vllm")).encode()))
    assert asked == ["https://api.example.com/version"]


def test_what_is_near_and_what_is_here():
    near = (
        "http://localhost:1/v1",
        "http://127.0.0.1/v1",
        "http://[::1]:8/v1",
        "http://192.168.1.7:8000/v1",
        "http://gpu-box:80/v1",
        "http://a.lan/v1",
    )
    assert all(map(is_near, near))
    assert not any(map(is_near, ("https://api.openai.com/v1", "http://8.8.8.8/v1", "http://local.example.com/v1")))
    assert [is_here(url) for url in near] == [True, True, True, False, False, False]


def test_the_own_paths_of_a_server_begin_before_the_openai_part():
    assert root_of("http://h:1/v1") == "http://h:1"
    assert root_of("http://h:1/gateway/v1/") == "http://h:1/gateway"
    assert root_of("http://h:1") == "http://h:1"


def test_asking_ends_when_the_time_is_over(monkeypatch):
    monkeypatch.setattr(dialect, "WITHIN_S", 0.0)
    asked = []
    assert told(STAND_INS["vllm"], asked).dialect == "openai"
    assert asked == ["/v1/models"]


def external(folder, answers, **fields):
    with standing_in(answers) as url:
        model = ModelSpec(id="m", runtime="external", base_url=f"{url}/v1", model="m")
        return External().serve(treatment(model, **fields), context(folder))


def test_an_external_server_is_recorded_with_what_it_is_and_where_it_runs(tmp_path):
    served = external(tmp_path, STAND_INS["ollama"])
    assert served.endpoint.server.name == "Ollama"
    assert served.endpoint.device == "gpu (25% of 2 GB)"
    assert served.endpoint.placement.evidence == "Ollama's /api/ps: size_vram 500,000,000 of 2,000,000,000 bytes"
    assert "only partly on the GPU" in served.facts().notes[0]


def test_an_external_server_that_ran_elsewhere_than_asked_is_no_row(tmp_path):
    with pytest.raises(ServingError, match="but it runs on a GPU"):
        external(tmp_path, STAND_INS["ollama"], gpu=Gpu(mode="off"))
    on_cpu = {**STAND_INS["ollama"], "/api/ps": {"models": [{"name": "m", "size": 7, "size_vram": 0}]}}
    with pytest.raises(ServingError, match="nothing of it runs on a GPU") as caught:
        external(tmp_path, on_cpu, gpu=Gpu(mode="on"))
    assert caught.value.state == "unavailable"


def test_what_a_running_server_cannot_be_told_stands_in_its_row(tmp_path):
    notes = external(tmp_path, STAND_INS["llama.cpp"], threads=2, context=8192, gpu=Gpu(layers=3)).facts().notes
    assert "`threads: 2` is not passed on" in notes[0]
    assert "`context: 8192` is not passed on: the server keeps what it was started with; it has 4,096" in notes[1]
    assert "`layers:` and `devices:` of `gpu:` are not passed on" in notes[2]
    assert external(tmp_path, STAND_INS["llama.cpp"], context=4096).facts().notes == ()
