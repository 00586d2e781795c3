import json
import os

import pytest
from harness.serving import Answer, answering, context, models, treatment

from bench.errors import ServingError
from bench.records.spec import Gpu, ModelSpec
from bench.serving.digests import folder_digest
from bench.serving.foundry_choice import wanted_device
from bench.serving.foundry_local import FoundryLocal
from bench.serving.foundry_service import device_of

CPU, GPU, OTHER = "Phi-4-mini-instruct-generic-cpu:5", "Phi-4-mini-instruct-cuda-gpu:5", "DeepSeek-R1-Distill-Qwen-7B-generic-cpu:3"


class Service:
    """A Foundry Local service: which names it knows, which alias loads which, what is loaded, where its models lie."""

    def __init__(self, aliases, loaded=(), cache=None):
        self.aliases, self.loaded, self.asked, self.cache = aliases, list(loaded), [], cache

    def __call__(self, path, _headers):
        self.asked.append(path)
        first, _, last = path.strip("/").rpartition("/")
        match first:
            case "" if last == "status":
                return Answer(value={"pid": os.getpid(), "endpoints": [], "modelCachePath": self.cache})
            case "v1":
                return models(CPU, GPU, OTHER)
            case "models" if last == "loaded":
                return Answer(value=self.loaded)
            case "models/load":
                if last not in self.aliases:
                    return Answer(status=404)
                if self.aliases[last] not in self.loaded:
                    self.loaded.append(self.aliases[last])
            case "models/unload":
                self.loaded.remove(self.aliases[last])
        return Answer(value={})


def entry(**fields):
    return ModelSpec(id="phi", runtime="foundry-local", **fields)


def refusal(folder, environ, model, **fields):
    with pytest.raises(ServingError) as caught:
        FoundryLocal().serve(treatment(model, **fields), context(folder, environ=environ))
    assert caught.value.state == "unavailable"
    return caught.value


def test_a_dead_address_is_said_to_be_dead(tmp_path):
    found = refusal(tmp_path, {"FOUNDRY_LOCAL_ENDPOINT": "http://127.0.0.1:9"}, entry(alias="phi-4-mini"))
    assert "no Foundry Local service answers on http://127.0.0.1:9" in found.message


@pytest.mark.parametrize("ending", ["", "/", "/v1"])
def test_an_alias_is_loaded_named_exactly_and_unloaded(tmp_path, ending):
    service = Service({"deepseek-r1-7b": OTHER})
    with answering(service) as url:
        served = FoundryLocal().serve(treatment(entry(alias="deepseek-r1-7b")), context(tmp_path, environ={"FOUNDRY_LOCAL_ENDPOINT": url + ending}))
        assert served.endpoint.served_model == OTHER
        assert served.endpoint.base_url == f"{url}/v1"
        assert served.endpoint.load_s >= 0
        assert served.endpoint.device == "cpu (generic, by its name)"
        assert served.endpoint.pid == os.getpid()
        assert not served.endpoint.owned
        assert (served.endpoint.server.dialect, served.endpoint.server.evidence) == ("foundry-local", "GET /status")
        facts = served.facts()
        assert facts.rss_loaded_bytes > 0
        assert "whole Foundry Local service" in facts.notes[0]
        served.close()
        served.close()
    assert service.loaded == []
    assert service.asked.count("/models/unload/deepseek-r1-7b") == 1


def in_cache(folder, name, content=b"weights", *, place="Microsoft/phi/v5"):
    made = folder / place
    made.mkdir(parents=True)
    (made / "inference_model.json").write_text(json.dumps({"Name": name}), encoding="utf-8")
    (made / "model.onnx").write_bytes(content)
    return made


def digest(folder, service):
    with answering(service) as url:
        served = FoundryLocal().serve(treatment(entry(alias="phi-4-mini")), context(folder, environ={"FOUNDRY_LOCAL_ENDPOINT": url}))
        served.close()
    return served.endpoint.weights_digest


def test_files_of_a_running_service_are_known_by_their_digest_where_they_are_on_this_machine(tmp_path):
    cache = tmp_path / "models"
    made = in_cache(cache, CPU)
    in_cache(cache, GPU, b"others", place="Microsoft/phi-gpu/v5")
    (cache / "Microsoft" / "phi-gpu" / "v5" / "inference_model.json").write_text("{", encoding="utf-8")
    found = digest(tmp_path, Service({"phi-4-mini": CPU}, cache=str(cache)))
    assert found == folder_digest(made, CPU, context(tmp_path))
    assert digest(tmp_path, Service({"phi-4-mini": OTHER}, cache=str(cache))) is None
    in_cache(cache, CPU, place="copy/phi/v5")  # two say that they are it
    assert digest(tmp_path, Service({"phi-4-mini": CPU}, cache=str(cache))) is None
    assert digest(tmp_path, Service({"phi-4-mini": CPU})) is None


def test_of_a_model_that_was_loaded_before_only_files_older_than_the_service_are_its_own(tmp_path):
    cache = tmp_path / "models"
    made = in_cache(cache, CPU)
    loaded = Service({"phi-4-mini": CPU}, loaded=[CPU], cache=str(cache))
    assert digest(tmp_path, loaded) is None  # written after this process, which says that it is the service, began
    for path in (made, *made.iterdir()):
        os.utime(path, (0, 0))
    assert digest(tmp_path, loaded) == folder_digest(made, CPU, context(tmp_path))


def test_a_service_that_does_not_say_what_it_is_is_taken_for_what_the_spec_calls_it(tmp_path):
    answers = {"/v1/models": models(CPU), "/models/loaded": Answer(value=[CPU])}
    with answering(lambda path, _headers: answers.get(path, Answer(status=404))) as url:
        served = FoundryLocal().serve(treatment(entry(model=CPU, base_url=url)), context(tmp_path))
    assert served.endpoint.server.dialect == "foundry-local"
    assert "does not say so" in served.endpoint.server.evidence


def test_what_was_loaded_before_is_used_and_left_loaded(tmp_path):
    service = Service({}, loaded=[CPU, OTHER])
    with answering(service) as url:
        served = FoundryLocal().serve(treatment(entry(model=CPU, base_url=url)), context(tmp_path))
        assert served.endpoint.served_model == CPU
        assert served.endpoint.load_s is None
        served.close()
    assert service.loaded == [CPU, OTHER]


def test_an_exact_name_alone_is_loaded_by_the_alias_that_the_catalogue_has_for_it(tmp_path):
    listed = {"models": [{"id": CPU, "alias": "phi-4-mini"}, "odd"]}
    (tmp_path / "foundry.modelinfo.json").write_text(json.dumps(listed), encoding="utf-8")
    service = Service({"phi-4-mini": CPU}, cache=str(tmp_path))
    with answering(service) as url:
        served = FoundryLocal().serve(treatment(entry(model=CPU, base_url=url)), context(tmp_path))
        assert served.endpoint.served_model == CPU
        assert served.endpoint.load_s >= 0
        served.close()
    assert service.loaded == []


def test_an_alias_that_is_loaded_among_others_is_unclear(tmp_path):
    with answering(Service({"phi-4-mini": CPU}, loaded=[CPU, OTHER])) as url:
        found = refusal(tmp_path, {}, entry(alias="phi-4-mini", base_url=url))
    assert "unclear" in found.message
    assert CPU in found.hint


def test_a_device_that_the_name_contradicts_is_refused(tmp_path):
    service = Service({"phi-4-mini": CPU})
    with answering(service) as url:
        found = refusal(tmp_path, {}, entry(alias="phi-4-mini", base_url=url), device="gpu")
    assert service.loaded == []
    assert "does not run on device 'gpu'" in found.message
    assert f"model: {GPU}" in found.hint


def test_an_unknown_name_gets_a_near_miss(tmp_path):
    with answering(Service({})) as url:
        found = refusal(tmp_path, {}, entry(model="Phi-4-mini-instruct-generic-cpu", base_url=url))
        unknown = refusal(tmp_path, {}, entry(alias="nothing-like-it", base_url=url))
    assert f"near: {CPU}" in found.hint
    assert "knows no model 'nothing-like-it'" in unknown.message


def test_the_device_is_read_from_either_word():
    model = entry()
    assert wanted_device(treatment(model)) == "auto"
    assert wanted_device(treatment(model, gpu=Gpu(mode="off"))) == "cpu"
    assert wanted_device(treatment(model, gpu=Gpu(mode="on"))) == "gpu"
    assert wanted_device(treatment(model, device="npu", gpu=Gpu(mode="on"))) == "npu"
    assert device_of("something-else", {}) is None


def test_what_cannot_be_asked_of_a_running_service_is_told(tmp_path):
    with answering(Service({}, loaded=[CPU])) as url:
        asked = treatment(entry(model=CPU, base_url=url), threads=2, context=512, gpu=Gpu(layers=3))
        served = FoundryLocal().serve(asked, context(tmp_path))
        notes = served.facts().notes
        served.close()
    assert "`threads:` has no effect on a service that bench did not start" in notes
    assert "`context:` has no effect on a service that bench did not start" in notes
    assert "`gpu: {layers}` has no effect: the variant of Foundry Local is the device" in notes


def catalogued(folder, **devices):
    """A model cache whose catalogue says on what each name runs."""
    listed = [{"id": name, "runtime": {"deviceType": told, "executionProvider": f"{told}Provider"}} for name, told in devices.items()]
    (folder / "foundry.modelinfo.json").write_text(json.dumps({"version": 1, "models": [*listed, {"id": "odd", "runtime": None}]}))
    return str(folder)


def test_the_catalogue_of_a_service_on_this_machine_says_more_than_a_name(tmp_path):
    service = Service({"phi": CPU}, cache=catalogued(tmp_path, **{CPU: "GPU"}))
    with answering(service) as url:
        served = FoundryLocal().serve(treatment(entry(alias="phi", base_url=url), device="gpu"), context(tmp_path))
        assert served.endpoint.device == "gpu (GPUProvider, by its catalogue)"
        assert served.endpoint.placement is None  # nothing showed it
        served.close()
        found = refusal(tmp_path, {}, entry(alias="phi", base_url=url), device="cpu")
    assert "which by its catalogue does not run on device 'cpu'" in found.message


@pytest.mark.parametrize("content", [b"", b"[]", b'{"models": 3}', b'{"models": [3]}', b"\xff", b'{"models": [{"id": 1, "runtime": 2}]}'])
def test_a_catalogue_that_cannot_be_read_leaves_the_name(tmp_path, content):
    (tmp_path / "foundry.modelinfo.json").write_bytes(content)
    with answering(Service({"phi": CPU}, cache=str(tmp_path))) as url:
        served = FoundryLocal().serve(treatment(entry(alias="phi", base_url=url)), context(tmp_path))
        assert served.endpoint.device == "cpu (generic, by its name)"
        served.close()


LOAD_FAILED = (
    "Load failed: model_load_manager.cc:228 fl::ModelLoadManager::LoadResult fl::ModelLoadManager::LoadModel(std::string_view, std::string_view, "
    "fl::ExecutionProvider) model 'Phi-4-mini-instruct-cuda-gpu:5' requires CUDAExecutionProvider which is not registered."
)


def test_a_refusal_to_load_is_told_in_the_services_words_without_the_place_in_its_source(tmp_path):
    service = Service({})

    def refuse(path, headers):
        return Answer(status=500, value={"error": {"message": LOAD_FAILED}}) if "/load/" in path else service(path, headers)

    with answering(refuse) as address, pytest.raises(ServingError) as caught:
        FoundryLocal().serve(treatment(entry(alias="phi-4-mini")), context(tmp_path, environ={"FOUNDRY_LOCAL_ENDPOINT": address}))
    assert caught.value.message == (
        "Foundry Local does not load 'phi-4-mini': 500 Load failed: model 'Phi-4-mini-instruct-cuda-gpu:5' requires CUDAExecutionProvider which is "
        "not registered."
    )
    assert "bench hosts it" in caught.value.hint


def test_another_variant_than_the_named_one_is_unloaded_again(tmp_path):
    service = Service({"phi-4-mini": GPU})
    with answering(service) as address:
        found = refusal(tmp_path, {"FOUNDRY_LOCAL_ENDPOINT": address}, entry(alias="phi-4-mini", model=CPU))
    assert found.message == f"Foundry Local loads {GPU} for 'phi-4-mini', not {CPU}"
    assert service.loaded == []
