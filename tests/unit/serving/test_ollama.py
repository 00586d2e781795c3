"""A model in an Ollama that already runs: loaded with the spec's settings, told of, and let go of where bench had loaded it."""

import pytest
from harness.ollama_server import ollama
from harness.serving import context, treatment

from bench.errors import ServingError
from bench.records.spec import Gpu, ModelSpec
from bench.serving.context_size import context_of
from bench.serving.external import External
from bench.serving.ollama import options_of


def serve(folder, server, *, dialect=None, name="m", native=True, **settings):
    model = ModelSpec(id="m", runtime="external", base_url=f"{server.base_url}/v1", model=name, dialect=dialect)
    return External().serve(treatment(model, **settings), context(folder, native=native))


def test_it_is_loaded_with_its_settings_before_anything_is_measured_and_unloaded_in_the_end(tmp_path):
    with ollama() as server:
        served = serve(tmp_path, server, context=2048, threads=3, gpu=Gpu(mode="off"))
        endpoint = served.endpoint
        assert (endpoint.api, endpoint.server.version, endpoint.served_model) == ("ollama", "0.12.6", "m:latest")
        assert endpoint.server.options == {"num_ctx": 2048, "num_thread": 3, "num_gpu": 0}
        assert endpoint.server.keep_alive == "30m"
        assert 0 < endpoint.load_s < 5
        assert endpoint.placement.evidence == "Ollama's /api/ps: size_vram 0 of 200 bytes"
        assert endpoint.device == "cpu"
        assert served.facts().notes == ()
        assert context_of(endpoint, None) == 2048
        served.close()
        served.close()
        loaded, let_go = server.bodies("/api/generate")
        assert loaded == {"model": "m:latest", "options": endpoint.server.options, "stream": False, "keep_alive": "30m"}
        assert let_go == {"model": "m:latest", "keep_alive": 0, "stream": False}
        assert server.loaded == []


def test_a_model_that_somebody_else_loaded_stays_loaded_and_has_no_load_time(tmp_path):
    there = {"name": "m:latest", "model": "m:latest", "size": 200, "size_vram": 200}
    with ollama(loaded=[there]) as server:
        served = serve(tmp_path, server)
        assert served.endpoint.load_s is None
        assert served.endpoint.server.keep_alive is None
        assert context_of(served.endpoint, None) == 4096
        served.close()
        assert [body.get("keep_alive") for body in server.bodies("/api/generate")] == [None]
        assert len(server.loaded) == 1


@pytest.mark.parametrize("settings", [{"dialect": "openai"}, {"native": False}])
def test_by_openai_s_api_nothing_is_loaded_and_what_it_cannot_be_told_is_said(tmp_path, settings):
    with ollama() as server:
        served = serve(tmp_path, server, context=2048, threads=3, **settings)
        assert served.endpoint.api == "openai"
        assert served.endpoint.server.options == {}
        notes = " ".join(served.facts().notes)
        assert "`threads: 3` is not passed on" in notes
        assert "`context: 2048` is not passed on" in notes
        served.close()
        assert server.asked == []


def test_a_forced_dialect_speaks_native_though_nothing_confirms_it(tmp_path):
    with ollama() as server:
        served = serve(tmp_path, server, dialect="ollama")
        assert served.endpoint.api == "ollama"
        served.close()


def test_a_model_that_cannot_be_loaded_is_a_row_with_its_words(tmp_path):
    with ollama(refuses={"/api/generate": "model requires more system memory\n(9 GiB)"}) as server, pytest.raises(ServingError) as caught:
        serve(tmp_path, server)
    assert caught.value.message == "Ollama's /api/generate says: model requires more system memory (9 GiB)"
    assert (caught.value.hint, caught.value.state) == ("look at Ollama's log", "failed")


def test_a_model_that_runs_elsewhere_than_asked_is_let_go_of(tmp_path):
    with ollama() as server:
        with pytest.raises(ServingError, match="nothing of it runs on a GPU"):
            serve(tmp_path, server, gpu=Gpu(mode="on"))
        assert server.bodies("/api/generate")[-1]["keep_alive"] == 0


def test_the_devices_are_those_that_it_was_started_with(tmp_path):
    with ollama() as server:
        served = serve(tmp_path, server, gpu=Gpu(layers=4, devices=(1,)))
        assert served.endpoint.server.options == {"num_gpu": 4}
        assert "`devices:` of `gpu:` are not passed on" in served.facts().notes[0]
        served.close()


def test_a_name_with_its_tag_is_that_very_model(tmp_path):
    with ollama(models=("m:1b", "m:latest")) as server:
        served = serve(tmp_path, server, name="m:1b")
        assert served.endpoint.served_model == "m:1b"
        served.close()
        with pytest.raises(ServingError, match="offers no model 'm:9b'"):
            serve(tmp_path, server, name="m:9b")


def test_without_settings_nothing_is_said_of_them():
    assert options_of(treatment(ModelSpec(id="m", runtime="external"))) == {}


def test_a_server_that_ends_before_its_model_is_let_go_of_is_no_trouble(tmp_path):
    with ollama() as server:
        served = serve(tmp_path, server)
    served.close()
